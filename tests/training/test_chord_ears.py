"""The chord network: the same in every key, and it learns chords from spectra."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stembridge.chords import parse_chord
from stembridge.chords.qualities import HEARD_QUALITIES, N_HEARD
from stembridge.chords.spectrum import N_BINS, PER_SEMITONE
from stembridge.conditions import chord_block
from stembridge.nn.chord_ears import ChordEars, ChordEarsConfig
from stembridge.training import chord_ears
from stembridge.training.chord_ears import (
    UNKNOWN,
    EarsTraining,
    accuracy,
    chord_labels,
    moved,
    train_ears,
)

SMALL = ChordEarsConfig(local=6, width=12, dilations=(1,))


def triads(count: int, frames: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Spectra of major and minor triads in random places, with two overtones, and labels."""
    rng = np.random.default_rng(1)
    spectra, labels = np.zeros((count, frames, N_BINS), np.float32), np.zeros((count, frames), int)
    for song in range(count):
        for half in (slice(0, frames // 2), slice(frames // 2, frames)):
            root, minor = int(rng.integers(12)), int(rng.integers(2))
            for step in (0, 3 if minor else 4, 7):
                pitch = 24 + root + step
                for overtone, level in ((0, 1.0), (12, 0.6), (19, 0.3)):
                    spectra[song, half, PER_SEMITONE * (pitch + overtone - 24)] += level
            labels[song, half] = 12 * minor + root
    return torch.from_numpy(spectra), torch.from_numpy(labels)


def test_labels_come_from_the_chord_condition() -> None:
    chords = [parse_chord("Am7", 0.0), parse_chord("N.C.", 2.0), parse_chord("F#", 4.0)]
    block = chord_block(np.array([-1.0, 0.5, 3.0, 5.0]), chords)
    am7 = 12 * HEARD_QUALITIES.index("m7") + 9
    assert chord_labels(block).tolist() == [UNKNOWN, am7, N_HEARD - 1, 6]


def test_moving_spectra_moves_their_chords() -> None:
    spectra, labels = triads(3)
    raised, higher = moved(spectra, labels, torch.tensor([0, 3, -2]))
    assert torch.equal(raised[0], spectra[0])
    assert torch.equal(raised[1, :, 9:], spectra[1, :, :-9])
    assert torch.equal(raised[2, :, :-6], spectra[2, :, 6:])
    for song, by in enumerate((0, 3, -2)):
        assert torch.equal(higher[song] % 12, (labels[song] + by) % 12)
        assert torch.equal(higher[song] // 12, labels[song] // 12)


def test_the_folded_layers_are_the_same_in_every_key() -> None:
    torch.manual_seed(0)
    ears = ChordEars(SMALL).eval()
    h = torch.randn(1, SMALL.width, 12, 20)
    turned = h.roll(5, 2)
    with torch.no_grad():
        there, here = ears.around[0](turned), ears.around[0](h).roll(5, 2)
    torch.testing.assert_close(there, here, atol=1e-5, rtol=1e-5)


def test_it_learns_triads_it_never_heard() -> None:
    spectra, labels = triads(80, frames=16)
    lengths = torch.full((80,), spectra.shape[1])
    training = EarsTraining(steps=90, batch=16, frames=8, learning_rate=6e-3)
    ears = train_ears(spectra[:60], labels[:60], lengths[:60], training, SMALL)
    heard = accuracy(ears, spectra[60:], labels[60:])
    assert heard["root"] > 0.8
    assert heard["third"] > 0.7
    with torch.no_grad():
        log_chances = ears(spectra[60:61])
    assert log_chances.shape == (1, spectra.shape[1], N_HEARD)
    torch.testing.assert_close(log_chances.exp().sum(2), torch.ones(1, spectra.shape[1]))


def test_a_cpu_that_imitates_bfloat16_is_not_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[torch.dtype] = []
    forward = ChordEars.forward

    def heard(self: ChordEars, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            kinds.append((torch.eye(2) @ torch.eye(2)).dtype)
        return forward(self, x)

    monkeypatch.setattr(ChordEars, "forward", heard)
    spectra, labels = triads(2, frames=8)
    for fast in (False, True):
        monkeypatch.setattr(chord_ears, "bfloat16_is_fast", lambda _, fast=fast: fast)
        training = EarsTraining(steps=1, batch=1, frames=8)
        train_ears(spectra, labels, torch.tensor([8, 8]), training, SMALL)
    assert kinds == [torch.float32, torch.bfloat16]
