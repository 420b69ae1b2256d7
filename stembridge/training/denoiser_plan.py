"""What a denoiser's training run is: its network, its settings, its optimisers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from stembridge.nn.backbone import BackboneConfig
from stembridge.nn.precondition import Preconditioned
from stembridge.nn.registry import build, config_fields
from stembridge.training.batches import TaskConfig


@dataclass(frozen=True)
class DenoiserTraining:
    """One training run.

    Attributes:
        steps: length of the run; the last `decay` of it anneals the learning rate to 0.
        batch: items per process and step.
        processes: CPU workers; ignored on a GPU.
        learning_rate, weight_decay, clip: of AdamW; clip bounds the gradient's norm.
        warmup: steps of linear warm-up.
        ema: decay of the averaged weights per step (they are what is exported).
        muon: use Muon for the blocks' matrices (see `new_optimizers`).
        seed: of data order, noise and initial weights.
        save_every: steps between checkpoints.
        until: step to stop at, with a checkpoint, if that is before the end of the run.
        device: "cpu", "cuda" or "cuda:N".
        betas: of AdamW.
        half: compute in bfloat16 where that is safe.
    """

    steps: int = 20_000
    batch: int = 12
    processes: int = 2
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    warmup: int = 300
    decay: float = 0.3
    ema: float = 0.999
    muon: bool = False
    seed: int = 1
    save_every: int = 250
    until: int | None = None
    device: str = "cpu"
    betas: tuple[float, float] = (0.9, 0.98)
    half: bool = True
    task: TaskConfig = field(default_factory=TaskConfig)


def learning_rate(config: DenoiserTraining, step: int, done: float | None = None) -> float:
    """Warm-up, constant, then cosine to 0 over the last part.

    Args:
        config: the run.
        step: from 0.
        done: share of the run that is over, 0 to 1; by default, of its steps.
    """
    rate = config.learning_rate * min(1.0, (step + 1) / config.warmup)
    over = step / config.steps if done is None else done
    if over > 1 - config.decay:
        position = (over - 1 + config.decay) / config.decay
        rate *= 0.5 * (1 + math.cos(math.pi * min(1.0, position)))
    return rate


@dataclass(frozen=True)
class Plan:
    """A denoiser that is to be trained: kind and fields of a builder of `nn.registry`."""

    kind: str
    fields: Mapping[str, Any]

    @staticmethod
    def of(model: BackboneConfig | Plan) -> Plan:
        """Of our own network; its latents have unit variance, so sigma_data is 1."""
        if isinstance(model, Plan):
            return model
        return Plan("backbone", config_fields(model, sigma_data=1.0))


def new_denoiser(model: BackboneConfig | Plan, seed: int = 0) -> Preconditioned:
    """An untrained denoiser."""
    plan = Plan.of(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build(plan.kind, plan.fields)
    if not isinstance(module, Preconditioned):
        raise TypeError(f"a {plan.kind} is no denoiser")
    return module


def new_optimizers(
    denoiser: nn.Module, config: DenoiserTraining
) -> tuple[torch.optim.Optimizer, ...]:
    """AdamW, and Muon for the matrices inside the blocks if the run asks for it.

    Muon (Jordan et al. 2024) orthogonalises each matrix's update; its steps are scaled to AdamW's
    size (Liu et al. 2025, "Muon is scalable", eq. 4), so both share one learning rate.
    """
    named = list(denoiser.named_parameters())
    inner = [p for n, p in named if config.muon and ".body." in n and p.ndim == 2]
    rest = [p for _, p in named if not any(p is q for q in inner)]
    adam = torch.optim.AdamW(
        rest, lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay,
        fused=True,
    )  # fmt: skip
    if not inner:
        return (adam,)
    muon = torch.optim.Muon(
        inner, lr=config.learning_rate, momentum=0.95, weight_decay=config.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )  # fmt: skip
    return adam, muon
