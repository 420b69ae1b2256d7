"""The daemon: startup, serve, shutdown.

It owns the socket, the journal and the queue, and never runs a model itself. Everything happens on
one asyncio loop; nothing on it takes longer than a journal commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stembridge import paths
from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.config import DaemonConfig
from stembridge.daemon import memory
from stembridge.daemon.desk import Desk, House
from stembridge.daemon.endpoint import Endpoint, bind_all
from stembridge.daemon.executor import WorkerEvent
from stembridge.daemon.files_gate import TakesFolder, context_roots, tellable
from stembridge.daemon.jobs import Journal, JournalError, Limits
from stembridge.daemon.lock import FolderLock
from stembridge.daemon.news import ModelReady, Newsroom, Noted
from stembridge.daemon.outbox import Outbox
from stembridge.daemon.records import ModelFacts
from stembridge.daemon.runner import Runner
from stembridge.daemon.sessions import ClientSessions
from stembridge.daemon.supervisor import Watch
from stembridge.daemon.trust import Trust
from stembridge.daemon.workers import executor_for
from stembridge.errors import (
    CreateFailedError,
    StembridgeError,
    error_from,
)
from stembridge.safe_files import PRIVATE_FILE, write_file

_log = logging.getLogger(__name__)

_TIDY_PAUSE_S = 60.0

News = Callable[[str, dict[str, Any]], None]


class Daemon:
    """One daemon on one state folder and one port."""

    def __init__(
        self,
        config: DaemonConfig,
        *,
        command: Sequence[str] | None = None,
        watch: Watch | None = None,
        news: News = lambda _kind, _facts: None,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            config: resolved settings.
            command: how to start a worker (default: stembridge's own).
            watch: patience with the worker.
            news: called with "owned" (the state folder), "listening" and "ready" and their facts.
        """
        self.config = config
        self.boot_id = uuid.uuid4().hex
        self.out = (config.out or paths.default_output_dir()).expanduser().resolve()
        self.journal_file = (config.journal or paths.state_dir() / "journal.sqlite3").resolve()
        self.roots = context_roots(config.roots, self.out)
        self._command = command
        self._watch = watch or Watch(job_s=config.job_timeout_s)
        self._news = news
        self._stop = asyncio.Event()
        self._fatal: StembridgeError | None = None
        self._facts: ModelFacts | None = None
        self._open = contextlib.AsyncExitStack()
        self.port = 0

    async def run(self) -> None:
        """Start, serve until told to stop, shut down."""
        try:
            try:
                await self.startup()
            except OSError as error:
                raise CreateFailedError(f"The daemon cannot start: {error}.") from error
            await self.serve()
        finally:
            await self.shutdown()

    async def startup(self) -> None:
        """Lock, journal, socket, worker; then take up what the last daemon left.

        Raises:
            CreateFailedError: another daemon runs, the port is taken, a folder cannot be used.
        """
        trust = Trust(self.config.host, self.config.token)
        self.takes = TakesFolder(tellable(self.out))
        state = self.journal_file.parent
        self._open.callback(FolderLock(state).release)
        self._news("owned", {"state": str(state)})
        sockets = bind_all(self.config.host, self.config.port)
        for sock in sockets:
            self._open.callback(sock.close)
        limits = Limits(queued=self.config.max_queue, attempts=self.config.max_attempts)
        self.journal = Journal(self.journal_file, limits)
        self._open.callback(self.journal.close)
        self.sessions = ClientSessions(self.config.lease_s)
        self.outbox = Outbox(self.journal, self.sessions)
        self.newsroom = Newsroom()
        self.newsroom.subscribe(self.outbox.hear)
        self.runner = Runner(self.journal, self.newsroom, self.takes)
        self.executor = executor_for(
            self.config, self.roots, self._hear, self._watch, self._command
        )
        self.desk = Desk(self._house(), self.journal, self.sessions, self.outbox, self.runner)
        self.newsroom.subscribe(self.desk.hear)
        self.executor.start()
        self.port = sockets[0].getsockname()[1]
        for sock in sockets:
            await self._listen(sock, trust)
        self._open.callback(self._announce(state).unlink, missing_ok=True)
        self.runner.connect(self.executor)
        for job in self.journal.recover():
            self.outbox.owe(job)
        keeper = asyncio.create_task(self._tidy_now_and_then())
        self._open.callback(keeper.cancel)
        facts = {"host": self.config.host, "port": self.port, "out": str(self.out)}
        self._news("listening", {**facts, "roots": [str(root) for root in self.roots]})

    async def _listen(self, sock: socket.socket, trust: Trust) -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Endpoint(self.desk, self.outbox, trust), sock=sock
        )
        self._open.callback(transport.close)

    async def serve(self) -> None:
        """Wait for `stop`.

        Raises:
            StembridgeError: the model cannot be used at all.
        """
        await self._stop.wait()
        if self._fatal is not None:
            raise self._fatal

    def _end(self, error: StembridgeError) -> None:
        self._fatal = error
        self.stop()

    async def shutdown(self) -> None:
        """Put a running job back into the queue, end the worker, close everything."""
        if hasattr(self, "executor"):
            self.outbox.close()
            self.runner.stop()
            await self.executor.close()
        await self._open.aclose()

    def state(self) -> str:
        """What pong tells; "failed" also while the journal cannot be written."""
        return self.executor.state if self.runner.trouble is None else "failed"

    def stop(self) -> None:
        """Make `serve` return."""
        self._stop.set()

    def _house(self) -> House:
        return House(
            boot_id=self.boot_id,
            takes=self.takes,
            roots=AllowedRoots.of(self.roots),
            state=self.state,
            model=lambda: self._facts,
            quit=self.stop,
        )

    async def _tidy_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_PAUSE_S)
            with contextlib.suppress(JournalError):  # there will be another time
                self.journal.tidy()
            memory.give_back()

    def _announce(self, state: Path) -> Path:
        """Tell programs that look into the state folder where we listen."""
        path = state / "daemon.json"
        facts = {"host": self.config.host, "port": self.port, "pid": os.getpid()}
        data = json.dumps(facts | {"boot_id": self.boot_id}).encode()
        write_file(path, data, PRIVATE_FILE, follow=True)
        return path

    def _hear(self, event: WorkerEvent) -> None:
        if event.kind == "ready":
            self._facts = ModelFacts(**event.body["model"])
            self.newsroom.tell(ModelReady(self._facts))
            self._news("ready", {**event.body, "port": self.port})
        elif event.kind == "unusable":
            error = error_from(event.body["symbol"], event.body["sentence"])
            _log.error("the model cannot be used: %s", error)
            self.newsroom.tell(Noted(3, error.sentence))
            if not event.body["ever_ready"]:
                self._end(error)
        elif event.kind == "broken":
            self._end(error_from(event.body["symbol"], event.body["sentence"]))
            return
        elif event.kind == "lost":
            self.newsroom.tell(Noted(2, f"A worker is replaced: {event.body['sentence']}"))
        self.runner.hear(event)


async def run_until_signal(daemon: Daemon) -> None:
    """Run a daemon in the main thread; Ctrl-C, SIGTERM, a closed terminal end it in good order."""
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:  # else: nohup
        numbers.append(hang_up)
    for number in numbers:
        try:
            loop.add_signal_handler(number, daemon.stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(daemon.stop))
    await daemon.run()
