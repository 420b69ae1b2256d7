"""`python -m stembridge.midi [MAPPING.toml]`: the MIDI child, started by the bridge."""

from __future__ import annotations

import sys
from pathlib import Path

from stembridge.children.loop import ChildLoop
from stembridge.midi.mapping import load_mapping
from stembridge.midi.process import MidiChild


def main(arguments: list[str]) -> None:
    """Run until the parent goes."""
    loop = ChildLoop()
    child = MidiChild(loop, load_mapping(Path(arguments[0]) if arguments else None))
    loop.on_quit = child.close
    loop.run(child.handle, child.turn)


if __name__ == "__main__":
    main(sys.argv[1:])
