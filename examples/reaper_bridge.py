"""The part of the REAPER script that talks to the daemon (REAPER's Lua has no sockets).

    python reaper_bridge.py JOB
    python reaper_bridge.py --roles NAMES

JOB is a text file of tab-separated lines: `key<TAB>value` for the request, and
`clip<TAB>key=value<TAB>…` for each piece of context. What happens is written to JOB.news, one line
per event: `progress<TAB>fraction<TAB>stage`, `stem<TAB>name<TAB>variation<TAB>path<TAB>frames
<TAB>rate<TAB>MIDI file or nothing<TAB>seed`, `remark<TAB>sentence`, then `done<TAB>folder` or
`error<TAB>sentence`. A file JOB.cancel takes the job back.

NAMES is a text file of track names, one a line; the answer is `role<TAB>stem` for each of them, the
stem being `-` where a name speaks of none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path

from stembridge.client import AsyncClient, Done, Job, Progress, Stem
from stembridge.errors import StembridgeError
from stembridge.roles import role_of

CANCEL_LOOK_S = 0.1


def read_job(text: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The request's keys, and the clips."""
    keys: dict[str, str] = {}
    clips: list[dict[str, str]] = []
    for line in text.splitlines():
        head, *fields = line.split("\t")
        if head == "clip":
            clips.append(dict(field.partition("=")[::2] for field in fields))
        elif fields:
            keys[head] = fields[0]
    return keys, clips


class News:
    """The file that the script in REAPER reads while we write it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tell(self, *fields: object) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\t".join(str(field) for field in fields) + "\n")


async def follow(job: Job, news: News) -> None:
    said = set()
    async for event in job.events():
        if isinstance(event, Progress):
            news.tell("progress", f"{event.fraction:.3f}", event.stage)
        elif isinstance(event, Stem):
            fields = (event.stem, event.variation, event.path, event.frames, event.rate)
            verdict = json.loads(event.verdict)
            news.tell("stem", *fields, event.midi or "", verdict.get("seed", ""))
            for remark in verdict.get("warnings", []):
                if remark not in said:
                    said.add(remark)
                    news.tell("remark", " ".join(remark.split()))
        elif isinstance(event, Done):
            news.tell("done", event.folder)


async def cancel_when_asked(path: Path, client: AsyncClient, job: Job) -> None:
    while not path.exists():
        await asyncio.sleep(CANCEL_LOOK_S)
    await client.cancel(job.request_id)


async def run(job_path: Path) -> None:
    news = News(job_path.with_suffix(".news"))
    keys, clips = read_job(job_path.read_text(encoding="utf-8"))
    try:
        async with AsyncClient(port=int(keys.pop("port", "9420"))) as client:
            job = await client.generate(clips=clips, **keys)
            cancel = job_path.with_suffix(".cancel")
            watch = asyncio.create_task(cancel_when_asked(cancel, client, job))
            try:
                await follow(job, news)
            finally:
                watch.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch
    except StembridgeError as error:
        news.tell("error", error)


def tell_roles(path: Path) -> None:
    for name in path.read_text(encoding="utf-8", errors="replace").splitlines():
        print(f"role\t{role_of(name) or '-'}")


if __name__ == "__main__":
    if sys.argv[1] == "--roles":
        tell_roles(Path(sys.argv[2]))
        sys.exit()
    asyncio.run(run(Path(sys.argv[1])))
