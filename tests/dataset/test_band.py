"""Songs of a band: reproducible, in the chart, at the drummer's kick, splits apart."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.dataset import band
from stembridge.dataset.band import compose_band
from stembridge.dataset.charts import charts
from stembridge.dataset.compose import bars_of
from stembridge.dataset.parts import KICK, STEP, new_player
from stembridge.dataset.song import STEMS, Song
from stembridge.dataset.strings import chord_shape
from stembridge.dataset.styles import STYLES
from stembridge.dataset.theory import pitch_classes
from stembridge.dataset.ways import SUITS, WAYS


@pytest.fixture(scope="module")
def songs() -> list[Song]:
    return [compose_band(seed) for seed in range(40)]


def test_the_same_seed_is_the_same_song() -> None:
    assert compose_band(3) == compose_band(3)
    assert compose_band(3) != compose_band(4)
    assert compose_band(3).parts != compose_band(3, "held-out").parts


@pytest.mark.parametrize("style", STYLES)
def test_every_style_plays_in_both_splits(style: str) -> None:
    for split in ("train", "held-out"):
        song = compose_band(5, split, style)
        assert song.style == style
        assert sum(bool(song.parts[stem]) for stem in STEMS) >= 2


def test_every_note_is_inside_the_song(songs: list[Song]) -> None:
    for song in songs:
        assert song.length_s >= 24
        for stem in STEMS:
            for note in song.parts[stem]:
                assert 0 <= note.start_beats < song.length_beats + 0.05, (song.seed, stem, note)
                assert note.length_beats > 0
                assert 1 <= note.velocity <= 127


def test_chords_rise_and_only_repeat_where_a_bar_begins(songs: list[Song]) -> None:
    for song in songs:
        starts = [chord.start_beats for chord in song.chords]
        assert starts == sorted(set(starts))
        assert starts[0] == 0


def test_progressions_are_the_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(band, "CHART_SHARE", 1.0)
    for seed in range(4):
        song = compose_band(seed, "held-out", "rock")
        changes = [(c.root or 0, c.symbol) for c in song.chords]
        roots = np.diff([root for root, _ in changes]) % 12
        qualities = [quality for _, quality in changes]
        assert any(fits(roots, qualities, chart.form, chart.sections)
                   for chart in charts("held-out"))  # fmt: skip


def fits(roots: np.ndarray, qualities: list[str], form: str, sections: dict) -> bool:
    """Whether the changes are those of a chart, from some section on."""
    for first in range(len(form)):
        around = [bar for letter in form[first:] + form * 30 for bar in sections[letter]]
        chords = [c for bar in around for i, c in enumerate(bar) if i == 0 or c != bar[i - 1]]
        heard = chords[: len(qualities)]
        same = [quality for _, quality in heard] == qualities
        if same and np.array_equal(np.diff([root for root, _ in heard]) % 12, roots):
            return True
    return False


def test_drums_are_played_by_people_and_the_bass_hears_the_kick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(band, "GROOVE_SHARE", 1.0)
    velocities, together = [], []
    for seed in range(24):
        song = compose_band(seed, "train", "rock")
        velocities.append(len({note.velocity for note in song.parts["drums"]}))
        kicks = [n.start_beats for n in song.parts["drums"] if n.pitch == KICK]
        bass = [note.start_beats for note in song.parts["bass"]]
        if bass and kicks:
            together.append(np.mean([min(abs(np.array(kicks) - beat)) < 0.12 for beat in bass]))
    assert np.median(velocities) > 25
    assert np.percentile(together, 90) > 0.7  # the songs whose bass follows the kick


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_playing_is_in_the_chord_or_its_scale(way: str) -> None:
    stem = next(stem for stem in ("bass", "guitar", "piano") if any(
        way in ways.get(stem, ()) for ways in SUITS.values()))  # fmt: skip
    rng = np.random.default_rng(1)
    bars = bars_of([[(0, 9, "min7")], [(0, 2, "7"), (8, 7, "maj")]], 16)
    player = new_player(rng, way, {"bass": 36.0, "guitar": 56.0, "piano": 64.0}[stem])
    for bar in bars:
        bar.kick, bar.energy = "x..x..x.....x...", 0.7
        notes = WAYS[way](bar, player)
        assert len(notes) >= 1
        inside = []
        for note in notes:
            assert bar.start <= note.start_beats < bar.start + 4
            assert note.length_beats > 0
            chord = pitch_classes(*bar.chord_at(int((note.start_beats - bar.start) / STEP + 0.2)))
            inside.append(note.pitch % 12 in chord)
        assert np.mean(inside) >= 0.5  # a tune has passing notes


def test_hands_hold_chords_a_guitar_has() -> None:
    assert chord_shape(4, "maj", 0) == [40, 47, 52, 56, 59, 64]  # an open E
    for root in range(12):
        for quality in ("maj", "min", "7", "min7", "sus4"):
            for position in (0, 3, 5):
                shape = chord_shape(root, quality, position)
                assert 3 <= len(shape) <= 6
                assert shape[0] % 12 == root
                assert {pitch % 12 for pitch in shape} <= set(pitch_classes(root, quality))


def test_palm_mutes_and_ghosts_are_damped() -> None:
    song = next(s for s in (compose_band(i, "train", "rock") for i in range(60))
                if any(note.how == "mute" for note in s.parts["guitar"]))  # fmt: skip
    assert song.programs["guitar"].timbre in ("overdrive", "distortion", "clean")
