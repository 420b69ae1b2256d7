"""Trains the chord network on spectra of songs whose chords are known.

Spectra are moved by up to five semitones, their chords with them; bins and frames are blanked and
the tilt is changed, so that no one instrument's colour counts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stembridge.chords.qualities import HEARD_QUALITIES, heard_quality
from stembridge.chords.spectrum import N_BINS, PER_SEMITONE
from stembridge.nn.chord_ears import ChordEars, ChordEarsConfig
from stembridge.training.processes import bfloat16_is_fast

UNKNOWN = -1
_FARTHEST = 5  # semitones


@dataclass(frozen=True)
class EarsTraining:
    """Settings.

    Attributes:
        steps, batch, learning_rate, weight_decay: of AdamW; the rate falls to 0 by a cosine.
        seconds: stop after so long, the rate falling with the clock instead; None: by steps.
        frames: of a window.
        smoothing: share of the chances that labels leave to all other chords.
        device: "cpu" or "cuda".
        seed: of windows and initial weights.
    """

    steps: int = 1500
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    seconds: float | None = None
    frames: int = 256
    smoothing: float = 0.05
    device: str = "cpu"
    seed: int = 1


def chord_labels(chord_block: NDArray[np.floating]) -> NDArray[np.int64]:
    """Chord of every frame `[F]` from a condition block `[25, F]`; `UNKNOWN` where not told."""
    labels = np.full(chord_block.shape[1], UNKNOWN, np.int64)
    none = 12 * len(HEARD_QUALITIES)
    for block in np.unique(chord_block, axis=1).T:
        at = (chord_block == block[:, None]).all(0)
        classes, root = np.flatnonzero(block[1:13]), np.flatnonzero(block[13:])
        if block[0] and len(root):
            labels[at] = 12 * heard_quality(classes.tolist(), int(root[0])) + root[0]
        elif block[0] and not len(classes):
            labels[at] = none
    return labels


def moved(spectra: Tensor, labels: Tensor, by: Tensor) -> tuple[Tensor, Tensor]:
    """Spectra `[B, T, 252]` and labels `[B, T]` raised by semitones `[B]`, nothing coming in."""
    at = torch.arange(N_BINS, device=spectra.device) - PER_SEMITONE * by[:, None]
    inside = (at >= 0) & (at < N_BINS)
    index = at.clamp(0, N_BINS - 1)[:, None].expand(-1, spectra.shape[1], -1)
    raised = spectra.gather(2, index) * inside[:, None]
    is_chord = (labels >= 0) & (labels < 12 * len(HEARD_QUALITIES))
    root = (labels % 12 + by[:, None]) % 12
    return raised, torch.where(is_chord, labels // 12 * 12 + root, labels)


def _worn(spectra: Tensor, generator: torch.Generator) -> Tensor:
    """Spectra with another tilt, some bins and frames weaker, and a noise floor."""
    batch, frames, bins = spectra.shape

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=spectra.device)

    slope = (draw(batch, 1, 1) - 0.5) * torch.linspace(-1, 1, bins, device=spectra.device)
    knots = functional.interpolate(draw(batch, 1, 12), size=bins, mode="linear")
    floor = 0.15 * draw(batch, 1, 1) * draw(batch, frames, bins)
    quiet = (draw(batch, frames, 1) > 0.05).float()
    return ((spectra * (1 + 0.6 * slope) * (0.5 + knots)).clamp_min(0) * quiet).maximum(floor)


def train_ears(
    spectra: Tensor,
    labels: Tensor,
    lengths: Tensor,
    training: EarsTraining,
    config: ChordEarsConfig | None = None,
) -> ChordEars:
    """A trained network.

    Args:
        spectra: `[N, T, 252]`, any float type, on any device.
        labels: `[N, T]` int64, see `chord_labels`.
        lengths: `[N]` frames that are filled, each at least `training.frames`.
        training: settings.
        config: shape.
    """
    device = training.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        ears = ChordEars(config or ChordEarsConfig()).to(device)
    generator = torch.Generator(device).manual_seed(training.seed)
    optimizer = torch.optim.AdamW(
        ears.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    half = bfloat16_is_fast(device)
    step, done, started = 0, 0.0, time.monotonic()
    while done < 1:
        for group in optimizer.param_groups:
            warm = min(1.0, (step + 1) / 100)
            group["lr"] = training.learning_rate * warm * 0.5 * (1 + np.cos(np.pi * done))
        x, y = _windows(spectra, labels, lengths, training, generator)
        with torch.autocast(torch.device(device).type, torch.bfloat16, half):
            log_chances = ears(x).float()
        loss = functional.cross_entropy(
            log_chances.flatten(0, 1), y.flatten(), ignore_index=UNKNOWN,
            label_smoothing=training.smoothing,
        )  # fmt: skip
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(ears.parameters(), 1.0)
        optimizer.step()
        step += 1
        by_clock = training.seconds and (time.monotonic() - started) / training.seconds
        done = by_clock or step / training.steps
    return ears.cpu().eval()


def _windows(
    spectra: Tensor, labels: Tensor, lengths: Tensor, training: EarsTraining,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Random windows `[B, T, 252]` and their labels `[B, T]`, on the training's device."""
    size, frames, home = training.batch, training.frames, spectra.device
    drawn = torch.rand((3, size), generator=generator, device=training.device).to(home)
    songs = (drawn[0] * len(spectra)).long().clamp_max(len(spectra) - 1)
    starts = (drawn[1] * (lengths[songs] - frames + 1)).long()
    at = starts[:, None] + torch.arange(frames, device=home)
    x = spectra[songs[:, None], at].to(training.device, torch.float32)
    y = labels[songs[:, None], at].to(training.device)
    by = (drawn[2].to(training.device) * (2 * _FARTHEST + 1)).long() - _FARTHEST
    x, y = moved(x, y, by)
    return _worn(x, generator), y


def accuracy(ears: ChordEars, spectra: Tensor, labels: Tensor) -> dict[str, float]:
    """Share of known frames with the right root, with root and third, and with the right chord.

    Args:
        ears: the network, on the CPU.
        spectra: `[N, T, 252]`.
        labels: `[N, T]`.
    """
    with torch.no_grad():
        found = torch.cat([ears(one[None].float()).argmax(2) for one in spectra])
    known = (labels >= 0) & (labels < 12 * len(HEARD_QUALITIES))
    root = known & (found % 12 == labels % 12) & (found < 12 * len(HEARD_QUALITIES))
    minor = torch.tensor([q in ("m", "m7", "dim") for q in HEARD_QUALITIES] + [False])
    third = root & (minor[found // 12] == minor[labels.clamp_min(0) // 12])
    count = known.sum().clamp_min(1)
    whole = (known & (found == labels)).sum()
    return {"root": float(root.sum() / count), "third": float(third.sum() / count),
            "chord": float(whole / count)}  # fmt: skip
