"""A daemon as a process of its own, on a folder of its own, with the fake model."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

START_S, STOP_S = 180.0, 60.0


class DaemonProcess:
    """`stembridge serve` on `folder`, for kill -9 and signals.

    Attributes:
        lines: what it has printed so far.
        port: where it listens.
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        *flags: str,
        model: str = "fake:",
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it and wait until it listens.

        Args:
            folder: takes, state and context lie in it.
            port: UDP port; 0 takes a free one.
            flags: further ones of `stembridge serve`.
            model: its model.
            before: a command that runs it, such as `faketime`.
            environment: variables beside this process's own.
        """
        self.folder = folder
        self.command = [
            *before,
            *(sys.executable, "-m", "stembridge", "serve", "--cpu", "--model", model),
            *("--out", str(folder / "out"), "--state", str(folder / "state")),
            *("--context-root", str(folder), *flags),
        ]
        self._environment = os.environ | dict(environment or {})
        self.lines: list[str] = []
        self.start(port)

    def start(self, port: int) -> None:
        """Start a process; waits until it listens."""
        command = [*self.command, "--port", str(port)]
        with (self.folder / "stderr.txt").open("ab") as said:
            self.process = subprocess.Popen(
                command, bufsize=0, stdout=subprocess.PIPE, stderr=said, env=self._environment
            )
        self.port = int(self._read_until("listening on").split(":")[1].split()[0])

    def wait_ready(self) -> None:
        """Wait for the ready line."""
        self._read_until("ready on port")

    def _read_until(self, words: str) -> str:
        stream = self.process.stdout
        assert stream is not None  # noqa: S101 - we asked for a pipe
        until_s = time.monotonic() + START_S
        while select.select([stream], [], [], max(0.0, until_s - time.monotonic()))[0]:
            line = stream.readline().decode("utf-8", "replace")
            if not line:
                break
            self.lines.append(line)
            if words in line:
                return line
        said = (self.folder / "stderr.txt").read_text(errors="replace")[-1000:]
        raise AssertionError(f"the daemon did not say {words!r}: {self.lines[-5:]} {said}")

    def __enter__(self) -> DaemonProcess:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def kill(self) -> None:
        """As a crash or the kernel would: nothing is tidied up."""
        self.process.kill()
        self.close()

    def start_again(self) -> None:
        """Another process on the same folder and port."""
        self.start(self.port)

    def stop(self, number: int = signal.SIGINT) -> int:
        """As Ctrl-C would; returns the exit status."""
        self.process.send_signal(number)
        return self.close()

    def close(self) -> int:
        """Wait for its end; returns the exit status."""
        status = self.process.wait(STOP_S)
        stream = self.process.stdout
        assert stream is not None  # noqa: S101 - we asked for a pipe
        self.lines += [line.decode("utf-8", "replace") for line in stream.readlines()]
        stream.close()
        return status
