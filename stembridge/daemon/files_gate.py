"""Which files a request may read, and whether there is room for what it would write.

Clients never name outputs. The files they name as context must lie, links followed, under one of
the allowed folders, and be regular files. Checked before a job is accepted, so that the musician
hears of a wrong path at once, and again in the worker, right before the file is opened.
"""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from stembridge.errors import (
    BadArgsError,
    CreateFailedError,
    DiskFullError,
    NoSuchFileError,
    PathDeniedError,
)
from stembridge.musical_time import beats_to_samples
from stembridge.request import GenerationRequest

_SAFETY = 2
_SPARE_BYTES = 4 * 2**20
_MAX_CHANNELS = 2


def resolve_roots(roots: Sequence[Path]) -> tuple[Path, ...]:
    """The allowed folders with links followed; those that do not exist are left out."""
    return tuple(dict.fromkeys(root.expanduser().resolve() for root in roots if root.exists()))


def check_context(request: GenerationRequest, roots: Sequence[Path]) -> None:
    """Look at every context file of a request.

    Raises:
        BadArgsError: a path is not absolute.
        NoSuchFileError: it is not there, or not a file.
        PathDeniedError: it lies outside `roots` (as `resolve_roots` gives them).
    """
    for path in dict.fromkeys(clip.path for clip in request.context):
        _check_path(path, roots)


def _check_path(text: str, roots: Sequence[Path]) -> None:
    path = Path(text)
    if text.startswith(("\\\\", "//")):
        # On Windows even a look at such a path goes out to the network.
        raise PathDeniedError(f"{text}: network paths are not read; copy the file to this machine.")
    if not path.is_absolute():
        raise BadArgsError(f"{text}: give the whole path of the file, from the root on.")
    try:
        real = path.resolve(strict=True)
        mode = real.stat().st_mode
    except (OSError, RuntimeError, ValueError):
        # Say nothing about what is or is not there outside the allowed folders.
        _check_inside(text, path.resolve(strict=False), roots)
        raise NoSuchFileError(f"{text}: there is no such file.") from None
    _check_inside(text, real, roots)
    if stat.S_ISDIR(mode):
        raise NoSuchFileError(f"{text} is a folder, not an audio file.")
    if not stat.S_ISREG(mode):
        raise PathDeniedError(f"{text} is not a regular file.")


def _check_inside(text: str, real: Path, roots: Sequence[Path]) -> None:
    if sys.platform == "linux" and real.is_relative_to("/proc"):
        raise PathDeniedError(f"{text} is not a regular file.")
    if not any(real.is_relative_to(root) for root in roots):
        raise PathDeniedError(
            f"{text} lies outside the folders the daemon may read; start it with "
            "--context-root FOLDER to allow another one."
        )


def expected_bytes(request: GenerationRequest) -> int:
    """Size of all files a request makes."""
    frames = beats_to_samples(request.length_beats, request.bpm, request.session_rate)
    width = 4 if request.sample_format == "float" else 3
    return len(request.generate) * request.variations * frames * width * _MAX_CHANNELS


def check_room(request: GenerationRequest, out: Path) -> None:
    """Hold the free space against what the request would write.

    Raises:
        DiskFullError: there is less than twice that and a little more.
        CreateFailedError: the output folder cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(out).free
    except OSError as error:
        raise CreateFailedError(f"The output folder {out} cannot be used: {error}.") from error
    needed = _SAFETY * expected_bytes(request) + _SPARE_BYTES
    if free < needed:
        raise DiskFullError(
            f"The take needs up to {needed / 1e6:.0f} MB and {free / 1e6:.0f} MB are free at {out}."
        )
