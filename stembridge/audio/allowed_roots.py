"""Opening files that a client named, without leaving the folders it may name.

A path is checked and opened in one motion: each folder on the way is opened relative to the one
before it and symbolic links are refused, so that nothing can be swapped between check and use.
What comes out is a file descriptor of a regular file; only that is passed on.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from stembridge.errors import BadArgsError, NoSuchFileError, PathDeniedError

_CAN_WALK = hasattr(os, "O_NOFOLLOW") and os.open in os.supports_dir_fd
# A named pipe would block open() for ever without O_NONBLOCK.
_FILE_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True)
class AllowedRoots:
    """The folders from which context audio may be read.

    Attributes:
        roots: absolute folders as the user wrote them; None allows every place (for a command
            that the user types, whose paths are the user's own).
    """

    roots: tuple[Path, ...] | None = None

    @classmethod
    def anywhere(cls) -> AllowedRoots:
        """No limits."""
        return cls(None)

    @classmethod
    def of(cls, folders: Iterable[str | Path]) -> AllowedRoots:
        """Limit reading to these folders and what lies in them."""
        return cls(tuple(Path(os.path.abspath(Path(folder).expanduser())) for folder in folders))  # noqa: PTH100 - resolve() would lose the spelling clients use

    def open(self, path: str) -> int:
        """Open a regular file for reading; returns a descriptor that the caller closes.

        Raises:
            PathDeniedError: outside the roots, through a symbolic link, or another name (hard
                link) of a file that may lie outside.
            NoSuchFileError: nothing there, or a folder, pipe or device.
        """
        if "\0" in path or not path:
            raise PathDeniedError("A path must not be empty or hold a zero character.")
        try:
            descriptor = self._open(path)
        except OSError as error:
            _refuse(path, error)
        try:
            self._check(path, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def check(self, path: str) -> None:
        """Raise what `open` would raise, now, before work is queued."""
        os.close(self.open(path))

    def read(self, path: str, most_bytes: int) -> bytes:
        """The content of a file of bounded size; raises what `open` raises.

        Raises:
            BadArgsError: it is larger.
        """
        with os.fdopen(self.open(path), "rb") as file:
            data = file.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise BadArgsError(f"'{path}' is larger than {most_bytes >> 20} MiB.")
        return data

    def _open(self, path: str) -> int:
        if self.roots is None:
            return os.open(Path(path).expanduser(), _FILE_FLAGS)
        root, parts = self._beneath(path)
        return _walk(path, root, parts) if _CAN_WALK else _open_resolved(path, self.roots)

    def _beneath(self, path: str) -> tuple[Path, tuple[str, ...]]:
        """The root that holds the path, resolved, and the names that lead from it to the file."""
        asked = Path(path)
        if not asked.is_absolute():
            raise PathDeniedError(f"The path must be absolute; it was '{path}'.")
        if ".." in asked.parts:
            raise PathDeniedError(f"The path must not contain '..'; it was '{path}'.")
        for root in self.roots or ():
            for spelling in (root, root.resolve()):
                if asked.is_relative_to(spelling):
                    return root.resolve(), asked.relative_to(spelling).parts
        _deny(path, self.roots or ())

    def _check(self, path: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
            raise NoSuchFileError(f"'{path}' is {kind}, not an audio file. Name a file.")
        if self.roots is not None and status.st_nlink > 1:
            raise PathDeniedError(
                f"'{path}' has a second name elsewhere on the disk (hard link); copy it instead."
            )


def _deny(path: str, roots: tuple[Path, ...]) -> NoReturn:
    folders = ", ".join(f"'{root}'" for root in roots) or "none at all"
    raise PathDeniedError(
        f"'{path}' lies outside the folders stembridge may read ({folders}). Put it there, or "
        f"start the daemon with --context-root '{Path(path).parent}'."
    )


def _refuse(path: str, error: OSError) -> NoReturn:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL):
        raise NoSuchFileError(
            f"There is no file '{path}'. Look at its spelling and folder."
        ) from error
    if error.errno == errno.ELOOP:
        raise PathDeniedError(f"'{path}' leads through a symbolic link.") from error
    if error.errno in (errno.EACCES, errno.EPERM):
        raise PathDeniedError(f"stembridge has no permission to read '{path}'.") from error
    raise NoSuchFileError(f"'{path}' cannot be opened: {error.strerror or error}.") from error


def _refuse_link(path: str, link: Path) -> NoReturn:
    if str(link) == path:
        raise PathDeniedError(f"'{path}' is a symbolic link. Copy the file itself there.") from None
    raise PathDeniedError(
        f"'{path}' leads through a symbolic link: '{link}'. Start the daemon with --context-root "
        f"'{link}', or name the file by the place the link leads to."
    ) from None


def _walk(path: str, root: Path, parts: tuple[str, ...]) -> int:
    """Open name by name, never following a link, starting at the resolved root."""
    here = os.open(root, _FOLDER_FLAGS)
    try:
        for position, name in enumerate(parts):
            last = position == len(parts) - 1
            flags = (_FILE_FLAGS if last else _FOLDER_FLAGS) | os.O_NOFOLLOW
            try:
                after = os.open(name, flags, dir_fd=here)
            except NotADirectoryError:
                # Linux says "not a directory" of a link that O_DIRECTORY may not follow.
                if stat.S_ISLNK(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode):
                    _refuse_link(path, Path(root, *parts[: position + 1]))
                raise
            except OSError as error:
                if error.errno == errno.ELOOP:
                    _refuse_link(path, Path(root, *parts[: position + 1]))
                raise
            os.close(here)
            here = after
    except BaseException:
        os.close(here)
        raise
    return here


def _open_resolved(path: str, roots: tuple[Path, ...]) -> int:
    """For systems without openat: resolve first, then compare what was opened with it."""
    real = Path(path).resolve(strict=True)
    if not any(real.is_relative_to(root.resolve()) for root in roots):
        _deny(path, roots)
    expected = real.stat()
    descriptor = os.open(real, _FILE_FLAGS)
    opened = os.fstat(descriptor)
    if (opened.st_dev, opened.st_ino) != (expected.st_dev, expected.st_ino):
        os.close(descriptor)
        raise PathDeniedError(f"'{path}' changed while it was being opened.")
    return descriptor
