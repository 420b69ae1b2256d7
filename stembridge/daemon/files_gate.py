"""What can be known about a request's files before it is accepted.

A musician should hear of a wrong path or a full disk at once, not when the job's turn comes. The
worker looks again, right before it opens and writes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.errors import CreateFailedError, DiskFullError
from stembridge.musical_time import beats_to_samples
from stembridge.request import GenerationRequest

_SAFETY = 2
_SPARE_BYTES = 2**20


def context_roots(given: Iterable[Path], out: Path) -> tuple[Path, ...]:
    """Folders context may be read from: those given, the user's home, the working one, `out`.

    The root of a disk, and a working folder that holds homes or is another user's, are left out: a
    service started in `/` must not read the whole machine. Whoever wants that says so.
    """
    home, here = _folder(Path.home), _folder(Path.cwd)
    usual = []
    if home is not None and home != Path(home.anchor):
        usual.append(home)
    if here is not None and not _holds_homes(here, home):
        usual.append(here)
    return tuple(dict.fromkeys((*given, *usual, out)))


def _folder(find: Callable[[], Path]) -> Path | None:
    try:
        return find()
    except (OSError, RuntimeError):  # it was deleted; nobody knows a home
        return None


def _holds_homes(folder: Path, home: Path | None) -> bool:
    if folder == Path(folder.anchor):
        return True
    if home is None or home == Path(home.anchor):
        return False
    neighbours = home.parent != Path(home.anchor) and folder.parent == home.parent
    return home.is_relative_to(folder) or neighbours


def check_context(request: GenerationRequest, roots: AllowedRoots) -> None:
    """Look at every context file of a request; raises what `AllowedRoots.open` raises."""
    for path in dict.fromkeys(clip.path for clip in request.context):
        roots.check(path)


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
    frames = beats_to_samples(request.length_beats, request.bpm, request.session_rate)
    width = 4 if request.sample_format == "float" else 3
    needed = _SAFETY * len(request.generate) * request.variations * frames * width + _SPARE_BYTES
    if free < needed:
        raise DiskFullError(
            f"The take needs up to {needed / 1e6:.0f} MB and {free / 1e6:.0f} MB are free at {out}."
        )
