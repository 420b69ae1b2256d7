"""The child's side: commands come in on stdin, messages go out on stdout, silence means trouble."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from stembridge.children.messages import Alive, Failed, Quit
from stembridge.children.pipe import decode, encode
from stembridge.errors import StembridgeError

ALIVE_EVERY_S = 0.25
FAREWELL_S = 0.5
TURN_S = 0.02
"""Longest wait of a turn: commands and device checks are at most this late."""


class ChildLoop:
    """Reads commands on a thread, runs everything else on the main one.

    Only the main loop says `Alive`, so a driver call that never returns falls silent and the
    parent ends the process. The process leaves by `os._exit`: libraries that tidy up at exit may
    wait for a sound server that is gone.

    Attributes:
        on_quit: closes ports and devices, within `FAREWELL_S`, when the parent goes.
    """

    def __init__(self) -> None:
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # Whatever prints (a library, a traceback) must not garble the pipe.
        self._pipe = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        self._lock = threading.Lock()
        self._next_alive_s = 0.0
        self._n = 0
        self.on_quit: Callable[[], None] = lambda: None

    def send(self, message: object) -> None:
        """Hand a message to the parent; without a parent, end."""
        line = encode(message)
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._pipe, line) :]
            except OSError:
                os._exit(0)

    def wake(self, item: Any) -> None:
        """Put something into the inbox from another thread, such as a driver's callback."""
        self._inbox.put(item)

    def run(self, handle: Callable[[Any], None], turn: Callable[[], None]) -> None:
        """Until the parent goes: `handle` each item, and `turn` at least every `TURN_S`."""
        threading.Thread(target=self._read, daemon=True).start()
        while True:
            self._show_life()
            try:
                handle_all(self._inbox, handle, TURN_S)
                turn()
            except StembridgeError as error:
                self.send(Failed("", error.symbol, error.sentence))

    def say_and_wait(self, error: StembridgeError) -> None:
        """Report what cannot be helped, and stay so that nobody starts this again and again."""
        self.send(Failed("", error.symbol, error.sentence))
        self.run(lambda _: None, lambda: None)

    def _show_life(self) -> None:
        now = time.monotonic()
        if now >= self._next_alive_s:
            self._next_alive_s = now + ALIVE_EVERY_S
            self._n += 1
            self.send(Alive(self._n))

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            message = decode(line)
            if isinstance(message, Quit):
                break
            self._inbox.put(message)
        # A sound server copes better with goodbye; a dead one must not keep us.
        farewell = threading.Thread(target=self.on_quit, daemon=True)
        farewell.start()
        farewell.join(FAREWELL_S)
        os._exit(0)


def handle_all(inbox: queue.SimpleQueue[Any], handle: Callable[[Any], None], wait_s: float) -> None:
    """Handle what is there, waiting up to `wait_s` for the first item."""
    try:
        handle(inbox.get(timeout=wait_s))
    except queue.Empty:
        return
    while not inbox.empty():
        handle(inbox.get_nowait())
