"""The worker on a machine of the cluster. No file of the daemon's machine need be there.

What a job hears comes along with it, and what it makes goes back with the news of it, both as
bytes; here they lie in a temporary folder.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stembridge
from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.daemon.worker import Worker, WorkerSettings
from stembridge.errors import NoSuchFileError

HEAR_S = 1.0
Files = dict[str, bytes]


@dataclass(frozen=True)
class CarriedFiles(AllowedRoots):
    """Opens what came along with jobs, under the names it has on the daemon's machine.

    Attributes:
        copies: name -> copy here.
    """

    copies: Mapping[str, Path] | None = None

    def open(self, path: str) -> int:
        """A descriptor of the copy, for the caller to close."""
        copy = (self.copies or {}).get(path)
        if copy is None:
            raise NoSuchFileError(f"'{path}' did not come along with the job.")
        return os.open(copy, os.O_RDONLY | getattr(os, "O_BINARY", 0))


class ClusterActor:
    """Speaks the lines of `daemon.worker` with `daemon.cluster_worker`, through Ray's calls."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="stembridge-"))
        self._commands: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._copies: dict[str, Path] = {}
        self._sent: set[Path] = set()
        self._ended = False
        worker = Worker(
            WorkerSettings(**settings),
            commands=iter(self._commands.get, ""),
            say=self._lines.put,
            roots=CarriedFiles(copies=self._copies),
        )
        threading.Thread(target=self._serve, args=(worker,), daemon=True).start()

    def facts(self) -> tuple[str, str, int]:
        """(version of stembridge, folder takes are made in, process id)."""
        return stembridge.__version__, str(self._home), os.getpid()

    def tell(self, command: dict[str, Any], files: Files) -> None:
        """Hand the worker a command, and a job's context files by name."""
        if command["do"] == "run":
            self._clear()
            for number, (name, data) in enumerate(files.items()):
                copy = self._home / f"context-{number}{Path(name).suffix}"
                copy.write_bytes(data)
                self._copies[name] = copy
            command = command | {"out": str(self._home)}
        self._commands.put(json.dumps(command))

    def hear(self) -> list[tuple[str, Files]]:
        """The next events, each with the finished files it speaks of, by relative name.

        Empty only after the last one, when the worker has ended by itself.
        """
        while True:
            try:
                lines = [self._lines.get(timeout=HEAR_S)]
            except queue.Empty:
                if self._ended:
                    return []
                continue
            while not self._lines.empty():
                lines.append(self._lines.get_nowait())
            return [(line, self._files_of(json.loads(line))) for line in lines]

    def _serve(self, worker: Worker) -> None:
        worker.serve()
        self._ended = True

    def _files_of(self, event: dict[str, Any]) -> Files:
        if event["kind"] == "stem":
            return self._take([Path(event["file"]["path"])])
        if event["kind"] == "done":
            return self._take(sorted(Path(event["folder"]).iterdir()))
        return {}

    def _take(self, paths: list[Path]) -> Files:
        """Every file once."""
        fresh = [path for path in paths if path not in self._sent]
        self._sent.update(fresh)
        return {path.relative_to(self._home).as_posix(): path.read_bytes() for path in fresh}

    def _clear(self) -> None:
        """Forget the job before: nobody asks for it any more."""
        self._copies.clear()
        self._sent.clear()
        for path in self._home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
