"""The composer: reproducible, in key, in range, and playable in every style."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.chords import ChordSpan
from stembridge.dataset.compose import SPLITS, compose, song_seed
from stembridge.dataset.parts import HIGHEST_BASS, LOWEST_BASS, fit
from stembridge.dataset.song import STEMS, Song
from stembridge.dataset.styles import (
    COMP_RHYTHMS,
    DRUM_PATTERNS,
    METRES,
    PROGRAMS,
    STYLES,
    TIMBRES,
)
from stembridge.dataset.theory import (
    PROGRESSIONS,
    QUALITIES,
    lead_voices,
    nearest_pitch,
    parse_degree,
    pitch_classes,
)

RANGES = {"bass": (LOWEST_BASS - 1, HIGHEST_BASS + 12), "guitar": (34, 88), "piano": (33, 96)}


@pytest.fixture(scope="module")
def songs() -> dict[str, list[Song]]:
    return {style: [compose(seed, style) for seed in range(8)] for style in STYLES}


def chord_at(song: Song, beat: float) -> ChordSpan:
    return [chord for chord in song.chords if chord.start_beats <= beat + 1e-6][-1]


def test_the_same_seed_is_the_same_song() -> None:
    assert compose(17) == compose(17)
    assert compose(17) != compose(18)


def test_no_seed_belongs_to_two_splits() -> None:
    assert len(set(SPLITS.values())) == 3
    train = {song_seed("train", i) for i in range(2000)}
    assert not train & {song_seed("validation", i) for i in range(2000)}
    assert not train & {song_seed("test", i) for i in range(2000)}
    gaps = np.diff(sorted(SPLITS.values()))
    assert gaps.min() >= 1_000_000


def test_there_are_twelve_styles_in_four_metres_from_60_to_180_bpm(
    songs: dict[str, list[Song]],
) -> None:
    assert len(STYLES) == 12
    assert {str(s.time_signature) for group in songs.values() for s in group} == set(METRES)
    tempos = [s.bpm for group in songs.values() for s in group]
    assert min(tempos) < 75
    assert max(tempos) > 160
    for name, group in songs.items():
        low, high = STYLES[name].bpm
        assert all(song.style == name and low <= song.bpm <= high for song in group)


def test_songs_are_whole_bars_of_the_asked_length(songs: dict[str, list[Song]]) -> None:
    for song in (s for group in songs.values() for s in group):
        bar_s = song.time_signature.beats_per_bar * 60 / song.bpm
        assert song.length_s + 1e-9 >= 24.0
        assert song.length_s < 24.0 + bar_s


def test_every_note_is_inside_the_song_and_in_range(songs: dict[str, list[Song]]) -> None:
    for song in (s for group in songs.values() for s in group):
        for stem in STEMS:
            for note in song.parts[stem]:
                # A crash after the last swung step may be late by the player's own unsteadiness.
                assert 0 <= note.start_beats < song.length_beats + 0.05
                assert note.length_beats > 0
                assert 1 <= note.velocity <= 127
                low, high = RANGES.get(stem, (35, 60))
                assert low <= note.pitch <= high, (song.style, stem, note)


def test_every_stem_plays_and_every_program_exists(songs: dict[str, list[Song]]) -> None:
    for song in (s for group in songs.values() for s in group):
        assert sum(bool(song.parts[stem]) for stem in STEMS) >= 2
        for stem, program in song.programs.items():
            assert program.timbre in TIMBRES[stem]
            assert (program.bank, program.number) in PROGRAMS[stem][program.timbre]
    played = [bool(s.parts[stem]) for group in songs.values() for s in group for stem in STEMS]
    assert np.mean(played) > 0.95


def test_chords_begin_on_bars_and_spell_their_quality(songs: dict[str, list[Song]]) -> None:
    for song in (s for group in songs.values() for s in group):
        bar = song.time_signature.beats_per_bar
        starts = [chord.start_beats for chord in song.chords]
        assert starts == sorted(starts)
        assert {i * bar for i in range(song.n_bars)} <= set(starts)
        assert all(start * 4 % 1 == 0 for start in starts)
        for chord in song.chords:
            assert chord.root is not None
            assert chord.pitch_classes == pitch_classes(chord.root, chord.symbol)


def test_the_bass_plays_the_root_where_the_chord_changes(songs: dict[str, list[Song]]) -> None:
    shares = []
    for song in (s for group in songs.values() for s in group):
        bar = song.time_signature.beats_per_bar
        first = [n for n in song.parts["bass"] if (n.start_beats + 0.05) % bar < 0.1]
        hits = [n.pitch % 12 == chord_at(song, n.start_beats + 0.05).root for n in first]
        shares += hits
    assert np.mean(shares) > 0.8


def test_guitar_and_piano_play_the_chord(songs: dict[str, list[Song]]) -> None:
    for stem in ("guitar", "piano"):
        inside = [
            note.pitch % 12 in chord_at(song, note.start_beats + 0.05).pitch_classes
            for group in songs.values()
            for song in group
            for note in song.parts[stem]
        ]
        assert np.mean(inside) > 0.93


def test_the_jazz_bass_walks(songs: dict[str, list[Song]]) -> None:
    for song in songs["jazz"]:
        notes = song.parts["bass"]
        gaps = np.diff([note.start_beats for note in notes])
        assert np.median(gaps) == pytest.approx(1.0, abs=0.05)
        assert len({note.pitch % 12 for note in notes}) >= 4


def test_swing_delays_the_offbeats() -> None:
    late = []
    for seed in range(10):
        song = compose(seed, "jazz")
        phases = [n.start_beats % 1 for n in song.parts["drums"]]
        late += [phase for phase in phases if 0.4 < phase < 0.8]
    assert np.median(late) > 0.58  # straight eighths would lie at 0.5


def test_lengths_can_be_chosen() -> None:
    assert compose(3, "pop", length_s=6.0).length_s < 6.0 + 4 * 60 / 84
    assert compose(3, "pop", length_s=6.0).length_s >= 6.0


def test_pattern_tables_are_well_formed() -> None:
    for family, patterns in DRUM_PATTERNS.items():
        steps = METRES.get(family, 16)
        for rows in patterns:
            assert [len(row) for row in rows] == [steps] * 3
            assert set("".join(rows)) <= set("xo.")
    for rhythms in COMP_RHYTHMS.values():
        assert all(len(row) == 16 and "x" in row for row in rhythms)
    for style in STYLES.values():
        assert set(style.metres) <= set(METRES)
        assert set(style.modes) <= set(PROGRESSIONS)
        for stem, names in style.timbres.items():
            assert set(names) <= set(TIMBRES[stem])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("I", (0, "maj")), ("vi", (9, "min")), ("bVII", (10, "maj")), ("V7", (7, "7")),
     ("ii7", (2, "min7")), ("bIII", (3, "maj"))],
)  # fmt: skip
def test_roman_numerals(text: str, expected: tuple[int, str]) -> None:
    assert parse_degree(text) == expected


def test_rows_are_cut_or_repeated() -> None:
    assert fit("x...", 6) == "x...x."
    assert fit("x.x.x.x.", 3) == "x.x"


@pytest.mark.parametrize("near", [40.0, 52.3, 61.0])
def test_the_nearest_pitch_is_within_half_an_octave(near: float) -> None:
    for pitch_class in range(12):
        pitch = nearest_pitch(pitch_class, near)
        assert pitch % 12 == pitch_class
        assert abs(pitch - near) <= 6.0


def test_voices_are_led_by_small_steps() -> None:
    first = lead_voices(pitch_classes(0, "maj"), [], 60)
    then = lead_voices(pitch_classes(5, "maj"), first, 60)
    assert {pitch % 12 for pitch in then} == {5, 9, 0}
    assert max(min(abs(p - q) for q in first) for p in then) <= 2
    assert all(len(chord) >= 3 and chord[0] == 0 for chord in QUALITIES.values())
