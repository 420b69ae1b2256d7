"""Bars made anew, measured: a model in closed form leaves the rest of its takes alone."""

from __future__ import annotations

import numpy as np

from stembridge.chords import parse_progression
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import STEMS
from stembridge.evaluation.redone import evaluate_redone
from stembridge.musical_time import TimeSignature
from stembridge.testing import open_fake

RATE = 22_050


def test_outside_the_bars_nothing_changes() -> None:
    noise = np.random.default_rng(0).standard_normal((4, 7 * RATE)).astype(np.float32)
    sound = 0.1 * noise * np.exp(-(np.arange(7 * RATE) % 5_512) / 2000).astype(np.float32)
    song = AnnotatedSong("one", sound, RATE, 240.0, TimeSignature(),
                         parse_progression("C F", 4, 28), stems=STEMS)  # fmt: skip
    said: list[str] = []
    figures = evaluate_redone(lambda: open_fake("fake:notes=bass+piano"), [song], say=said.append)
    assert set(figures) == {"bass", "piano"} and said == ["1 of 1 songs"]
    for its in figures.values():
        assert its["sample_change_outside"] == 0.0
        assert its["notes_outside_kept"] == 1.0
        assert (its["sample_change_inside"] or 0.0) > 1e-3
        assert its["on_grid_seam"] == its["on_grid_elsewhere"] == 1.0
        assert (its["on_grid_seam_notes"] or 0.0) > 0
