"""Bars of a take made anew: is everything else as it was, and does one hear where they begin?

Each held-out song lends tempo, chords and two of its stems; the other two are made for them, and
then the middle bars of these are made anew, by the functions that serve. Outside those bars the new
take must be the old one, to the sample and to the note. What is near their edges is measured beside
what is elsewhere in the same takes; the old take at the same places is the control.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from stembridge.audio.buffer import FloatArray
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.evaluation.heldout import cut
from stembridge.evaluation.parts import in_chord, on_grid
from stembridge.evaluation.run import Say
from stembridge.evaluation.seams import seam_figures
from stembridge.evaluation.songs import Songs
from stembridge.musical_time import beats_to_seconds
from stembridge.parts import Part
from stembridge.parts.groove import swing_of
from stembridge.pipeline.receipt_reading import read_receipt
from stembridge.pipeline.rework import rework
from stembridge.pipeline.run import arrange
from stembridge.pipeline.take_state import load_state
from stembridge.request import parse_request, parse_rework
from stembridge.runtime.model import StemModel

TARGETS = ("bass", "piano")
_NEAR_BEATS = 1.0
Span = tuple[float, float]


@dataclass(frozen=True)
class _Take:
    """A take at the model's rate, in its own sound: stem -> samples [n], stem -> notes."""

    sounds: dict[str, FloatArray]
    parts: dict[str, Part]


def evaluate_redone(
    opener: Callable[[], StemModel], songs: Songs, *, seed: int = 0, say: Say = lambda text: None
) -> dict[str, dict[str, float | None]]:
    """Figures by stem: means over songs, and the largest change outside the bars made anew."""
    model, rows = opener(), dict[str, list[dict[str, Any]]]()
    for number in range(len(songs)):
        song = cut(songs[number], model.manifest.window_frames * model.manifest.hop)
        with tempfile.TemporaryDirectory() as folder:
            for stem, row in _rows(model, song, Path(folder), seed + number):
                rows.setdefault(stem, []).append(row)
        say(f"{number + 1} of {len(songs)} songs")
    return {stem: _means(its) for stem, its in rows.items()}


def _rows(
    model: StemModel, song: AnnotatedSong, folder: Path, seed: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    metre = song.time_signature
    bar_s = beats_to_seconds(metre.beats_per_bar, song.bpm or 120.0)
    bars = int(song.audio.shape[1] / song.rate / bar_s + 1e-6)
    if song.bpm is None or bars < 3:
        return
    first, last = 1 + bars // 3, bars - bars // 3
    told: dict[str, Any] = {
        "generate": TARGETS, "bpm": song.bpm, "bars": bars, "time_signature": str(metre),
        "session_rate": model.manifest.sample_rate, "seed": seed, "sound": "model",
        "sample_format": "float", "steps": None,
    }  # fmt: skip
    for stem, audio in zip(song.stems, song.audio, strict=True):
        if stem not in TARGETS:
            soundfile.write(folder / f"{stem}.wav", audio, song.rate, subtype="FLOAT")
            told[f"context.{stem}"] = str(folder / f"{stem}.wav")
    parent = arrange(parse_request(told), model, folder)[0].path.parent
    wish = parse_rework({"parent": str(parent), "bars": (first, last)})
    child = rework(wish, model, folder)[0].path.parent
    span = ((first - 1) * metre.beats_per_bar, last * metre.beats_per_bar)
    old, new = _take(parent), _take(child)
    for stem in TARGETS:
        yield stem, _figures(stem, old, new, span, song, model)


def _take(folder: Path) -> _Take:
    told = read_receipt(folder)["stems"]
    sounds = {s["stem"]: soundfile.read(folder / s["file"], dtype="float32")[0] for s in told}
    return _Take(sounds, dict(load_state(folder, told[0]["variation"]).parts))


def _figures(
    stem: str, old: _Take, new: _Take, span: Span, song: AnnotatedSong, model: StemModel
) -> dict[str, Any]:
    """Figures of one stem; shares of notes with their number, for the mean over songs."""
    bpm, rate, hop = song.bpm or 120.0, model.manifest.sample_rate, model.manifest.hop
    edges = [beats_to_seconds(beats, bpm) for beats in span]
    change = np.abs(new.sounds[stem] - old.sounds[stem])
    first, stop = (round(edge * rate) for edge in edges)
    joints = [round(edge * rate / hop) for edge in edges]
    before, after = old.parts[stem], new.parts[stem]
    seams = (seam_figures(take.sounds[stem], rate, hop, joints) for take in (new, old))
    ranks = [None if one is None else one.jump_rank for one in seams]
    figures: dict[str, Any] = {
        "sample_change_outside": float(max(change[:first].max(), change[stop:].max())),
        "sample_change_inside": float(change[first:stop].max()),
        "notes_outside_kept": float(_outside(before, span) == _outside(after, span)),
        "notes_inside_kept": _kept(before, after, span),
        "jump_rank": ranks[0],
        "jump_rank_before": ranks[1],
    }
    for where, is_near in (("seam", True), ("elsewhere", False)):
        notes = [n for n in after.notes if _near(n.start_beats, span) == is_near]
        part = after.with_notes(notes)
        figures[f"in_chord_{where}"] = (in_chord(part, song), len(notes))
        figures[f"on_grid_{where}"] = (on_grid(part, swing_of(after)), len(notes))
    return figures


def _near(beats: float, span: Span) -> bool:
    return min(abs(beats - edge) for edge in span) <= _NEAR_BEATS


def _outside(part: Part, span: Span) -> list[Any]:
    """Onsets, pitches and velocities; a note that sounds into the bars is cut at their edge."""
    outside = [n for n in part.notes if n.start_beats < span[0] - 0.1 or n.start_beats >= span[1]]
    return [(n.start_beats, n.pitch, n.velocity) for n in outside]


def _kept(before: Part, after: Part, span: Span) -> float | None:
    first, stop = span
    old, new = (
        {(round(n.start_beats * 4), n.pitch) for n in part.notes if first <= n.start_beats < stop}
        for part in (before, after)
    )
    return len(old & new) / len(old) if old else None


def _means(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    means: dict[str, float | None] = {"songs": float(len(rows))}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if isinstance(values[0], tuple):
            told = [(share, n) for share, n in values if share is not None and n]
            total = sum(n for _, n in told)
            means[name] = sum(share * n for share, n in told) / total if total else None
            means[f"{name}_notes"] = float(total)
        elif name == "sample_change_outside":
            means[name] = max(values)
        else:
            known = [value for value in values if value is not None]
            means[name] = float(np.mean(known)) if known else None
    return means
