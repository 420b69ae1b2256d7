"""The parent's side: start a child, watch it, kill it when it hangs, start it again.

A lost sound server can block a call inside C for ever; no signal handler runs then and no timeout
helps. Only ending the process does, which is why it is another one.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from stembridge.children.messages import Alive, Failed, Quit
from stembridge.children.pipe import decode, encode
from stembridge.errors import BadArgsError, DeviceLostError

log = logging.getLogger(__name__)

HANG_S = 3.0
"""A child that has been of use and then falls silent for longer is stuck."""

OPENING_S = 10.0
"""A child that opens its device may be silent for so long: drivers load, sound servers start."""

START_S = 20.0
"""Time a child has for its imports on a busy machine."""

FIRST_DELAY_S = 0.05
LONGEST_DELAY_S = 1.0
"""A child that ends without ever having been of use is started again after growing delays."""


class Child:
    """A child process that is always there.

    Attributes:
        name: for the log and `Failed.about`.
        starts: how often it has been started.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str] = (),
        *,
        on_message: Callable[[Any], None],
        setup: Callable[[], Sequence[object]] = tuple,
    ) -> None:
        """Prepare; nothing runs before `start`.

        Args:
            name: for humans.
            module: what `python -m` runs.
            arguments: its command line.
            on_message: called on a thread of this object with every message but `Alive`; a hang
                or crash comes as `Failed` with DEVICE_LOST.
            setup: messages a fresh child gets first.
        """
        self.name = name
        self._command = [sys.executable, "-m", module, *arguments]
        self._on_message = on_message
        self._setup = setup
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._last_sign_s = 0.0
        self._was_useful = False
        self.starts = 0
        self._threads: list[threading.Thread] = []

    @property
    def pid(self) -> int | None:
        """Process id, while it runs."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def start(self) -> None:
        """Start the child and the threads that keep it there."""
        for target in (self._keep, self._watch):
            thread = threading.Thread(target=target, name=f"{self.name}-{target.__name__}")
            thread.daemon = True
            thread.start()
            self._threads.append(thread)

    def send(self, message: object) -> bool:
        """Hand a message over; False if no child runs at this moment."""
        line = encode(message)
        with self._lock:
            process = self._process
            if process is None or process.stdin is None:
                return False
            try:
                process.stdin.write(line)
                process.stdin.flush()
            except (OSError, ValueError):
                return False
        return True

    def stop(self) -> None:
        """End the child, kindly for a second, then not."""
        self._ended.set()
        self.send(Quit())
        process = self._process
        if process is not None:
            try:
                process.wait(1.0)
            except subprocess.TimeoutExpired:
                process.kill()
        for thread in self._threads:
            thread.join(2.0)
        process = self._process  # one that was just being started when `stop` came
        if process is not None and process.poll() is None:
            process.kill()

    def _keep(self) -> None:
        delay_s = FIRST_DELAY_S
        while not self._ended.is_set():
            self._was_useful = False
            with contextlib.closing(self._spawn()) as lines:
                for line in lines:
                    self._last_sign_s = time.monotonic()
                    self._take(line)
            if self._ended.is_set():
                return
            if self._was_useful:
                delay_s = FIRST_DELAY_S
            self._ended.wait(delay_s)
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)

    def _spawn(self) -> Any:
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Sound libraries talk a lot there; a child says what matters as `Failed`.
            stderr=None if log.isEnabledFor(logging.DEBUG) else subprocess.DEVNULL,
        )
        self._last_sign_s = time.monotonic() + START_S - OPENING_S
        self.starts += 1
        with self._lock:
            self._process = process
        for message in self._setup():
            self.send(message)
        return _Lines(process)

    def _take(self, line: bytes) -> None:
        try:
            message = decode(line)
        except BadArgsError as error:
            log.warning("%s: %s", self.name, error)
            return
        if not isinstance(message, Alive):
            self._was_useful |= not isinstance(message, Failed)
            self._on_message(message)

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            process = self._process
            if process is None or process.poll() is not None:
                continue
            patience_s = HANG_S if self._was_useful else OPENING_S
            if time.monotonic() - self._last_sign_s > patience_s:
                log.warning("%s hangs; ending it", self.name)
                process.kill()
                self._last_sign_s = time.monotonic() + START_S
                self._on_message(
                    Failed("", DeviceLostError.symbol, f"The {self.name} driver stopped answering.")
                )


class _Lines:
    """The child's lines until it ends; closing reaps it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __iter__(self) -> Any:
        return iter(self._process.stdout or ())

    def close(self) -> None:
        """Reap the process and close its pipes."""
        process = self._process
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
