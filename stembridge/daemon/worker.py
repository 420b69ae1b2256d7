"""The worker: the child process that owns the model, torch and ONNX Runtime.

One worker per device. It can be killed at any moment without losing a job: the journal belongs to
the daemon. They talk in JSON lines, commands on stdin and events on stdout. Not over a
`multiprocessing` queue or event: those hold locks in shared memory, and a worker killed while it
holds one would hang the daemon.

Commands: {"do": "run", "id", "request", "out"}, {"do": "cancel", "id"}.
Events:   {"kind": "beat" | "ready" | "warm" | "unusable" | "progress" | "stem" | "done" | "failed"}

End of stdin means the daemon is gone: the worker ends at once, even in the middle of a network.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.loudness import integrated_loudness
from stembridge.audio.onsets import detect_onsets
from stembridge.audio.resample import resample
from stembridge.daemon import memory
from stembridge.daemon.telling import file_record, model_facts
from stembridge.engines import SoundEngine, engine_in, open_engine
from stembridge.errors import (
    BadArgsError,
    CancelledError,
    DiskFullError,
    ModelUntrustedError,
    StembridgeError,
)
from stembridge.pipeline.events import Event, OnEvent, StemFile, StemReady
from stembridge.pipeline.rework import rework
from stembridge.pipeline.run import arrange
from stembridge.pipeline.separate import separate
from stembridge.pipeline.separated import SeparatedFile
from stembridge.request import (
    request_from_mapping,
    rework_from_mapping,
    separation_from_mapping,
)
from stembridge.request.tag import RECEIPT_NAME, take_tag
from stembridge.runtime.device import Threads
from stembridge.runtime.failures import device_failure
from stembridge.runtime.load import load_model, warm_up
from stembridge.runtime.model import StemModel
from stembridge.safe_files import remove_parts

_log = logging.getLogger(__name__)

BEAT_S = 1.0
"""A thread beats this often: silence means a stopped or stuck process, not a long network call."""


@dataclass(frozen=True)
class WorkerSettings:
    """What the daemon tells its worker, as JSON on the command line.

    Attributes:
        threads: of each network; None: chosen by `cores`.
        cores: how many this worker may fill; None: all.
    """

    model: str
    device: str
    threads: int | None
    cores: int | None
    warm_up: bool
    roots: tuple[str, ...]
    log_level: str


Open = Callable[[WorkerSettings], StemModel | SoundEngine]


def open_model(settings: WorkerSettings) -> StemModel | SoundEngine:
    """Load the model the daemon asked for; "fake:…" is `stembridge.testing`'s closed form."""
    if settings.model.startswith("fake:"):
        from stembridge.testing import open_fake

        return open_fake(settings.model)
    memory.keep_free()
    threads = Threads(settings.threads, settings.threads, settings.cores)
    engine = engine_in(Path(settings.model)) if settings.model else None
    if engine is not None:
        return open_engine(Path(settings.model), engine, settings.device, threads)
    return load_model(settings.model or None, settings.device, threads)


