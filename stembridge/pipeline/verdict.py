"""What can be measured on a stem before anyone listens: timing, silence, level.

The figures travel with the file, so that a poor take can be told from a good one, and re-rolled,
without opening it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import decibels, integrated_loudness, is_silent, peak
from stembridge.audio.onsets import GridReport, detect_onsets, grid_report
from stembridge.audio.swing import find_swing, straightened
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest

EIGHTH_BEATS, SIXTEENTH_BEATS = 0.5, 0.25
HEAD_LEVEL = 10 ** (-60 / 20)
LATE_MS, FEW_ONSETS = 25.0, 8
QUIET_LU, LOUD_LU = -25.0, 6.0


@dataclass(frozen=True)
class Verdict:
    """Measurements of one stem; ratios in 0..1, None where nothing can be said.

    Attributes:
        onsets_per_s: notes per second.
        on_grid_share: share of onsets on the sixteenth grid (within 30 % of a step, 50 ms at most).
        on_eighth_share: share of onsets on the eighth grid.
        chance_share: the on_grid_share of random times.
        onset_offset_ms: median signed distance of onsets to the sixteenth grid; late is positive.
        head_silence_ms: time before anything sounds.
        loudness_lufs: integrated loudness, as a meter reads the file.
        relative_loudness_lu: loudness against the context's mixture, both in mono.
        peak_dbfs: highest sample.
        silent: nothing sounds.
        remarks: what a musician should know.
        swing: share of a pair of notes that its first takes, against which the timing is measured;
            None where it is straight.
    """

    onsets_per_s: float
    on_grid_share: float | None
    on_eighth_share: float | None
    chance_share: float
    onset_offset_ms: float | None
    head_silence_ms: float
    loudness_lufs: float | None
    relative_loudness_lu: float | None
    peak_dbfs: float | None
    silent: bool
    remarks: tuple[Remark, ...]
    swing: float | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """The remarks in words."""
        return tuple(remark.words for remark in self.remarks)

    def to_mapping(self) -> dict[str, Any]:
        """JSON-ready values."""
        return dataclasses.asdict(self) | {
            "warnings": list(self.warnings),
            "remarks": [remark.to_mapping() for remark in self.remarks],
        }

    def to_json(self) -> str:
        """One line of JSON, as it travels in a message."""
        return json.dumps(self.to_mapping(), separators=(",", ":"))


def judge(
    audio: FloatArray,
    request: GenerationRequest,
    context_lufs: float | None,
    remarks: Sequence[Remark] = (),
) -> Verdict:
    """Measure one rendered stem.

    Args:
        audio: float32 [n_samples] or [2, n_samples] at the session's rate, as written; what is
            stereo is heard in mono, but for its peak and its loudness.
        request: for tempo and bar line.
        context_lufs: loudness of the context's mixture as it lies in the session, if any.
        remarks: what is known of the take and its context already.
    """
    rate, highest = request.session_rate, peak(audio)
    metered = integrated_loudness(audio, rate)
    audio = audio if audio.ndim == 1 else audio.mean(axis=0)
    times = detect_onsets(audio, rate)
    length_s = audio.size / rate
    swing = find_swing(times, request.bpm, length_s, request.start_beats)
    if swing is not None:  # measured against what it plays, not against what it does not
        times = straightened(swing, times, request.bpm, request.start_beats)
    sixteenth, eighth = (
        grid_report(times, request.bpm, step, length_s, request.start_beats)
        for step in (SIXTEENTH_BEATS, EIGHTH_BEATS)
    )
    lufs = metered if context_lufs is None else integrated_loudness(audio, rate)
    relative = None if lufs is None or context_lufs is None else lufs - context_lufs
    head_ms = head_silence_s(audio, rate) * 1e3
    silent = is_silent(audio)
    own = [Remark("take_silent")] if silent else [
        *_timing(sixteenth, head_ms, request), *_level(relative),
    ]  # fmt: skip
    return Verdict(
        onsets_per_s=_rounded(sixteenth.onsets_per_s),
        on_grid_share=_rounded(sixteenth.on_grid_share) if sixteenth.n_onsets else None,
        on_eighth_share=_rounded(eighth.on_grid_share) if eighth.n_onsets else None,
        chance_share=_rounded(sixteenth.chance_share),
        onset_offset_ms=_maybe(sixteenth.median_offset_ms),
        head_silence_ms=_rounded(head_ms),
        loudness_lufs=_maybe(metered),
        relative_loudness_lu=_maybe(relative),
        peak_dbfs=None if silent else _rounded(decibels(highest)),
        silent=silent,
        remarks=(*remarks, *own),
        swing=None if swing is None else _rounded(swing.share),
    )


def head_silence_s(audio: FloatArray, rate: int) -> float:
    """Time before the first sample above -60 dB of the peak, in s; the whole length if silent."""
    if is_silent(audio):
        return audio.size / rate
    return int(np.argmax(np.abs(audio) > peak(audio) * HEAD_LEVEL)) / rate


def _timing(grid: GridReport, head_ms: float, request: GenerationRequest) -> list[Remark]:
    said = []
    bar_ms = request.time_signature.beats_per_bar * 60e3 / request.bpm
    if head_ms > bar_ms:
        said.append(Remark("take_starts_late", {"bars": round(head_ms / bar_ms, 1)}))
    if grid.n_onsets >= FEW_ONSETS:
        # A third of the way from chance to perfect: below, the notes hardly follow the grid.
        if grid.on_grid_share < (1 + 2 * grid.chance_share) / 3:
            said.append(Remark("take_off_grid", {"share": _rounded(grid.on_grid_share)}))
        offset_ms = grid.median_offset_ms or 0.0
        if abs(offset_ms) > LATE_MS:
            side = "late" if offset_ms > 0 else "early"
            said.append(Remark("take_offset", {"ms": round(abs(offset_ms)), "side": side}))
    return said


def _level(relative_lu: float | None) -> list[Remark]:
    if relative_lu is not None and relative_lu < QUIET_LU:
        return [Remark("take_quiet", {"lu": round(-relative_lu)})]
    if relative_lu is not None and relative_lu > LOUD_LU:
        return [Remark("take_loud", {"lu": round(relative_lu)})]
    return []


def _rounded(value: float) -> float:
    return round(float(value), 3)


def _maybe(value: float | None) -> float | None:
    return None if value is None else _rounded(value)
