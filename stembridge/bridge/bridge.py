"""The bridge process: the daemon's client on one side, three children on the other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stembridge.audio.loudness import decibels
from stembridge.bridge.family import Family, FamilyConfig
from stembridge.bridge.jobs import PadJobs
from stembridge.bridge.session import LINK_AND_CLOCK, PadSession
from stembridge.bridge.takes import FinishedTake, takes_of
from stembridge.children.messages import (
    Anchor,
    CancelCapture,
    Capture,
    Captured,
    ChordsPlayed,
    ClearChords,
    Failed,
    LatencyMeasured,
    MeasureLatency,
    PadPressed,
    Play,
    PlayState,
    ShowState,
    StopPlay,
)
from stembridge.client import AsyncClient, Done, Job
from stembridge.errors import (
    BadArgsError,
    NotNowError,
    StembridgeError,
    UnknownIdError,
    error_from,
)
from stembridge.midi.mapping import ACTIONS, load_mapping
from stembridge.roles import NAME as STEM_NAME
from stembridge.roles import ROLES
from stembridge.wire.protocol import Call
from stembridge.wire.schema import DEFAULT_PORT

CAPABILITIES = ":preview:capture:bridge.ask:"
RETRY_CONNECT_S = 1.0
FETCH_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BridgeConfig:
    """What to tie together.

    Attributes:
        host: the daemon's address.
        port: the daemon's port.
        family: which children, on which ports and devices.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    family: FamilyConfig = field(default_factory=FamilyConfig)