class Worker:
    """Runs one job after the other until the commands end."""

    def __init__(
        self,
        settings: WorkerSettings,
        commands: Iterable[str],
        say: Callable[[str], None],
        roots: AllowedRoots | None = None,
    ) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            settings: the daemon's.
            commands: one line each.
            say: takes the line of an event; called from several threads.
            roots: where context is read; None: the settings' folders.
        """
        self._settings = settings
        self._roots = roots or AllowedRoots.of(settings.roots)
        self._commands = commands
        self._say_line = say
        self._jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled: set[str] = set()

    def serve(self, open_: Open = open_model) -> int:
        """Load, say ready, run jobs. Returns an exit status if the model cannot be used."""
        threading.Thread(target=self._beat, daemon=True).start()
        threading.Thread(target=self._listen, daemon=True).start()
        started_s = time.monotonic()
        try:
            model = open_(self._settings)
        except StembridgeError as error:
            self._say("unusable", symbol=error.symbol, sentence=error.sentence)
            return 1
        load_s = round(time.monotonic() - started_s, 3)
        self._say("ready", model=vars(model_facts(model)), load_s=load_s)
        try:
            # Nobody waits yet, or whoever does would have to wait for this in the first job.
            _preload()
            if self._settings.warm_up and not isinstance(model, SoundEngine):
                _log.info("warmed up in %.2f s", warm_up(model))
        except Exception as error:  # noqa: BLE001 - networks raise what they like
            _log.exception("warming up")
            self._say_unusable(error, model)
            return 1
        self._say("warm")
        while True:
            self._run(model, self._jobs.get())
            memory.give_back()

    def _say_unusable(self, error: Exception, model: StemModel | SoundEngine) -> None:
        known, _ = _translate(error, model.device)
        if known.symbol == "GENERAL" and not isinstance(error, OSError):
            text = f"{type(error).__name__}: {error}"[:200]
            known = ModelUntrustedError(
                f"The model's networks do not do what its manifest says ({text}). Use another one."
            )
        self._say("unusable", symbol=known.symbol, sentence=known.sentence)

    def _run(self, model: StemModel | SoundEngine, job: dict[str, Any]) -> None:
        request_id = job["id"]
        try:
            self._check(request_id)
            out, order = Path(job["out"]), job["request"]
            for folder in out.glob(f"*_{take_tag(request_id)}"):
                remove_parts(folder)  # of an attempt that was killed
            files = self._files(model, order, out, self._reporter(request_id))
        except StembridgeError as error:
            self._failed(request_id, error, usable=error.symbol not in _FATAL)
        except Exception as error:  # noqa: BLE001 - whatever it was, the daemon must hear of it
            _log.exception("job %s", request_id)
            translated, usable = _translate(error, model.device)
            self._failed(request_id, translated, usable=usable)
        else:
            folder = files[0].path.parent
            receipt = folder / RECEIPT_NAME
            self._say("done", id=request_id, folder=str(folder), receipt=str(receipt))
        self._cancelled.discard(request_id)

    def _files(
        self, model: StemModel | SoundEngine, order: Mapping[str, Any], out: Path, report: OnEvent
    ) -> Sequence[StemFile | SeparatedFile]:
        if "parent" not in order and "mix" not in order:
            return arrange(request_from_mapping(order), model, out, report, self._roots)
        if isinstance(model, SoundEngine):
            raise BadArgsError(
                f"{model.facts.title} only makes takes. To work on one or to take a mix apart, "
                "start stembridge serve with a stembridge model."
            )
        if "parent" in order:
            return rework(rework_from_mapping(order), model, out, report, self._roots)
        return separate(separation_from_mapping(order), model, out, report, self._roots)

    def _reporter(self, request_id: str) -> Callable[[Event], None]:
        def report(event: Event) -> None:
            self._check(request_id)
            if isinstance(event, StemReady):
                self._say("stem", id=request_id, file=vars(file_record(event.stem)))
            else:
                self._say("progress", id=request_id, stage=event.stage, fraction=event.fraction)

        return report

    def _check(self, request_id: str) -> None:
        if request_id in self._cancelled:
            raise CancelledError("The job was cancelled.")

    def _failed(self, request_id: str, error: StembridgeError, *, usable: bool) -> None:
        self._say(
            "failed", id=request_id, symbol=error.symbol, sentence=error.sentence, usable=usable
        )

    def _say(self, kind: str, **body: Any) -> None:
        self._say_line(json.dumps({"kind": kind, **body}))

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(BEAT_S):
            self._say("beat")

    def _listen(self) -> None:
        for line in self._commands:
            command = json.loads(line)
            if command["do"] == "cancel":
                self._cancelled.add(command["id"])
            else:
                self._jobs.put(command)
        os._exit(0)  # the daemon is gone; nobody would hear the rest


def _preload() -> None:
    """Pay for the lazy imports (0.6 s) now, not in the first job."""
    noise = np.random.default_rng(0).standard_normal(22_050).astype(np.float32)
    resample(noise, 22_050, 44_100)
    integrated_loudness(noise, 22_050)
    detect_onsets(noise, 22_050)


_FATAL = frozenset({"OUT_OF_MEMORY", "DEVICE_LOST"})
"""After these the process is replaced: CUDA errors stick until it ends."""


def _translate(error: Exception, device: str) -> tuple[StembridgeError, bool]:
    """A foreign error as one of ours, and whether the process can go on."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFullError("The disk is full; nothing half-written was kept."), True
    known = device_failure(error, device)
    if known is not None:
        return known, False
    said = f"{type(error).__name__}: {error}"[:200]
    return StembridgeError(f"Something unexpected failed ({said})."), False


def own_pipe() -> Callable[[str], None]:
    """Writes a line to what is stdout now; later prints go to stderr.

    Libraries print; what they print must not land between our events.
    """
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lock = threading.Lock()

    def say(line: str) -> None:
        with lock, contextlib.suppress(BrokenPipeError):
            pipe.write(line + "\n")
            pipe.flush()

    return say


def main(open_: Open = open_model) -> int:
    """The worker's process: settings in argv[1], commands on stdin, events on stdout."""
    settings = WorkerSettings(**json.loads(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the daemon's business
    say = own_pipe()
    logging.basicConfig(level=settings.log_level.upper(), format="worker: %(message)s")
    return Worker(settings, sys.stdin, say).serve(open_)


if __name__ == "__main__":
    sys.exit(main())
