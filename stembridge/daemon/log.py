"""What the daemon says: to its terminal and to a file, and never at the cost of service.

A terminal can be closed (`serve | head -3`) or stopped (Ctrl-S), a disk can be full. So whatever is
said goes through a bounded queue to a thread of its own, one for the terminal and one for the file,
and is dropped where nobody takes it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
from logging.handlers import QueueHandler, RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

LOG_NAME = "daemon.log"
MAX_FILE_BYTES, N_OLD_FILES = 2**20, 3
_MAX_WAITING = 1000
_FAREWELL_S = 1.0
_NEWS = "stembridge.news"


class DaemonLog:
    """Takes over the root logger from construction to `close`."""

    def __init__(self, level: str) -> None:
        logging.raiseExceptions = False  # a handler that fails must not talk about it, too
        self._terminal, self._file = _Channel(), _Channel()
        self._terminal.outputs += [
            _Terminal(sys.stderr, "%(levelname)s %(message)s", news=False),
            _Terminal(sys.stdout, "%(message)s", news=True),
        ]
        logging.getLogger().setLevel(level.upper())
        logging.getLogger(_NEWS).setLevel(logging.INFO)
        self._terminal.start()

    def start(self, file: Path | None) -> None:
        """Begin to write what was said so far, and comes from now on, to a file.

        Args:
            file: where it goes besides the terminal; it is turned over at 1 MiB.
        """
        if file is not None:
            try:
                self._file.outputs.append(_File(file))
            except OSError as error:
                logging.getLogger(__name__).warning("no log file: %s", error)
        self._file.start()

    def tell(self, line: str) -> None:
        """News for whoever sits at the terminal: printed as it is."""
        logging.getLogger(_NEWS).info("%s", line)

    def close(self) -> bool:
        """Write what waits. Returns whether somebody took it all in time."""
        whole = [channel.close() for channel in (self._file, self._terminal)]
        return all(whole)


class _Channel:
    """Records on their way to some handlers, on a thread of their own."""

    def __init__(self) -> None:
        self.outputs: list[logging.Handler] = []
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(_MAX_WAITING)
        self._handler = _Bounded(self._records)
        logging.getLogger().addHandler(self._handler)
        self._thread = threading.Thread(target=self._write, daemon=True)

    def start(self) -> None:
        """Begin with what waits."""
        self._thread.start()

    def close(self) -> bool:
        """Write what waits; whether it was taken in time."""
        logging.getLogger().removeHandler(self._handler)
        if not self._thread.is_alive():
            self._thread.start()
        with contextlib.suppress(queue.Full):
            self._records.put(None, timeout=_FAREWELL_S)
        self._thread.join(_FAREWELL_S)
        return not self._thread.is_alive()

    def _write(self) -> None:
        while (record := self._records.get()) is not None:
            for output in self.outputs:
                output.handle(record)
        for output in self.outputs:
            output.close()


class _Bounded(QueueHandler):
    def enqueue(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)


class _Terminal(logging.StreamHandler[TextIO]):
    """News to standard output, the rest to standard error; silent once nobody listens."""

    def __init__(self, stream: TextIO, words: str, *, news: bool) -> None:
        super().__init__(stream)
        self.setFormatter(logging.Formatter(words))
        self.addFilter(lambda record: (record.name == _NEWS) is news)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        # What Python still holds for a closed pipe would raise once more when the program ends.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


class _File(RotatingFileHandler):
    """Readable for its owner only."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        super().__init__(path, maxBytes=MAX_FILE_BYTES, backupCount=N_OLD_FILES, encoding="utf-8")
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def _open(self) -> Any:
        return open(self.baseFilename, "a", encoding="utf-8", errors="backslashreplace",
                    opener=lambda path, flags: os.open(path, flags, 0o600))  # fmt: skip
