"""The classifier learns styles that only their rhythm, or only their tempo, tells apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stembridge.conditions import Layout, frame_conditions, full_layout
from stembridge.musical_time import TimeSignature
from stembridge.training.latents import Encoded, LatentSet, write_encoded
from stembridge.training.style_classifier import (
    StyleTraining,
    accuracy,
    fit_style_classifier,
    timbres_by_style,
)

HOP, RATE = 2048, 44100
LAYOUT = full_layout(("on", "off", "slow"), {"bass": ("finger", "slap"), "drums": ("room",)})
QUICK = StyleTraining(steps=250, batch=24, frames=(48, 96), learning_rate=5e-3)


def song(rng: np.random.Generator, layout: Layout) -> Encoded:
    """Four stems of noise; drums pulse on the beat, or off it; slow songs have no pulse."""
    style = str(rng.choice(layout.styles))
    bpm = 70.0 if style == "slow" else float(rng.uniform(110, 140))
    timbre = "slap" if style == "on" else str(rng.choice(["finger", "slap"]))
    told = frame_conditions(
        layout, 128, hop=HOP, model_rate=RATE, bpm=bpm, time_signature=TimeSignature(),
        style=style, timbres={"bass": timbre, "drums": "room"},
    )  # fmt: skip
    latents = rng.standard_normal((4, 3, 128))
    beats = (np.arange(128) + 0.5) * HOP / RATE * bpm / 60
    pulse = {"on": 1.0, "off": -1.0, "slow": 0.0}[style]
    latents[1, 0] += 2 * pulse * np.cos(2 * np.pi * beats)
    present = np.ones(4, bool)
    return Encoded(latents.astype(np.float16), told.astype(np.float16), present)


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> LatentSet:
    folder, rng = tmp_path_factory.mktemp("styles"), np.random.default_rng(0)
    write_encoded(folder, [song(rng, LAYOUT) for _ in range(240)])
    return LatentSet.open(folder)


def test_rhythm_and_tempo_tell_styles_apart(songs: LatentSet) -> None:
    classifier = fit_style_classifier(songs, LAYOUT, HOP / RATE, QUICK)
    assert accuracy(classifier, songs, LAYOUT, stem=0) > 0.95
    # Without the drums only the tempo is left: "slow" is known, "on" and "off" are guessed.
    assert 0.4 < accuracy(classifier, songs, LAYOUT, stem=1) < 0.9


def test_the_same_fit_gives_the_same_weights(songs: LatentSet) -> None:
    few = StyleTraining(steps=2, batch=4, frames=(48, 96))
    one, other = (fit_style_classifier(songs, LAYOUT, HOP / RATE, few) for _ in range(2))
    for name, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name])


def test_usual_timbres_are_those_of_the_styles_songs(songs: LatentSet) -> None:
    table = timbres_by_style(songs, LAYOUT)
    assert table["on"] == {"bass": ("slap",), "drums": ("room",)}
    assert table["off"]["bass"] == ("finger", "slap")


def test_songs_without_styles_teach_none(tmp_path: Path) -> None:
    bare = Encoded(*(part.copy() for part in song(np.random.default_rng(1), LAYOUT)[:3]))
    bare.conditions[LAYOUT.slices()["style"]] = 0.0
    write_encoded(tmp_path, [bare])
    with pytest.raises(ValueError, match="names its style"):
        fit_style_classifier(LatentSet.open(tmp_path), LAYOUT, HOP / RATE, QUICK)
