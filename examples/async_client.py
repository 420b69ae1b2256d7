"""Several takes at once, and a change of mind: the asynchronous client.

stembridge serve                                  # in another terminal
python examples/async_client.py --seeds 1 2 3
"""

import argparse
import asyncio

from stembridge.client import AsyncClient, Progress
from stembridge.errors import CancelledError


async def take(client: AsyncClient, seed: int) -> str:
    """All four stems from nothing but a chord progression."""
    job = await client.generate(
        generate="bass,drums,guitar,piano", bpm="96", bars=4, chords="Am F C G", seed=seed
    )
    stems = await job.wait()
    return f"seed {seed}: {', '.join(stem.path for stem in stems)}"


async def change_of_mind(client: AsyncClient) -> str:
    """Start something long, hear of its beginning, take it back."""
    job = await client.generate(generate="drums", bpm="96", bars=64, steps=500)
    try:
        async for event in job.events():
            if isinstance(event, Progress):
                await client.cancel(job.request_id)
    except CancelledError as error:
        return str(error)
    return "it was too quick to be taken back"


async def main(port: int, seeds: list[int]) -> None:
    async with AsyncClient(port=port) as client:
        for result in asyncio.as_completed([take(client, seed) for seed in seeds]):
            print(await result)
        print(await change_of_mind(client))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=9420, help="the daemon's UDP port")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    asyncio.run(main(arguments.port, arguments.seeds))
