"""Notes of answers that are known exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stembridge.chords import ChordSpan, parse_chord
from stembridge.parts import Note, Part, ReaderFacts, read_part
from stembridge.parts.harmony import in_harmony
from stembridge.training.note_rolls import ROWS, roll_of
from stembridge.transcription.notes import TimedNote

FRAME_S = 2048 / 44100
FACTS = {stem: ReaderFacts(lowest, 0.6, FRAME_S) for stem, (lowest, _) in ROWS.items()}


def answer_of(notes: list[TimedNote], stem: str, n_frames: int = 100) -> np.ndarray:
    """What a perfect network would answer."""
    answer = roll_of(notes, stem, n_frames, FRAME_S).astype(np.float32) / 255
    answer[2] = 2 * answer[2] - 1
    return answer


def read(notes: list[TimedNote], stem: str, length_s: float = 4.0) -> tuple[Note, ...]:
    return read_part(answer_of(notes, stem), stem, FACTS[stem], 60.0, length_s).notes


@pytest.mark.parametrize("start_s", [0.0, 0.001, FRAME_S, FRAME_S - 1e-4, 1.5 * FRAME_S, 1.2345])
def test_a_note_comes_back_to_the_millisecond(start_s: float) -> None:
    (note,) = read([TimedNote(start_s, 0.5, 40, 90)], "bass")
    assert note.start_beats == pytest.approx(start_s, abs=1e-3)
    assert note.length_beats == pytest.approx(0.5, abs=3e-3)
    assert (note.pitch, note.velocity) == (40, 90)


def test_a_chord_and_repeated_notes() -> None:
    told = [TimedNote(at, 0.115, pitch, 70) for at in (0.5, 0.625, 0.75) for pitch in (60, 64, 67)]
    found = read(told, "piano")
    assert [(round(n.start_beats, 2), n.pitch) for n in found] == [
        (round(n.start_s, 2), n.pitch) for n in told
    ]
    assert all(0.08 < note.length_beats < 0.13 for note in found)


def test_doubtful_onsets_are_left_out_as_the_threshold_says() -> None:
    answer = answer_of([TimedNote(1.0, 0.5, 40, 90), TimedNote(2.0, 0.5, 43, 90)], "bass")
    answer[0, 43 - FACTS["bass"].lowest] *= 0.5
    found = read_part(answer, "bass", FACTS["bass"], 60.0, 4.0)
    assert [note.pitch for note in found.notes] == [40]
    eager = ReaderFacts(FACTS["bass"].lowest, 0.4, FRAME_S)
    assert len(read_part(answer, "bass", eager, 60.0, 4.0).notes) == 2


def test_beats_follow_the_tempo_and_the_take_ends() -> None:
    answer = answer_of([TimedNote(1.0, 2.0, 40, 90), TimedNote(3.2, 0.5, 41, 90)], "bass")
    part = read_part(answer, "bass", FACTS["bass"], 90.0, 3.0)
    (note,) = part.notes
    assert note.start_beats == pytest.approx(1.5, abs=2e-3)
    assert note.end_beats == pytest.approx(3.0)


def test_kindred_drums_are_one() -> None:
    from stembridge.training.note_rolls import timed

    (kick,) = timed([Note(1.0, 0.25, 35, 100)], 120.0, "drums")
    assert (kick.pitch, kick.start_s) == (36, 0.5)
    (low,) = timed([Note(1.0, 0.25, 35, 100)], 120.0, "bass")
    assert low.pitch == 35


def test_a_part_keeps_its_notes_in_order_and_has_an_identity() -> None:
    notes = (Note(1.0, 0.5, 40, 90), Note(0.0, 0.5, 43, 80))
    part = Part("bass", notes, 4.0)
    assert [note.start_beats for note in part.notes] == [0.0, 1.0]
    assert Part.from_mapping(part.to_mapping()) == part
    assert part.sha256 == Part("bass", notes[::-1], 4.0).sha256
    assert part.sha256 != part.with_notes(notes[:1]).sha256


def test_a_note_outside_the_chord_must_be_surer_of_itself() -> None:
    facts = ReaderFacts(FACTS["bass"].lowest, 0.2, FRAME_S)
    told = [TimedNote(1.0, 0.5, 40, 90), TimedNote(2.0, 0.5, 40, 90), TimedNote(3.0, 0.5, 41, 90)]
    answer = answer_of(told, "bass")
    answer[0] *= 0.5

    def pitches_in(*chords: ChordSpan) -> list[float]:
        part = read_part(in_harmony(answer, facts, chords, 60.0), "bass", facts, 60.0, 4.0)
        return [round(note.start_beats, 2) for note in part.notes]

    assert pitches_in() == pitches_in(parse_chord("N.C.")) == [1.0, 2.0, 3.0]
    assert pitches_in(parse_chord("Em")) == [1.0, 2.0]  # E, E, F
    assert pitches_in(parse_chord("Em"), parse_chord("F", 1.95)) == [1.0, 3.0]
    doubtful = replace(parse_chord("Em"), confidence=0.2)
    assert pitches_in(doubtful) == [1.0, 2.0, 3.0]
    # The F comes a hair before its chord.
    assert pitches_in(parse_chord("Em"), parse_chord("F", 3.03)) == [1.0, 2.0, 3.0]
    assert len(read_part(answer, "bass", facts, 60.0, 4.0).notes) == 3  # it is left as it was
