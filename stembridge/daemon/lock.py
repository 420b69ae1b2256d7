"""One daemon per state folder: an advisory lock that the operating system drops with its process.

A PID file alone would lie after a kill -9; the lock cannot.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from types import TracebackType

from stembridge.errors import CreateFailedError


class FolderLock:
    """Holds `<folder>/daemon.lock` from construction to `release`."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            CreateFailedError: another process holds it, or the folder cannot be written.
        """
        self.path = folder / "daemon.lock"
        try:
            _make_private(folder)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            self._fd = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise CreateFailedError(
                f"The state folder {folder} cannot be used: {error.strerror}."
            ) from error
        if not _try_lock(self._fd):
            pid = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip() if _HAS_PREAD else ""
            os.close(self._fd)
            raise CreateFailedError(
                f"Another stembridge daemon{f' (process {pid})' if pid else ''} already uses "
                f"{folder}. Stop it, or give this one its own --state folder."
            )
        with contextlib.suppress(OSError):  # a full disk: the lock holds without its note, too
            os.ftruncate(self._fd, 0)
            os.write(self._fd, str(os.getpid()).encode("ascii"))

    def release(self) -> None:
        """Let the folder go."""
        os.close(self._fd)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _make_private(folder: Path) -> None:
    """Make the state folder for its owner only; close one of ours that was made open."""
    folder.mkdir(0o700, parents=True, exist_ok=True)
    if os.name == "posix" and folder.stat().st_uid == os.getuid():
        ours = any((folder / name).exists() for name in ("daemon.lock", "journal.sqlite3"))
        if ours and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)


_HAS_PREAD = hasattr(os, "pread")

if sys.platform == "win32":  # pragma: no cover - measured on Linux
    import msvcrt

    def _try_lock(fd: int) -> bool:
        try:
            # Far behind the text, so that the pid stays readable.
            os.lseek(fd, 4096, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(fd, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
