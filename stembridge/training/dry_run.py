"""What a preset's run will cost, told before it begins; and one step of it where memory allows.

Sizes are counted on PyTorch's meta device, which allocates nothing. The step is the run's own, a
window of noise for music.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from stembridge.nn.precondition import Preconditioned, denoising_loss
from stembridge.nn.presets import Preset, TakenCodec
from stembridge.nn.registry import build, config_fields
from stembridge.nn.sources import codec_kind, denoiser_config
from stembridge.training.batches import Batch
from stembridge.training.denoiser_plan import (
    DenoiserTraining,
    Plan,
    new_denoiser,
    new_optimizers,
)

_COPIES = 5  # of all weights: themselves, gradients, Adam's two means, the average
_SPARE = 1.3  # for what is allocated beside tensors, and on the way


@dataclass(frozen=True)
class Cost:
    """Of a run.

    Attributes:
        parameters, codec_parameters: of the denoiser and of its autoencoder.
        weight_bytes: of weights, gradients, optimiser and average, in float32.
        window_bytes: kept of every window of a batch until its gradients are there.
        window_flops: forward and backward, of a window.
    """

    parameters: int
    codec_parameters: int
    weight_bytes: int
    window_bytes: int
    window_flops: int

    def memory_bytes(self, batch: int) -> int:
        """Estimated peak of a run with `batch` windows a step."""
        return round(_SPARE * (self.weight_bytes + batch * self.window_bytes))


def cost_of(preset: Preset) -> Cost:
    """Counts everything without allocating it."""
    with torch.device("meta"):
        denoiser = _denoiser(preset)
        batch = _window(preset)
        kept: dict[int, int] = {}

        def count(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            kept[storage._cdata] = storage.nbytes()
            return tensor

        with FlopCounterMode(display=False) as flops:
            with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
                loss = denoising_loss(denoiser, *batch)
            weights = {p.untyped_storage()._cdata for p in denoiser.parameters()}
            loss.backward()
        codec = _codec_parameters(preset)
    parameters = sum(p.numel() for p in denoiser.parameters())
    return Cost(
        parameters,
        codec,
        4 * _COPIES * parameters,
        sum(size for at, size in kept.items() if at not in weights),
        flops.get_total_flops(),
    )


def _codec_parameters(preset: Preset) -> int:
    if preset.codec is None or isinstance(preset.codec, TakenCodec):  # whose weights are made
        return 0
    codec = build(codec_kind(preset.codec), config_fields(preset.codec))
    return sum(p.numel() for p in codec.parameters())


def _denoiser(preset: Preset) -> Preconditioned:
    return new_denoiser(Plan(preset.kind, denoiser_config(preset)))


def _window(preset: Preset) -> Batch:
    """One window of noise on the default device, half way through its noise levels."""
    stems, frames = len(preset.stems), preset.window_frames
    shape = (1, stems, preset.unet.latent_channels, frames)
    sigma = torch.full((1, stems, frames), math.sqrt(preset.sigma_min * preset.sigma_max))
    clean = preset.sigma_data * torch.randn(shape)
    told = torch.zeros(1, sum(n for _, n in preset.told), frames)
    return Batch(clean, torch.randn(shape), sigma, told, torch.ones(1, stems, frames))


def free_bytes() -> int:
    """Memory that this machine can still give."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        facts = dict(line.split(":") for line in lines)
        return int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@dataclass(frozen=True)
class Tried:
    """Real steps of one window: losses, seconds of each, processor seconds of the last."""

    losses: tuple[float, ...]
    seconds: tuple[float, ...]
    processor_s: float


def try_steps(preset: Preset, training: DenoiserTraining, count: int = 2) -> Tried:
    """Makes and drops a network, and lets it learn from the same window `count` times."""
    denoiser = _denoiser(preset).to(training.device).train()
    batch = Batch(*(part.to(training.device) for part in _window(preset)))
    optimizers = new_optimizers(denoiser, training)
    losses, seconds, worked = [], [], 0.0
    for _ in range(count):
        began_s, worked_s = time.perf_counter(), time.process_time()
        loss = denoising_loss(denoiser, *batch)
        denoiser.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(float(loss.detach()))
        seconds.append(time.perf_counter() - began_s)
        worked = time.process_time() - worked_s
    return Tried(tuple(losses), tuple(seconds), worked)


def dry_run(preset: Preset, training: DenoiserTraining, say: Callable[[str], None]) -> Cost:
    """Says what a run will cost, and tries steps of it if they fit into what memory is free."""
    cost, batch = cost_of(preset), training.batch
    window_s = preset.window_frames * preset.hop / preset.sample_rate
    say(f"{preset.name}: {cost.parameters:,} parameters, {cost.codec_parameters:,} in its codec")
    say(
        f"a step: {batch} windows of {window_s:.1f} s, {batch * cost.window_flops / 1e12:.2g} "
        f"TFLOP; {training.steps:,} steps: {training.steps * batch * cost.window_flops:.2g} FLOP"
    )
    needed, least, free = cost.memory_bytes(batch), cost.memory_bytes(1), free_bytes()
    say(
        f"memory: about {needed / 2**30:.1f} GiB in float32, {least / 2**30:.1f} with --batch 1; "
        f"{free / 2**30:.1f} GiB are free here"
    )
    if least > free:
        say("No step is tried: one window does not fit into the memory that is free.")
        return cost
    tried = try_steps(preset, training)
    seconds = tried.seconds[-1]
    say(
        f"tried with one window: loss {tried.losses[0]:.4f}, then {tried.losses[-1]:.4f}; "
        f"{seconds:.3g} s ({tried.processor_s:.3g} s of one core)"
    )
    say(f"window after window, the run would take {training.steps * batch * seconds / 3600:.3g} h")
    return cost
