"""Held-out songs on demand, and the programs no training song plays."""

from __future__ import annotations

from stembridge.dataset.compose import compose, held_out_programs
from stembridge.dataset.song import STEMS
from stembridge.dataset.soundfonts import HELD_OUT
from stembridge.dataset.styles import HELD_OUT_PROGRAMS, PROGRAMS
from stembridge.evaluation.songs import ComposedSongs


def test_held_out_programs_are_played_in_no_training_song() -> None:
    for stem in STEMS:
        trained = {program for choices in PROGRAMS[stem].values() for program in choices}
        assert not trained & set(HELD_OUT_PROGRAMS[stem])
    drawn = {held_out_programs(seed)["piano"].number for seed in range(60)}
    assert drawn == {number for _, number in HELD_OUT_PROGRAMS["piano"]}
    assert held_out_programs(3) == held_out_programs(3)


def test_a_song_keeps_its_notes_and_changes_its_instruments() -> None:
    usual, foreign = (ComposedSongs(2, 22050, HELD_OUT, held)[1] for held in (False, True))
    assert usual.name == foreign.name == "test-00001"
    assert usual.notes == foreign.notes
    assert usual.chords == foreign.chords
    assert set(foreign.timbres.values()) == {"held-out"}
    assert abs(usual.audio[3] - foreign.audio[3]).max() > 0.01


def test_metre_tempo_and_length_can_be_asked_for() -> None:
    song = compose(5, "waltz", metre="3/4", bpm=174.0, n_bars=32)
    assert (song.bpm, song.n_bars, song.time_signature.numerator) == (174.0, 32, 3)
    assert song.length_s == 32 * 3 * 60 / 174
    assert max(note.start_beats for note in song.parts["piano"]) > 28 * 3
    assert compose(5, "waltz").n_bars < 32
