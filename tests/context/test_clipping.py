"""Tops that are cut off flat are told, and what is flat by nature is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.context import load_context
from stembridge.request import parse_request
from stembridge.testing import fake_manifest

RATE = 44_100
T = np.arange(4 * RATE) / RATE
PULSE = np.sign(np.sin(2 * np.pi * 110.3 * T))


def music() -> np.ndarray:
    """Notes of three partials that die away, each as loud as no other."""
    rng, sound = np.random.default_rng(2), np.zeros(T.size)
    for at in range(0, T.size, RATE // 4):
        t = np.arange(min(RATE, T.size - at)) / RATE
        hz = rng.uniform(80, 500, 3)[:, None]
        sound[at : at + t.size] += (
            rng.uniform(0.3, 1)
            * np.exp(-3 * t)
            * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6, (3, 1))).sum(0)
        )
    return sound / np.abs(sound).max()


def clipped(sound: np.ndarray, db: float) -> np.ndarray:
    top = np.abs(sound).max() * 10 ** (-db / 20)
    return sound.clip(-top, top)


def said(folder: Path, sound: np.ndarray, subtype: str = "PCM_16") -> list[tuple[int, float]]:
    """How many tops are told to be cut off, and at what level."""
    path = folder / "loud.wav"
    soundfile.write(path, sound.T, RATE, subtype=subtype)
    asked = {"generate": "bass", "bpm": "120", "bars": 2, "context.guitar": str(path)}
    context = load_context(parse_request(asked), fake_manifest(), AllowedRoots.anywhere())
    found = [remark for remark in context.remarks if remark.code == "clipped"]
    assert all(remark.words.startswith("guitar is clipped: ") for remark in found)
    return [(remark.data["times"], remark.data["db"]) for remark in found]


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize(("below_db", "gain"), [(3, 1.0), (6, 2.0), (6, 0.3), (12, 1.0)])
def test_flat_tops_are_told_at_any_level(
    tmp_path: Path, below_db: float, gain: float, subtype: str
) -> None:
    sound = gain * clipped(music(), below_db)
    ((times, db),) = said(tmp_path, sound.clip(-1, 1), subtype)
    assert times >= 5 and db == pytest.approx(20 * np.log10(np.abs(sound).max()), abs=0.1)


def test_so_is_a_tone_a_channel_alone_and_what_was_dithered(tmp_path: Path) -> None:
    tone, rng = clipped(np.sin(2 * np.pi * 60 * T), 3), np.random.default_rng(1)
    assert said(tmp_path, tone)[0][0] == pytest.approx(480, abs=2)  # two a turn
    right = np.stack([0.5 * np.sin(2 * np.pi * 330 * T), 0.3 * tone])
    assert said(tmp_path, right)[0][1] == pytest.approx(-13.5, abs=0.1)
    dither = (rng.random(T.size) - rng.random(T.size)) / 2**15
    assert said(tmp_path, 0.5 * tone + dither)


@pytest.mark.parametrize(
    "sound",
    [
        lambda: 0 * T,
        lambda: 0 * T + 0.5,
        music,
        lambda: np.round(music() * 127) / 128,  # of eight bits
        lambda: 1e-3 * music(),
        lambda: clipped(music(), 0.02),  # a few samples at the top, as of a loud master
        lambda: np.sin(2 * np.pi * 40 * T),
        lambda: np.round(20 * np.sin(2 * np.pi * 40 * T)) / 2**15,
        lambda: np.repeat(np.sin(2 * np.pi * 440 * T[::4]), 4),  # a rate that was reduced
        lambda: 0.8 * PULSE,
        lambda: 0.8 * PULSE * np.exp(-3 * (T % 0.5)),
        lambda: PULSE * (0.4 + 0.1 * (np.floor(2 * T) % 5)),
        lambda: 0.4 * (PULSE + np.sign(np.sin(2 * np.pi * 111 * T))),
        lambda: 0.4 * (np.where(110.3 * T % 1 < 0.1, 1.8, 0) - 0.2),
    ],
)
def test_what_is_flat_by_nature_or_not_at_all_is_not(
    tmp_path: Path, sound: Callable[[], np.ndarray]
) -> None:
    assert said(tmp_path, sound().clip(-1, 1)) == []
