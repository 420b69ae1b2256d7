"""Ask the daemon for a bass line under your drums, with stembridge's own client.

stembridge serve                                  # in another terminal
python examples/osc_client.py drums.wav --bpm 120 --bars 8
"""

import argparse
from pathlib import Path

from stembridge.client import Client, Progress, Stem
from stembridge.errors import StembridgeError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("drums", type=Path, help="audio file that starts on the bar line")
    parser.add_argument("--bpm", default="120", help="tempo, as decimal text")
    parser.add_argument("--bars", type=int, default=8)
    parser.add_argument("--port", type=int, default=9420, help="the daemon's UDP port")
    arguments = parser.parse_args()

    with Client(port=arguments.port) as client:
        print(f"the model on {client.model()['device']} makes {client.model()['stems']}")
        job = client.generate(
            generate="bass",
            bpm=arguments.bpm,
            bars=arguments.bars,
            context={"drums": str(arguments.drums.resolve())},
        )
        for event in job.events():
            match event:
                case Progress(stage, fraction):
                    print(f"{stage:7} {fraction:5.0%}")
                case Stem():
                    print(f"{event.stem}: {event.path} ({event.frames} samples at {event.rate} Hz)")
                    for note in event.said:
                        print(f"  note: {note}")


if __name__ == "__main__":
    try:
        main()
    except StembridgeError as error:
        raise SystemExit(f"{error} [{error.symbol} {error.code}]") from None
