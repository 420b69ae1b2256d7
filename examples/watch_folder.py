"""Watch a folder from your own program: drop stems in, get the missing ones out.

    stembridge serve                       # in another terminal
    python examples/watch_folder.py songs/

`stembridge watch songs/` does the same; this shows how to hang something of your own on it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from stembridge.client import Client
from stembridge.watch import Watcher, WatchSettings


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the missing stems of every song.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bpm", default="", help="tempo of songs whose names tell none")
    parser.add_argument("--port", type=int, default=9420)
    parser.add_argument("--once", action="store_true", help="one look, then stop")
    options = parser.parse_args()
    settings = WatchSettings(bpm=options.bpm, settle_s=0.0 if options.once else 1.5)
    with Client(port=options.port) as client:
        watcher = Watcher(options.folder.resolve(), settings, client, print)
        while True:
            for path in watcher.look():
                print(f"new: {path}")  # e.g. import it into your DAW here
            if options.once:
                return
            time.sleep(settings.look_s)


if __name__ == "__main__":
    main()
