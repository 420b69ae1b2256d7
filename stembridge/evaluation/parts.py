"""A take's notes against the song's: are they in the chord, on the grid, as many as they should be?

What counts as on the grid: within 30 % of a sixteenth, on the straight grid or on it as the true
part swings, whichever of the two a part keeps to as a whole.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.parts import Note, Part, ReaderFacts, read_part
from stembridge.parts.groove import STEP_BEATS, STRAIGHT, Swing, groups, swing_of
from stembridge.parts.part import DRUMS, SAME_DRUM
from stembridge.pipeline.generate import Take
from stembridge.pipeline.performance import parts_of, played
from stembridge.request import GenerationRequest
from stembridge.roles import is_pitched
from stembridge.runtime.model import StemModel
from stembridge.transcription.notes import TimedNote
from stembridge.transcription.score import note_score

Array = NDArray[np.float32]
_TOLERANCE = 0.3


@dataclass(frozen=True)
class PartFigures:
    """What is measured on a part; None where it does not apply.

    Attributes:
        note_f1: notes read in the true stem's latents against the song's, 50 ms.
        notes_in_chord: share of the made notes whose pitch class the chord has.
        notes_in_chord_truth: of the song's own.
        notes_on_grid: share of the made onsets on the sixteenth grid, straight or swung as true.
        notes_on_grid_truth: of the song's own.
        notes_per_s: of the made part. notes_per_s_truth: of the song's.
        shared_with_truth: note F measure of the made part against the song's: how alike they are.
        side_db: power of the played stem's side signal beside its middle.
    """

    note_f1: float | None
    notes_in_chord: float | None
    notes_in_chord_truth: float | None
    notes_on_grid: float | None
    notes_on_grid_truth: float | None
    notes_per_s: float
    notes_per_s_truth: float
    shared_with_truth: float
    side_db: float | None


def perform(
    model: StemModel,
    take: Take,
    request: GenerationRequest,
    song: AnnotatedSong,
    gain: float,
    true_latents: Array,
) -> tuple[PartFigures, Array]:
    """Figures of the one stem of a take, and its played sound in mono at the song's level.

    Args:
        model: it must read the stem's notes.
        take: of one stem.
        request: what was asked for.
        song: the true one.
        gain: with which the model heard the song.
        true_latents: of the song's own stem, [C, F].
    """
    (stem,) = request.generate
    made = parts_of(take, request, model)[stem]
    true = true_part(song, stem, request.length_beats)
    sound = played(made, request, model.manifest, take.choice.timbres) / np.float32(gain)
    bpm, swing = request.bpm, swing_of(true)
    length_s = request.length_beats * 60 / bpm
    middle, side = sound.mean(axis=0), (sound[0] - sound[1]) / 2
    powers = float(np.mean(middle**2)), float(np.mean(side**2))
    figures = PartFigures(
        note_f1=_read_score(model, true_latents, true, request.bpm),
        notes_in_chord=in_chord(made, song),
        notes_in_chord_truth=in_chord(true, song),
        notes_on_grid=on_grid(made, swing),
        notes_on_grid_truth=on_grid(true, swing),
        notes_per_s=len(made.notes) / length_s,
        notes_per_s_truth=len(true.notes) / length_s,
        shared_with_truth=shared(made, true, bpm),
        side_db=10 * float(np.log10(powers[1] / powers[0])) if min(powers) > 0 else None,
    )
    return figures, middle


def true_part(song: AnnotatedSong, stem: str, length_beats: float) -> Part:
    """The song's own part, drums as they are read."""
    notes = [n for n in song.notes.get(stem, ()) if n.start_beats < length_beats]
    if stem == DRUMS:
        notes = [replace(n, pitch=SAME_DRUM.get(n.pitch, n.pitch)) for n in notes]
    return Part(stem, tuple(notes), length_beats)


def in_chord(part: Part, song: AnnotatedSong) -> float | None:
    """Share of the notes whose pitch class is in the chord that they sound with."""
    if not (song.chords and part.notes and is_pitched(part.stem)):
        return None
    starts = [chord.start_beats for chord in song.chords]
    # A note that anticipates its chord by a hair belongs to it.
    at = [max(0, bisect_right(starts, n.start_beats + 0.06) - 1) for n in part.notes]
    inside = [
        n.pitch % 12 in song.chords[i].pitch_classes for n, i in zip(part.notes, at, strict=True)
    ]
    return float(np.mean(inside))


def on_grid(part: Part, swing: Swing) -> float | None:
    """Share of the onsets within 30 % of a sixteenth, straight or swung: what suits the part."""
    if not part.notes:
        return None
    starts = np.array([group[0].start_beats for group in groups(part)])
    return max(_share_on_grid(starts, feel) for feel in (STRAIGHT, swing))


def _share_on_grid(starts: NDArray[np.float64], swing: Swing) -> float:
    straight = swing.straight(starts)
    off = np.abs(straight - np.round(straight / STEP_BEATS) * STEP_BEATS)
    return float((off <= _TOLERANCE * STEP_BEATS).mean())


def shared(one: Part, other: Part, bpm: float) -> float:
    """Note F measure between two parts, onsets within 50 ms."""
    return note_score(_in_seconds(one.notes, bpm), _in_seconds(other.notes, bpm)).f1


def _read_score(model: StemModel, latents: Array, true: Part, bpm: float) -> float | None:
    if not true.notes:
        return None
    manifest = model.manifest
    reader = manifest.note_readers[true.stem]
    facts = ReaderFacts(reader.lowest, reader.threshold, manifest.hop / manifest.sample_rate)
    answer = model.read_notes(true.stem, latents[None])[0]
    found = read_part(answer, true.stem, facts, bpm, true.length_beats)
    return shared(found, true, bpm)


def _in_seconds(notes: tuple[Note, ...], bpm: float) -> list[TimedNote]:
    beat_s = 60.0 / bpm
    return [
        TimedNote(n.start_beats * beat_s, n.length_beats * beat_s, n.pitch, n.velocity)
        for n in notes
    ]
