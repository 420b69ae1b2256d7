"""What can be known about a request's files before it is accepted.

A musician should hear of a wrong path or a full disk at once, not when the job's turn comes. The
worker looks again, right before it opens and writes.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.errors import CreateFailedError
from stembridge.request import GenerationRequest
from stembridge.request.room import room_for
from stembridge.safe_files import ensure_room

_log = logging.getLogger(__name__)

_LONGEST_OUT_BYTES = 600


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
    """Look at every file a request is to hear; raises what `AllowedRoots.open` raises."""
    reference = (request.like,) if request.like else ()
    for path in dict.fromkeys((*(clip.path for clip in request.context), *reference)):
        roots.check(path)


def tellable(out: Path) -> Path:
    """The output folder, if the names of takes in it fit into a message.

    Raises:
        CreateFailedError: it is too long, or no UTF-8.
    """
    try:
        if len(str(out).encode()) <= _LONGEST_OUT_BYTES:
            return out
    except UnicodeEncodeError:
        pass
    raise CreateFailedError(
        f"The name of the output folder is longer than {_LONGEST_OUT_BYTES} bytes, or not UTF-8; "
        "choose another one with --out."
    )


class TakesFolder:
    """The output folder, which must stay on the disk where it was found.

    A drive that goes away leaves its empty mount point: takes written there would fill another disk
    and vanish beneath the drive when it comes back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._disk: int | None = None
        try:
            self.check()
        except CreateFailedError as error:  # said again when somebody wants a take
            _log.warning("%s", error)

    def check(self) -> None:
        """Make the folder the first time; later, see that it is still there.

        Raises:
            CreateFailedError: it cannot be made, or is gone, or lies on another disk now.
        """
        try:
            if self._disk is None:
                self.path.mkdir(parents=True, exist_ok=True)
            elif not self.path.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            disk = self.path.stat().st_dev
        except OSError as error:
            raise CreateFailedError(
                f"The output folder {self.path} cannot be used: {error.strerror or error}."
            ) from error
        if self._disk not in (None, disk):
            raise CreateFailedError(
                f"The drive of the output folder {self.path} is gone; connect it again, or start "
                "the daemon with another --out."
            )
        self._disk = disk

    def check_room(self, request: GenerationRequest) -> None:
        """Hold the free space against what the request would write.

        Raises:
            DiskFullError: there is less than twice that and a little more.
            CreateFailedError: as `check`.
        """
        self.check()
        ensure_room(self.path, room_for(request))
