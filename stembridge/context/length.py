"""Given files that end before the request does: said, or repeated where that is wished for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stembridge.musical_time import beats_to_seconds, seconds_to_beats
from stembridge.remarks import Remark
from stembridge.request import ContextClip, GenerationRequest

NEAR_S = 0.08  # of a whole number of bars: MP3s are padded, exports rounded
EARLY_BEATS = 0.5  # a last note that ends so long before the bar line is no early end


@dataclass(frozen=True)
class _End:
    """Where a stem falls silent, in beats; of its file: bars, and whether they are whole."""

    beats: float
    file_bars: float
    is_whole: bool


class Lengths:
    """What all clips of a request reach."""

    def __init__(self, request: GenerationRequest) -> None:
        self._request = request
        self._bar = request.time_signature.beats_per_bar
        self._ends: dict[str, _End] = {}
        self._looped: dict[str, Remark] = {}

    def placed(self, clip: ContextClip, duration_s: float) -> ContextClip:
        """Take note of a clip; returns it, repeated if the request wants that."""
        request, length = self._request, self._request.length_beats
        bpm = clip.source_bpm or request.bpm
        bars = seconds_to_beats(duration_s, bpm) / self._bar
        is_whole = round(bars) >= 1 and abs(bars - round(bars)) * beats_to_seconds(
            self._bar, bpm) <= NEAR_S  # fmt: skip
        sounding = seconds_to_beats(duration_s - clip.file_start_s, bpm)
        stop = length
        if clip.length_beats is not None:
            stop = min(length, clip.timeline_start_beats + clip.length_beats)
        end = clip.timeline_start_beats + sounding
        early = not clip.loop and end < stop - EARLY_BEATS
        if early and is_whole and request.loop_context:
            whole = round(bars)
            self._looped[clip.stem] = Remark("looped", {"stem": clip.stem, "whole": whole})
            clip = replace(
                clip, loop=True, loop_start_s=0.0,
                loop_end_s=beats_to_seconds(whole * self._bar, bpm),
            )  # fmt: skip
            early = False
        # A clip that was cut in the session ends where it was meant to.
        found = _End(end if early else length, bars, is_whole and not clip.file_start_s)
        known = self._ends.get(clip.stem)
        if known is None or known.beats < found.beats:
            self._ends[clip.stem] = found
        return clip

    def remarks(self) -> tuple[Remark, ...]:
        """What is to be said of all clips."""
        said = list(self._looped.values())
        bars = self._request.length_beats / self._bar
        for stem, end in self._ends.items():
            if end.beats >= self._request.length_beats - EARLY_BEATS:
                continue
            data = {"stem": stem, "bar": round(end.beats / self._bar, 2), "bars": bars}
            if end.is_whole:
                whole = {"whole": round(end.file_bars)}
                said.append(Remark("ends_early_can_loop", data | whole))
                continue
            said.append(Remark("ends_early", data))
            if self._request.loop_context:
                bar = {"stem": stem, "bar": round(end.file_bars, 2)}
                said.append(Remark("not_looped", bar))
        return tuple(said)
