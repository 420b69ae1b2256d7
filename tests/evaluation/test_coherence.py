"""Stems that belong together are told from the same stems mixed up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stembridge.cli.evaluate_coherence import judge_coherence, tell
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.evaluation.coherence import (
    Heard,
    chance_above,
    coherence,
    made,
    mixed_up,
    rows_of,
    spread,
)
from stembridge.musical_time import TimeSignature
from stembridge.testing import FakeModel, fake_manifest

RATE = 22_050
T = np.arange(5 * RATE) / RATE
NOTES = ((0, 4, 7), (5, 9, 12), (2, 6, 9), (10, 14, 17))


def song(number: int) -> np.ndarray:
    """Four stems `[4, n]` of one chord, struck at one tempo; each song has its own."""
    beat = 0.31 + 0.037 * number
    decay = np.exp(-6 * (T % beat))
    root = 110 * 2 ** ((5 * number % 12) / 12)
    chord = [root * 2 ** (step / 12) for step in NOTES[0]]
    stems = [
        np.sin(2 * np.pi * root * T),
        np.random.default_rng(number).standard_normal(T.size) * 0.3,
        sum(np.sin(2 * np.pi * 2 * f * T) for f in chord) / 3,
        sum(np.sin(2 * np.pi * 4 * f * T) for f in chord) / 3,
    ]
    return (0.2 * np.stack(stems) * decay).astype(np.float32)


SONGS = [song(number) for number in range(8)]


def test_songs_belong_together_and_their_stems_mixed_up_do_not() -> None:
    heard = [[Heard.of(stem, RATE) for stem in one] for one in SONGS]
    own, apart = rows_of(heard), rows_of(mixed_up(heard))
    for name in ("harmony", "onsets", "level"):
        right, wrong = spread(own[name]), spread(apart[name])
        assert right is not None and wrong is not None
        assert right[1] > wrong[2], name
        assert abs(wrong[0]) < 0.15, name
    assert spread(own["pulse"])[0] > spread(apart["pulse"])[0]
    assert chance_above(own["scale"], apart["scale"]) > 0.95


def test_sums_are_heard_as_sums() -> None:
    one, other = SONGS[0][0], SONGS[3][2]
    both, sums = Heard.of(one + other, RATE), Heard.of(one, RATE) + Heard.of(other, RATE)
    ours, theirs = both.chroma.sum(0), sums.chroma.sum(0)
    assert np.abs(ours - theirs).max() < 0.1 * theirs.max()


def test_figures_of_a_system_beside_its_own_stems_mixed_up() -> None:
    found = coherence(SONGS, RATE, SONGS)
    assert found["distance"] == pytest.approx(0, abs=1e-3)
    assert found["apa"] == pytest.approx(1, abs=1e-3)
    assert set(found["rows"]) == {"harmony", "onsets", "level", "scale", "pulse"}
    mixtures = coherence([one.sum(0, keepdims=True) for one in SONGS], RATE, SONGS)
    assert set(mixtures["rows"]) == {"scale", "pulse"}
    assert "apa" not in mixtures


def test_takes_are_told_nothing_and_the_seed_is_the_takes(tmp_path: Path) -> None:
    model, lines = FakeModel(fake_manifest()), []
    takes = made(model, 3, 0, 2, lines.append)
    again = made(model, 3, 0, 2, lines.append)
    assert lines == ["3 of 3 takes"] * 2
    assert np.array_equal(takes[1], again[1]) and not np.array_equal(takes[0], takes[1])
    manifest = model.manifest
    assert takes[0].shape == (manifest.n_stems, manifest.window_frames * manifest.hop)
    songs = [AnnotatedSong("a", takes[0], manifest.sample_rate, None, TimeSignature(4, 4))]
    with pytest.raises(BadArgsError, match="wants 8 songs"):
        judge_coherence(tmp_path, model, songs, facts={}, seed=0, steps=2, beside=())
    with pytest.raises(NoSuchFileError, match="holds no report"):
        judge_coherence(tmp_path, model, songs, facts={}, seed=0, steps=2, beside=(tmp_path,))


def test_the_table_names_the_order() -> None:
    rows = {"scale": [0.9, 0.8, 0.85], "pulse": [0.5, 0.6, None]}
    other = {"scale": [0.6, 0.5, 0.55], "pulse": [0.5, 0.6, 0.4]}
    anchors = {"true": rows, "mixed up": other}
    reports = [
        {"facts": {"model": name}, "rows": its, "distance": 1.0, "anchors": anchors}
        for name, its in (("one", rows), ("two", other))
    ]
    shown: list = []
    tell(json.loads(json.dumps(reports)), shown.append)
    assert shown[1].startswith("chance that one is above two: scale 1.000")
