"""`python -m stembridge.audio_io [FOLDER]...`: the audio child, started by the bridge."""

from __future__ import annotations

import sys

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio_io.process import AudioChild
from stembridge.children.loop import ChildLoop


def main(arguments: list[str]) -> None:
    """Run until the parent goes."""
    roots = AllowedRoots.of(arguments) if arguments else AllowedRoots.anywhere()
    loop = ChildLoop()
    child = AudioChild(loop, roots)
    loop.on_quit = child.close
    loop.run(child.handle, child.turn)


if __name__ == "__main__":
    main(sys.argv[1:])
