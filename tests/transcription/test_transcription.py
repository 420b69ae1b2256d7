"""Bass and drums as notes: exact on made signals, measured on the synthetic test songs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stembridge.errors import BadArgsError, MissingExtraError
from stembridge.transcription import TimedNote, transcribe
from stembridge.transcription.score import NoteScore, note_score

RATE = 44_100


def pluck(pitch: int, seconds: float) -> NDArray[np.float32]:
    t = np.arange(round(seconds * RATE)) / RATE
    hz = 440.0 * 2 ** ((pitch - 69) / 12)
    tone = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6))
    shape = np.exp(-2.0 * t) * np.minimum(1.0, t / 0.004)
    shape *= np.minimum(1.0, (seconds - t) / 0.01)
    return (0.2 * tone * shape).astype(np.float32)


def bass_line(pitches: list[int], seconds: float) -> NDArray[np.float32]:
    return np.concatenate([pluck(pitch, seconds) for pitch in pitches])


@pytest.mark.parametrize("lowest", [23, 28, 40, 55])
def test_a_scale_is_read_note_for_note(lowest: int) -> None:
    pitches = [lowest + step for step in (0, 2, 4, 5, 7, 9, 11, 12)]
    notes = transcribe("bass", bass_line(pitches, 0.4), RATE)
    assert [note.pitch for note in notes] == pitches
    for n, note in enumerate(notes):
        assert note.start_s == pytest.approx(0.4 * n, abs=0.04)
        assert note.length_s == pytest.approx(0.4, abs=0.1)


def test_a_slur_without_an_attack_is_two_notes() -> None:
    t = np.arange(RATE) / RATE
    hz = np.where(t < 0.5, 55.0, 55.0 * 2 ** (5 / 12))
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    audio = (0.3 * (np.sin(phase) + 0.5 * np.sin(2 * phase))).astype(np.float32)
    notes = transcribe("bass", audio, RATE)
    assert [note.pitch for note in notes] == [33, 38]


@pytest.mark.parametrize("stem", ["bass", "drums"])
@pytest.mark.parametrize("n", [0, 10, RATE])
def test_silence_has_no_notes(stem: str, n: int) -> None:
    assert transcribe(stem, np.zeros(n, np.float32), RATE) == []


def test_chords_are_not_transcribed() -> None:
    with pytest.raises(BadArgsError, match="piano"):
        transcribe("piano", np.zeros(100, np.float32), RATE)


def test_kick_and_hat_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(round(0.25 * RATE)) / RATE
    kick = np.sin(2 * np.pi * (50 * t + 4 * (1 - np.exp(-t / 0.02)))) * np.exp(-t / 0.08)
    hat = np.diff(rng.standard_normal(len(t)), n=4, append=np.zeros(4)) * np.exp(-t / 0.02) * 0.05
    bar = np.concatenate([kick, hat, kick, hat] * 2).astype(np.float32) * 0.5
    notes = transcribe("drums", bar, RATE)
    assert {note.pitch for note in notes if round(note.start_s / 0.25) % 2 == 0} >= {36}
    assert 36 not in {note.pitch for note in notes if round(note.start_s / 0.25) % 2 == 1}


def test_scores() -> None:
    reference = [TimedNote(0.0, 1, 40, 1), TimedNote(1.0, 1, 42, 1)]
    assert note_score(reference, reference).f1 == 1.0
    off = [TimedNote(0.04, 1, 40, 1), TimedNote(1.06, 1, 42, 1), TimedNote(1.0, 1, 43, 1)]
    assert note_score(off, reference) == NoteScore(1, 3, 2)
    assert NoteScore().f1 == 1.0
    assert (NoteScore(1, 2, 2) + NoteScore(1, 1, 1)).f1 == pytest.approx(2 / 3)


@pytest.mark.slow
def test_note_f_measure_on_test_songs() -> None:
    """Eight songs with known notes, on a SoundFont that nothing was fitted to."""
    drums = pytest.importorskip("stembridge.training.drums")
    try:
        songs = list(drums.songs("test", 6, drums.HELD_OUT))
    except MissingExtraError as error:
        pytest.skip(reason=str(error))
    score = {"bass": NoteScore(), "drums": NoteScore()}
    for song in songs:
        for row, stem in enumerate(("bass", "drums")):
            found = transcribe(stem, song.audio[row], song.rate)
            score[stem] += note_score(found, drums.reference_notes(song, stem))
    assert score["bass"].f1 > 0.95
    assert score["drums"].f1 > 0.6
