"""What a running request tells whoever asked for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from stembridge.pipeline.separated import SeparatedFile
from stembridge.pipeline.verdict import Verdict
from stembridge.stages import ONCE_TAKES, TAKE, Shares, Stage


@dataclass(frozen=True)
class StageProgress:
    """How far a request is.

    Attributes:
        stage: what is being done.
        fraction: share of the whole request that is done, 0..1, never falling.
        variation: which take, from 0.
    """

    stage: Stage
    fraction: float
    variation: int = 0


SHOWN_CHORDS = 8


@dataclass(frozen=True)
class StemFile:
    """A finished stem file.

    Attributes:
        stem: which stem.
        variation: which take, from 0.
        path: where it lies; complete when this is told.
        sha256: hash of its bytes.
        frames: its length in samples.
        rate: Hz.
        verdict: what was measured.
        style: in which it was made; None where the model was told none.
        timbre: of the instrument; None likewise.
        chords: it was made with, as text; None where they were left open.
        sound: "played" by an instrument, in stereo, or the "model"'s own.
        midi: its notes as a file, where they were asked for.
        take_midi: those of the whole take, likewise.
        part_sha256: identity of its notes, where they are known.
        chords_from: whether the chords were "told", "heard" or "chosen".
        key: that they are in.
        seed: of the request.
    """

    stem: str
    variation: int
    path: Path
    sha256: str
    frames: int
    rate: int
    verdict: Verdict
    style: str | None = None
    timbre: str | None = None
    chords: str | None = None
    sound: str = "model"
    midi: Path | None = None
    part_sha256: str | None = None
    chords_from: str | None = None
    key: str | None = None
    seed: int = 0
    take_midi: Path | None = None

    @property
    def made_of(self) -> tuple[str, ...]:
        """What was heard and chosen for it, in words."""
        played = " on ".join(word for word in (self.style, self.timbre) if word)
        symbols = [word.partition("@")[0] for word in (self.chords or "").split()]
        shown = " ".join(symbols[:SHOWN_CHORDS]) + (" …" if len(symbols) > SHOWN_CHORDS else "")
        chords = f"chords {self.chords_from}: {shown}" if symbols else ""
        key = f"in {self.key}" if self.key else ""
        return tuple(filter(None, (played, chords, key, f"seed {self.seed}")))

    def facts(self) -> dict[str, Any]:
        """Everything but its place, JSON-ready."""
        return {
            "stem": self.stem,
            "variation": self.variation,
            "sha256": self.sha256,
            "frames": self.frames,
            "rate": self.rate,
            "style": self.style,
            "timbre": self.timbre,
            "chords": self.chords,
            "chords_from": self.chords_from,
            "chords_chosen": self.chords if self.chords_from == "chosen" else None,
            "key": self.key,
            "seed": self.seed,
            "sound": self.sound,
            "midi": _name_of(self.midi),
            "take_midi": _name_of(self.take_midi),
            "part_sha256": self.part_sha256,
            "verdict": self.verdict.to_mapping(),
        }

    def to_json(self) -> str:
        """One line of JSON, as it travels: the verdict, what it was made of, the MIDI file."""
        more = {
            "made": list(self.made_of),
            "key": self.key,
            "seed": self.seed,
            "sound": self.sound,
            "midi": _name_of(self.midi),
            "take_midi": _name_of(self.take_midi),
        }
        return json.dumps(self.verdict.to_mapping() | more, separators=(",", ":"))


def _name_of(path: Path | None) -> str | None:
    return None if path is None else path.name


@dataclass(frozen=True)
class StemReady:
    """A stem's file is complete."""

    stem: StemFile | SeparatedFile


Event = StageProgress | StemReady
OnEvent = Callable[[Event], None]
"""Told about every step, before every network call; may raise CancelledError to stop."""


def ignore(event: Event) -> None:
    """For callers that do not listen."""


class Reporter:
    """Turns progress inside a stage into progress of the whole request, and times the stages.

    Work that is done side by side may report from several threads: they are heard one at a time,
    and progress never falls.
    """

    def __init__(
        self,
        on_event: OnEvent,
        variations: int,
        *,
        once: Collection[Stage] = (),
        shares: Shares = TAKE,
    ) -> None:
        """Begin.

        Args:
            on_event: told.
            variations: how many takes are made.
            once: stages that come before them, after what is given was read.
            shares: when the stages of one begin and end.
        """
        self._on_event, self._shares, self._variations = on_event, shares, variations
        self._once = {stage: takes for stage, takes in ONCE_TAKES.items() if stage in once}
        self._one_at_a_time, self._told = RLock(), 0.0
        self._stage: Stage = "read"
        self._since = time.monotonic()
        self._seconds: dict[Stage, float] = {}

    def seconds(self) -> dict[Stage, float]:
        """Wall-clock time spent in each stage so far, in s."""
        self._clock(self._stage)
        return dict(self._seconds)

    def _clock(self, stage: Stage) -> None:
        now = time.monotonic()
        self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now

    def __call__(self, stage: Stage, share: float, variation: int = 0) -> None:
        """Tell that `share` (0..1) of `stage` is done in take `variation`."""
        start, end = self._shares[stage]
        done = variation + start + share * (end - start)
        if variation or stage != "read":
            order = [*self._once, stage]  # of what comes before: all that was done until now
            done += sum(self._once[before] for before in order[: order.index(stage)])
            done += share * self._once.get(stage, 0.0)
        fraction = min(1.0, done / (self._variations + sum(self._once.values())))
        with self._one_at_a_time:
            self._clock(stage)
            self._told = max(self._told, fraction)
            self._on_event(StageProgress(stage, self._told, variation))

    def finished(self) -> None:
        """Tell that everything is done."""
        self("write", 1.0, self._variations - 1)

    def stem(self, stem: StemFile | SeparatedFile) -> None:
        """Tell that a stem is ready."""
        self._on_event(StemReady(stem))
