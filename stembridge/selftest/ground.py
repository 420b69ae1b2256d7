"""What the rows of the table have in common."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ASK: dict[str, Any] = {"generate": "bass", "bpm": "120", "bars": 1}


class SkippedError(Exception):
    """This machine, or this user, cannot show it; the text says what is missing."""


@dataclass(frozen=True)
class Outcome:
    """What a row found.

    Attributes:
        figure: measured, in words.
        met: whether it meets its mark.
    """

    figure: str
    met: bool


@dataclass(frozen=True)
class Ground:
    """Where a row works, and how much.

    Attributes:
        folder: empty, its own.
        long: the form for releases, not the one for every day.
    """

    folder: Path
    long: bool

    def amount(self, short: int, long: int) -> int:
        """How often: the short form's number or the long one's."""
        return long if self.long else short


@dataclass(frozen=True)
class Row:
    """One attack.

    Attributes:
        number: of the plan, 1 to 16.
        title: what is done.
        mark: what must hold.
        attack: does it.
        by_load: whether a busy machine can miss the mark without a fault.
    """

    number: int
    title: str
    mark: str
    attack: Callable[[Ground], Outcome]
    by_load: bool = False


def until(condition: Callable[[], bool], limit_s: float = 30.0) -> float:
    """Wait for a condition; returns the seconds it took.

    Raises:
        TimeoutError: it did not come.
    """
    started_s = time.monotonic()
    while not condition():
        if time.monotonic() - started_s > limit_s:
            raise TimeoutError("it did not happen in time")
        time.sleep(0.02)
    return time.monotonic() - started_s


def rss_mb(pid: int) -> float:
    """Memory of a process, in MB."""
    return float(psutil.Process(pid).memory_info().rss) / 2**20


def worker_of(pid: int) -> psutil.Process:
    """The daemon's worker, once there is one."""
    found: list[psutil.Process] = []

    def look() -> bool:
        found[:] = psutil.Process(pid).children()
        return bool(found)

    until(look)
    return found[0]


def tool(name: str) -> str:
    """Path of a program.

    Raises:
        SkippedError: it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise SkippedError(f"needs {name}")
    return path


@contextlib.contextmanager
def small_disk(place: Path, options: str) -> Iterator[None]:
    """A file system of its own at `place`.

    Raises:
        SkippedError: this user may not mount one.
    """
    place.mkdir(parents=True, exist_ok=True)
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise SkippedError("needs root, to mount a small file system")
    command = [tool("mount"), "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise SkippedError("this machine lets nobody mount a file system")
    try:
        yield
    finally:
        subprocess.run([tool("umount"), "-l", str(place)], check=True)


def fill(file: Path) -> None:
    """Take what room is left."""
    with contextlib.suppress(OSError), file.open("ab", buffering=0) as opened:
        for piece in (2**16, 2**12, 64, 1):
            with contextlib.suppress(OSError):
                while opened.write(bytes(piece)):
                    pass