class Bridge:
    """Carries out pads, and what clients ask of ports and devices."""

    def __init__(self, config: BridgeConfig) -> None:
        self._mapping = load_mapping(config.family.mapping)
        self.session = PadSession(self._mapping)
        self.client = AsyncClient(
            config.host,
            config.port,
            client_id=f"bridge-{uuid.uuid4().hex[:8]}",
            capabilities=CAPABILITIES,
            on_message=self._from_daemon,
        )
        self.family = Family(config.family, self._from_child, self._report_part)
        self._captures: dict[str, str] = {}
        self._jobs = PadJobs(self.client, self.session, self._lamp, self._do)
        self._tasks: set[asyncio.Task[None]] = set()
        self._playing = ""
        self._said_both = False

    async def run(self) -> None:
        """Until cancelled; waits for a daemon that is not there yet."""
        while True:
            try:
                await self.client.connect()
                break
            except NotNowError as error:
                _log.warning("%s", error)
                await asyncio.sleep(RETRY_CONNECT_S)
        self.family.start(asyncio.get_running_loop())
        self.family.tell("midi", ShowState("idle", "", 0.0))
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(self.family.stop)
            await self.client.close()

    def _from_daemon(self, call: Call) -> None:
        args = call.args
        match call.row.address.removeprefix("/stembridge/"):
            case "preview/play":
                self._do(args["request_id"], self._preview(args))
            case "preview/stop":
                self.family.tell("audio", StopPlay())
            case "capture/start":
                self._do(args["capture_id"], self._capture(args))
            case "capture/cancel":
                self.family.tell("audio", CancelCapture(args["capture_id"]))
            case "latency/measure":
                self._do("audio", self._to_audio(MeasureLatency()))
            case "midi/pad":
                self._do("midi", self._pad(args["action"], args["stem"]))
            case "bridge/ask":
                for part, state, text in self.family.states():
                    self.client.send("bridge/state", part, state, text)

    async def _preview(self, args: dict[str, Any]) -> None:
        take = await self._take(args["request_id"], args.get("variation", 0))
        gain = args.get("gain", 1.0)
        if not 0 < gain <= 16:
            raise BadArgsError(f"The gain must be above 0 and at most 16; it was {gain:g}.")
        await self._play(take, args.get("stem", ""), bool(args.get("context", 0)), decibels(gain))

    async def _take(self, request_id: str, variation: int) -> FinishedTake:
        """A take of this session, or one the daemon still knows."""
        known = [take for take in self.session.takes if take.request_id == request_id]
        if not known:
            job = self.client.jobs.setdefault(request_id, Job(request_id))
            state = await self.client.status(request_id)
            if state != "done":
                raise UnknownIdError(f"There is no finished take {request_id} (it is {state}).")
            async with asyncio.timeout(FETCH_S):
                async for event in job.events():
                    if isinstance(event, Done):
                        known = takes_of(request_id, list(job.stems.values()), event)
            self.client.jobs.pop(request_id, None)
        for take in known:
            if take.variation == variation:
                return take
        raise UnknownIdError(f"The take {request_id} has no variation {variation}.")

    async def _capture(self, args: dict[str, Any]) -> None:
        if not STEM_NAME.fullmatch(args["stem"]):
            raise BadArgsError(f"A capture must name a stem, such as {', '.join(ROLES)}.")
        if not 0 < args["bars"] <= 512:
            raise BadArgsError("A capture must last more than 0 and at most 512 bars.")
        name = uuid.uuid4().hex[:8]
        folder = Path(self.client.out_folder) / "captures"
        metre = self._mapping.time_signature.beats_per_bar
        self._captures[args["capture_id"]] = args["stem"]
        await self._to_audio(
            Capture(
                args["capture_id"],
                str(folder / f"{args['stem']}-{name}.wav"),
                args.get("bpm", 0.0) or self.session.bpm,
                args["bars"] * metre,
                metre,
                args.get("count_in_bars", 1),
            )
        )

    def _from_child(self, part: str, message: Any) -> None:
        match message:
            case Anchor():
                self._follow(message)
            case ChordsPlayed():
                self.session.chords = message.progression
                self.client.send("midi/chords", message.progression)
            case PadPressed():
                self._do("midi", self._pad(message.action, message.stem))
            case PlayState():
                self._playing = message.take_id if message.state == "playing" else ""
                self.client.send(
                    "preview/state", message.take_id, message.state, message.position_s
                )
            case Captured():
                self._captured(message)
            case LatencyMeasured():
                self.client.send("latency/measured", message.frames, message.rate, message.clarity)
            case Failed():
                self._captures.pop(message.about, None)
                self._say_error(message.about or part, error_from(message.symbol, message.sentence))

    def _follow(self, anchor: Anchor) -> None:
        """Link wins over MIDI clock: it knows the phase to microseconds."""
        current = self.session.anchor
        linked = current is not None and current.source == "link"
        if linked and anchor.source == "clock":
            if not self._said_both:
                self._said_both = True
                self._say_error("clock", NotNowError(LINK_AND_CLOCK))
            return
        self.session.anchor = anchor if anchor.source else None
        self.family.follow(anchor)
        self.client.send("midi/tempo", anchor.bpm, anchor.rms_bpm, int(anchor.running), anchor.beat)

    def _captured(self, message: Captured) -> None:
        stem = self._captures.pop(message.capture_id, "")
        if stem:
            self.session.context[stem] = message.path
        self.client.send(
            "capture/done",
            message.capture_id,
            stem,
            message.path,
            message.sha256,
            message.frames,
            message.rate,
            message.bpm,
            message.start_beats,
        )

    async def _pad(self, action: str, stem: str) -> None:
        if action not in ACTIONS:
            raise BadArgsError(f"A pad can {', '.join(ACTIONS)}; it cannot {action[:40]}.")
        if action in {"generate", "capture"} and not STEM_NAME.fullmatch(stem):
            raise BadArgsError(f"The pad must name a stem, such as {', '.join(ROLES)}.")
        session = self.session
        simple: dict[str, Callable[[], Awaitable[None]]] = {
            "generate": lambda: self._jobs.ask(session.generate(stem)),
            "reroll": lambda: self._jobs.ask(session.reroll()),
            "cancel": self._jobs.cancel_all,
            "keep": self.session.keep_current,
            "next": lambda: self._play(session.step(1)),
            "previous": lambda: self._play(session.step(-1)),
            "play": lambda: self._play(session.current()),
            "stop": self._stop,
            "capture": lambda: self._capture(
                {"capture_id": f"pad-{uuid.uuid4().hex[:8]}", "stem": stem, "bars": session.bars}
            ),
            "clear_chords": self._clear_chords,
        }
        await simple[action]()

    async def _clear_chords(self) -> None:
        self.session.chords = ""
        self.family.tell("midi", ClearChords())
        self.client.send("midi/chords", "")

    async def _stop(self) -> None:
        self.family.tell("audio", StopPlay())
        for capture_id in list(self._captures):
            self.family.tell("audio", CancelCapture(capture_id))

    async def _play(
        self, take: FinishedTake, stem: str = "", context: bool = True, gain_db: float = 0.0
    ) -> None:
        request = take.request
        await self._to_audio(
            Play(
                take.request_id,
                take.sounds(stem, context=context),
                gain_db,
                bpm=request.bpm,
                length_beats=request.length_beats,
                start_beats=request.start_beats,
            )
        )

    def _lamp(self, message: object) -> None:
        self.family.tell("midi", message)

    async def _to_audio(self, message: object) -> None:
        if not self.family.tell("audio", message):
            raise NotNowError("No sound device is open; see `stembridge ports`.")

    def _do(self, about: str, work: Any) -> None:
        """Run a coroutine; what it raises is reported."""

        async def guarded() -> None:
            try:
                await work
            except StembridgeError as error:
                self._say_error(about, error)
            except TimeoutError:
                self._say_error(about, UnknownIdError("The daemon did not say what it holds."))

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _report_part(self, part: str, state: str, text: str) -> None:
        _log.info("%s: %s %s", part, state, text)
        self.client.send("bridge/state", part, state, text)

    def _say_error(self, about: str, error: StembridgeError) -> None:
        _log.warning("%s: %s", about, error)
        said = (about[:64], error.code, error.symbol, error.sentence[:1000])
        with contextlib.suppress(StembridgeError):
            self.client.send("bridge/error", *said)
