"""Ableton Link in a process of its own: tempo and beat shared with every Link program nearby.

Off by default: Link multicasts on every network interface, and aalink is GPLv3 (an optional extra,
`pip install "stembridge[link]"`), which is why it lives behind a pipe.

Link's beat never stands still, so the session counts as running while there are peers.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from stembridge.children.loop import ChildLoop
from stembridge.children.messages import Anchor, LinkPeers
from stembridge.errors import MissingExtraError

ANCHOR_EVERY_S = 0.25
FIRST_BPM = 120.0
BEATS_PER_BAR = 4.0
"""Link's quantum: programs agree on the beat within so many beats, so on bar lines of 4/4."""

INSTALL_LINK = 'Ableton Link needs: pip install "stembridge[link]".'


def library() -> Any:
    """The aalink module.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import aalink
    except ImportError as error:
        raise MissingExtraError(INSTALL_LINK) from error
    return aalink


class LinkChild:
    """Says where the Link session is."""

    def __init__(self, loop: ChildLoop, link: Any) -> None:
        self._loop = loop
        self._link = link
        self._peers = -1
        self._bpm = 0.0
        self._next_s = 0.0

    def handle(self, _: Any) -> None:
        """Link takes no commands."""

    def close(self) -> None:
        """Leave the session, so that the others need not time us out."""
        self._link.enabled = False

    def turn(self) -> None:
        """Report at once what has changed, and the beat now and then."""
        now = time.monotonic()
        peers, bpm = int(self._link.num_peers), float(self._link.tempo)
        if peers != self._peers:
            self._loop.send(LinkPeers(peers))
        changed = peers != self._peers or bpm != self._bpm
        gone = peers == 0 and self._peers > 0
        self._peers, self._bpm = peers, bpm
        if (peers and (changed or now >= self._next_s)) or gone:
            self._next_s = now + ANCHOR_EVERY_S
            self._loop.send(self._anchor(peers))

    def _anchor(self, peers: int) -> Anchor:
        # The beat is read between two looks at the clock; their middle is its moment.
        before = time.monotonic()
        beat = float(self._link.beat)
        now = (before + time.monotonic()) / 2
        return Anchor(now, beat, self._bpm, peers > 0, "link" if peers else "")


async def join(aalink: Any) -> Any:
    """A member of the Link session; aalink wants to be made inside a running event loop."""
    link = aalink.Link(FIRST_BPM)
    link.quantum = BEATS_PER_BAR
    link.enabled = True
    return link


def main() -> None:
    """Join the session; until the parent goes."""
    loop = ChildLoop()
    try:
        aalink = library()
    except MissingExtraError as error:
        loop.say_and_wait(error)
        return
    link = asyncio.new_event_loop().run_until_complete(join(aalink))
    child = LinkChild(loop, link)
    loop.on_quit = child.close
    loop.run(child.handle, child.turn)


if __name__ == "__main__":
    main()
