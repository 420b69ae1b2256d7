"""Writing files where other people's files may lie: never through a link, never by halves.

A folder is opened once, without following a link, and everything in it is reached through its
descriptor: what somebody puts in its place meanwhile is not written to. New content goes into a
file of a random name that did not exist before, is brought to the disk, and takes its name last; a
link that stands under that name is replaced, not followed. (Windows has no folder descriptors:
there, paths take their place, and a link is looked for right before.)
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

from stembridge.errors import (
    CreateFailedError,
    DiskFullError,
    NoSuchFileError,
    PathDeniedError,
    StembridgeError,
)

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
PUBLIC_FILE, PUBLIC_FOLDER = 0o666, 0o777  # less what the user's umask takes away
_PART = re.compile(r"\.stembridge-[0-9a-f]{16}\.part")
_HAS_FOLDER_FDS = {os.open, os.mkdir, os.rename, os.stat, os.unlink} <= os.supports_dir_fd
_FULL = (errno.ENOSPC, errno.EDQUOT)
_COMMON = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _COMMON
# A named pipe would block open() for ever without O_NONBLOCK.
_OLD_FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _COMMON
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)


class Folder:
    """An open folder. Its methods take plain names of files in it."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self._fd = descriptor

    @contextlib.contextmanager
    def subfolder(self, name: str, mode: int = PUBLIC_FOLDER) -> Iterator[Folder]:
        """A folder in this one, made if it is missing; raises like `open_folder`."""
        with _opened(self.path / name, self._place(name), self._fd, mode, follow=False) as folder:
            yield folder

    def write(self, name: str, pieces: Iterable[bytes], mode: int = PUBLIC_FILE) -> None:
        """Write a file so that its name only ever shows complete content.

        After this returns the file survives a power cut, before it nobody sees a part of it.

        Args:
            name: of the file; what stands under it is replaced.
            pieces: the content, in order.
            mode: permissions.

        Raises:
            DiskFullError: no room; nothing is left behind.
            CreateFailedError: the folder cannot be written to.
        """
        with self.writing(name, mode) as file:
            for piece in pieces:
                file.write(piece)

    @contextlib.contextmanager
    def writing(self, name: str, mode: int = PUBLIC_FILE) -> Iterator[BinaryIO]:
        """As `write`, for content that comes bit by bit: the file has its name afterwards.

        What is raised inside leaves nothing behind; raises like `write` otherwise.
        """
        part = self._place(f".stembridge-{secrets.token_hex(8)}.part")
        try:
            try:
                descriptor = os.open(part, _NEW_FILE, mode, dir_fd=self._fd)
                with os.fdopen(descriptor, "wb") as file:
                    yield file
                    file.flush()
                    os.fsync(descriptor)
                os.replace(part, self._place(name), src_dir_fd=self._fd, dst_dir_fd=self._fd)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(part, dir_fd=self._fd)
                raise
            if self._fd is not None:
                os.fsync(self._fd)
        except OSError as error:
            raise write_error(self.path / name, error) from error

    def read(self, name: str, most_bytes: int) -> bytes:
        """A regular file of bounded size, not through a link.

        Raises:
            NoSuchFileError: nothing there, or no file, or too large for what it should be.
        """
        path = self.path / name
        try:
            descriptor = os.open(self._place(name), _OLD_FILE, dir_fd=self._fd)
        except OSError as error:
            raise NoSuchFileError(f"'{path}' cannot be read: {error.strerror or error}.") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NoSuchFileError(f"'{path}' is not a file.")
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise NoSuchFileError(f"'{path}' is larger than {most_bytes / 2**20:.3g} MiB.")
        return data

    def remove_parts(self) -> int:
        """Delete what our own interrupted writes left here; returns how many files."""
        names = os.listdir(self.path if self._fd is None else self._fd)  # noqa: PTH208
        parts = [name for name in names if _PART.fullmatch(name)]
        removed = 0
        for part in map(self._place, parts):
            with contextlib.suppress(OSError):
                if stat.S_ISREG(os.stat(part, dir_fd=self._fd, follow_symlinks=False).st_mode):
                    os.unlink(part, dir_fd=self._fd)
                    removed += 1
        return removed

    def _place(self, name: str) -> str:
        return name if self._fd is not None else str(self.path / name)


