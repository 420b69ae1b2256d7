"""Edges and seams: what would be heard is a fault, music is none."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.evaluation.edges import evaluate_edges, stem_edges, summary
from stembridge.testing import open_fake

RATE, BARS = 22_050, 4
N = 2 * RATE
RNG = np.random.default_rng(0)


def hits(*seconds: float, n: int = N, level: float = 0.5) -> np.ndarray:
    """Bright hits that fade within 50 ms, `[n, 2]`, going round."""
    sound = np.zeros((n, 2))
    burst = (
        level * RNG.standard_normal((RATE // 5, 2)) * np.exp(-np.arange(RATE // 5) / 400)[:, None]
    )
    for at in seconds:
        sound[(round(at * RATE) + np.arange(len(burst))) % n] += burst
    return sound


def test_a_take_begins_in_silence_or_with_a_note() -> None:
    tone = np.cos(2 * np.pi * 100 * np.arange(N) / RATE)[:, None] * [0.3, 0.3]
    loud = stem_edges(tone, RATE, starts=False)
    assert loud.first_db == pytest.approx(0.0, abs=0.01) and loud.faults
    assert not stem_edges(tone, RATE, starts=True).faults
    rising = tone * np.minimum(1, np.arange(N) / 200)[:, None]
    assert not stem_edges(rising, RATE, starts=False).faults


def test_a_last_edge_that_climbs_is_seen() -> None:
    fading = 0.2 * RNG.standard_normal((N, 1)) * np.exp(-np.arange(N) / 3000)[:, None]
    assert stem_edges(fading, RATE, starts=True).climb_db < 3
    fading[-100:] += 0.2 * RNG.standard_normal((100, 1))
    assert stem_edges(fading, RATE, starts=True).climb_db > 20


def test_a_click_at_the_seam_is_a_fault_and_a_hit_is_none() -> None:
    hit = hits(0.0, 0.75)
    on = np.tile(hit, (2, 1))
    music = stem_edges(hit, RATE, starts=True, n_bars=BARS, on=on)
    assert (music.seam_db or 0) > 20 and not music.faults
    bass = 0.3 * np.sin(2 * np.pi * 50.13 * np.arange(N) / RATE)[:, None]  # no whole periods
    whole = 0.3 * np.sin(2 * np.pi * 50 * np.arange(2 * N) / RATE)[:, None]
    assert stem_edges(bass, RATE, starts=True, n_bars=BARS, on=whole).faults
    assert not stem_edges(whole[:N], RATE, starts=True, n_bars=BARS, on=whole).faults


def test_takes_of_a_model_in_closed_form_have_no_edges() -> None:
    said: list[str] = []
    model = open_fake("fake:notes=bass+piano")
    rows = evaluate_edges(model, cases=[("waltz", "3/4", 150)], n_bars=3, say=said.append)
    assert [(row["loop"], row["given"]) for row in rows] == [
        (False, False), (False, True), (True, False), (True, True),
    ]  # fmt: skip
    figures = summary(rows)
    assert (figures["takes"], figures["stems"], figures["seams"]) == (4, 12, 6)
    assert figures["faults"] == 0, said
