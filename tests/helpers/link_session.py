"""Two Link programs: an aalink peer here, stembridge's child as a process; prints figures."""

from __future__ import annotations

import asyncio
import json
import queue
import statistics
import sys
import time
from typing import Any

import aalink

from stembridge.children.child import Child
from stembridge.children.messages import Anchor
from stembridge.link import join


def anchor_where(inbox: queue.Queue[Any], wanted: Any, timeout_s: float = 10.0) -> Anchor:
    until = time.monotonic() + timeout_s
    while True:
        message = inbox.get(timeout=max(0.01, until - time.monotonic()))
        if isinstance(message, Anchor) and wanted(message):
            return message


def main() -> None:
    inbox: queue.Queue[Any] = queue.Queue()
    child = Child("link", "stembridge.link", on_message=inbox.put)
    child.start()
    peer = asyncio.new_event_loop().run_until_complete(join(aalink))
    peer.tempo = 128.0
    anchor_where(inbox, lambda anchor: anchor.running)
    time.sleep(0.5)
    followed = 0
    for bpm in (93.0, 174.0, 128.0):
        peer.tempo = bpm
        anchor_where(inbox, lambda anchor, bpm=bpm: abs(anchor.bpm - bpm) < 1e-3)
        followed += 1
    time.sleep(0.5)
    while not inbox.empty():
        inbox.get()
    off_ms = []
    for _ in range(8):
        anchor = anchor_where(inbox, lambda _: True)
        before = time.monotonic()
        beat = float(peer.beat)
        now = (before + time.monotonic()) / 2
        # Link agrees on the phase within the quantum of four beats, not on the beat's number.
        off = (anchor.beat_at(now) - beat + 2.0) % 4.0 - 2.0
        off_ms.append(abs(off) * 60e3 / anchor.bpm)
    peer.enabled = False
    ended = anchor_where(inbox, lambda anchor: not anchor.source)
    child.stop()
    figures = {
        "followed": followed,
        "phase_ms": statistics.median(off_ms),
        "ended": float(not ended.running),
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main()
