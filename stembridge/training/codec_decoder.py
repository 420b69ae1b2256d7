"""Fits the decoder of a linear codec: linear part and correction, for latents as they are.

Loss: squared distance of log10 magnitudes, floored at -60, -80 and -100 dB at once. The first
hears what counts; the last two let the decoder guess what lies below the encoder's floor. A
little noise on the latents stands for those that a denoiser makes.

The mean of a logarithm is less than the logarithm of the mean: noisy bins would come out too
quiet. So at the end every bin is raised until its mean power over the fitting set is right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from stembridge.nn.linear_codec import LinearCodec, with_neighbours
from stembridge.training.codec import bin_weights, sounding, whole_frames

# Floors of a full-scale sine, and how much the distance above each counts.
_FLOORS = ((1e-3, 1.0), (1e-4, 0.5), (1e-5, 0.15))
_RAISE = (-0.05, 0.25)  # bounds of the last correction, log10


@dataclass(frozen=True)
class DecoderFit:
    """How a decoder is fitted.

    Attributes:
        epochs: passes over all patches.
        batch: patches per step.
        learning_rate: of AdamW at first; a cosine lets it fall to 0.
        noise: greatest deviation of the noise on latents; their own is about 1.
        seed: of order and noise.
    """

    epochs: int = 16
    batch: int = 256
    learning_rate: float = 2e-3
    noise: float = 0.1
    seed: int = 0


class Pairs(NamedTuple):
    """Latents of three frames `[N, 3C]`, and log10 magnitudes of the middle one `[N, P]`."""

    latents: Tensor
    patches: Tensor


def collect_pairs(
    codec: LinearCodec, clips: Iterable[Tensor], per_clip: int, generator: torch.Generator
) -> Pairs:
    """Random frames of audio clips `[n_samples]` with the decoder's floor; no silent ones."""
    latents, targets = [], []
    for clip in clips:
        audio = whole_frames(codec, clip)
        patches = codec.fast_patches(audio)
        around = with_neighbours(codec.project(patches).transpose(1, 2))[0]
        at = sounding(codec, patches[0], per_clip, generator)
        latents.append(around[at])
        targets.append(codec.fast_patches(audio, codec.decoder_floor)[0, at])
    return Pairs(torch.cat(latents), torch.cat(targets))


def fit_decoder(codec: LinearCodec, pairs: Pairs, config: DecoderFit) -> float:
    """Fills the codec's decoder; returns the last epoch's mean loss."""
    _fit_linear(codec, pairs)
    generator = torch.Generator().manual_seed(config.seed)
    _start_correction(codec, generator)
    optimizer = torch.optim.AdamW(
        codec.parameters(), config.learning_rate, weight_decay=1e-3, fused=True
    )
    steps = config.epochs * math.ceil(len(pairs.latents) / config.batch)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    weights, mean = bin_weights(codec.config) ** 2, 0.0
    for _ in range(config.epochs):
        order = torch.randperm(len(pairs.latents), generator=generator).split(config.batch)
        losses = []
        for at in order:
            latents = _noisy(pairs.latents[at], config.noise, generator)
            loss = distance(codec.decoded_middle(latents), pairs.patches[at], weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            falling.step()
            losses.append(float(loss.detach()))
        mean = sum(losses) / len(losses)
    _match_power(codec, pairs)
    return mean


def distance(found: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """Weighted squared distance of log10 magnitudes `[N, P]` above several floors; a scalar."""
    found, wanted = (torch.exp(math.log(10.0) * logs) for logs in (found, wanted))
    total = found.new_zeros(())
    for floor, share in _FLOORS:
        difference = torch.log10((found + floor) / (wanted + floor))
        total = total + share * (weights * difference.square()).mean()
    return total


@torch.no_grad()
def _fit_linear(codec: LinearCodec, pairs: Pairs) -> None:
    """Least squares for `dual` and `offset`: where the network starts from."""
    channels = codec.config.channels
    middle = pairs.latents[:, channels : 2 * channels]
    design = torch.cat([middle, torch.ones(len(middle), 1)], 1).double()
    gram = design.T @ design + 1e-6 * len(middle) * torch.eye(channels + 1, dtype=torch.float64)
    solution = torch.linalg.solve(gram, (design.T @ pairs.patches.double()))
    codec.dual.copy_(solution[:-1])
    codec.offset.copy_(solution[-1])


def _start_correction(codec: LinearCodec, generator: torch.Generator) -> None:
    if codec.correction is None:
        return
    enter, leave = codec.correction.enter, codec.correction.leave
    torch.nn.init.normal_(enter.weight, 0.0, enter.in_features**-0.5, generator)
    torch.nn.init.zeros_(enter.bias)
    # Not 0, as in an unfitted codec: that would hold back the layer before it.
    torch.nn.init.normal_(leave.weight, 0.0, 1e-3, generator)


def _noisy(latents: Tensor, most: float, generator: torch.Generator) -> Tensor:
    deviation = most * torch.rand(len(latents), 1, generator=generator)
    return latents + deviation * torch.randn(latents.shape, generator=generator)


@torch.no_grad()
def _match_power(codec: LinearCodec, pairs: Pairs) -> None:
    lowest = math.log10(codec.decoder_floor)
    wanted, found = torch.zeros(2, codec.config.patch_size, dtype=torch.float64)
    for latents, patches in zip(*(part.split(1024) for part in pairs), strict=True):
        wanted += (10.0 ** (2 * patches.double())).sum(0)
        found += (10.0 ** (2 * codec.decoded_middle(latents).double().clamp(lowest, 1.0))).sum(0)
    codec.offset.add_((0.5 * torch.log10(wanted / found)).clamp(*_RAISE))