@contextlib.contextmanager
def open_folder(
    path: Path, mode: int = PUBLIC_FOLDER, *, follow: bool = False, make: bool = True
) -> Iterator[Folder]:
    """Open a folder to write in it.

    Args:
        path: where it is; what leads to it is trusted, the folder itself is not.
        mode: permissions, if it is made.
        follow: whether it may be a link: only for a folder that the user chose.
        make: whether to make it, and what leads to it, if it is missing.

    Raises:
        PathDeniedError: it is a link.
        NoSuchFileError: it is missing and must not be made.
        CreateFailedError, DiskFullError: it cannot be made or opened.
    """
    if make:
        try:
            path.parent.mkdir(mode, parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(path, error) from error
    with _opened(path, str(path), None, mode if make else None, follow=follow) as folder:
        yield folder


@contextlib.contextmanager
def _opened(
    path: Path, place: str, dir_fd: int | None, mode: int | None, *, follow: bool
) -> Iterator[Folder]:
    flags = _FOLDER if follow else _FOLDER | getattr(os, "O_NOFOLLOW", 0)
    try:
        if mode is not None:
            with contextlib.suppress(FileExistsError):
                os.mkdir(place, mode, dir_fd=dir_fd)
        if not follow and stat.S_ISLNK(os.lstat(place, dir_fd=dir_fd).st_mode):
            _refuse_link(path)
        descriptor = os.open(place, flags, dir_fd=dir_fd) if _HAS_FOLDER_FDS else None
    except FileNotFoundError as error:
        raise NoSuchFileError(f"There is no folder '{path}'.") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            _refuse_link(path)
        raise write_error(path, error) from error
    try:
        yield Folder(path, descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def write_file(path: Path, data: bytes, mode: int = PUBLIC_FILE, *, follow: bool = False) -> None:
    """Write one file as `Folder.write` does; its folder is made if need be.

    Raises:
        PathDeniedError: its folder is a link, and `follow` is not set.
        DiskFullError, CreateFailedError: as `Folder.write`.
    """
    private = mode == PRIVATE_FILE
    with open_folder(
        path.parent, PRIVATE_FOLDER if private else PUBLIC_FOLDER, follow=follow
    ) as folder:
        folder.write(path.name, (data,), mode)


def read_file(path: Path, most_bytes: int) -> bytes:
    """A regular file of bounded size that the user named; a link to one will do.

    Raises:
        NoSuchFileError: as `Folder.read`.
    """
    real = path.resolve()
    with open_folder(real.parent, follow=True, make=False) as folder:
        return folder.read(real.name, most_bytes)


def remove_parts(path: Path) -> int:
    """Delete what our own interrupted writes left in a folder, if it is there and no link."""
    try:
        with open_folder(path, make=False) as folder:
            return folder.remove_parts()
    except StembridgeError:
        return 0


def write_error(path: Path, error: OSError) -> StembridgeError:
    """What a failed write means, in words."""
    if error.errno in _FULL:
        return DiskFullError(f"There is no room on the disk for '{path}'. Free some and try again.")
    if error.errno == errno.EFBIG:
        return DiskFullError(
            f"'{path}' would be larger than this system lets a file be; `ulimit -f` tells its "
            "limit."
        )
    reason = error.strerror or str(error)
    return CreateFailedError(f"'{path}' cannot be written: {reason}. Choose another folder.")


def _refuse_link(path: Path) -> NoReturn:
    raise PathDeniedError(
        f"'{path}' is a link to another place; nothing is written through it. Put a real folder "
        "there."
    ) from None


def ensure_room(folder: Path, n_bytes: int) -> None:
    """Refuse work whose result would not fit, before doing it.

    Raises:
        DiskFullError: fewer than `n_bytes` are free where `folder` lies or will lie.
    """
    free = free_bytes(folder)
    if free < n_bytes:
        raise DiskFullError(
            f"The take needs up to {n_bytes / 1e6:.0f} MB and {free / 1e6:.0f} MB are free at "
            f"{folder}."
        )


def free_bytes(folder: Path) -> int:
    """Room where a folder lies, or will lie."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return shutil.disk_usage(existing).free
