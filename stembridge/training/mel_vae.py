"""Trains the mel autoencoder: L1 between spectra and a small KL term; no discriminator.

MT-MusicLDM and MSG-LD take MusicLDM's finished one. Without its weights this trains a plain one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from stembridge.errors import CancelledError
from stembridge.nn.mel_vae import MelVAE, MelVAEConfig
from stembridge.nn.registry import Network, config_fields, write_network
from stembridge.training.autoencoder import VAE_FOLDER
from stembridge.training.checkpoint import (
    load_state,
    module_tensors,
    optimizer_tensors,
    restore_optimizer,
    save_state,
    under,
)
from stembridge.training.crops import StemCrops
from stembridge.training.processes import ctrl_c_waits, stopped_at


@dataclass(frozen=True)
class MelVAETraining:
    """One run; steps, learning rate, weight of the KL divergence (a mean), checkpoints."""

    steps: int = 100_000
    learning_rate: float = 1e-4
    kl_weight: float = 1e-3
    seed: int = 0
    save_every: int = 1000
    device: str = "cpu"


def train_mel_vae(
    config: MelVAEConfig, training: MelVAETraining, crops: StemCrops, folder: Path
) -> None:
    """Trains until the end, from the folder's checkpoint if it has one; writes `vae/`.

    Raises:
        CancelledError: Ctrl-C; the run has saved where it stood.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        vae = MelVAE(config).to(training.device)
    optimizer = torch.optim.Adam(vae.parameters(), training.learning_rate)
    step = _load(vae, optimizer, folder)
    batches = crops.from_step(step)
    with ctrl_c_waits() as interrupted:
        while step < training.steps:
            if interrupted():
                _save(vae, optimizer, folder, step)
                raise CancelledError(stopped_at(step))
            step += 1
            loss = _train_step(vae, optimizer, next(batches), training, step)
            _log(folder, step, loss)
            if step % training.save_every == 0 or step == training.steps:
                _save(vae, optimizer, folder, step)
    _keep(vae, next(crops.from_step(0)), folder)


def _train_step(
    vae: MelVAE,
    optimizer: torch.optim.Optimizer,
    audio: Tensor,
    training: MelVAETraining,
    step: int,
) -> float:
    """One step on audio [B, n]; its noise follows from seed and step."""
    spectra = vae.mel(_whole(audio, vae.config).to(training.device))
    posterior = vae.posterior(spectra)
    generator = torch.Generator().manual_seed(training.seed * 1_000_003 + step)
    noise = torch.randn(posterior.mean.shape, generator=generator).to(training.device)
    distance = functional.l1_loss(vae.decode(posterior.sample(noise)), spectra)
    loss = distance + training.kl_weight * posterior.kl()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _whole(audio: Tensor, config: MelVAEConfig) -> Tensor:
    """Audio cut to whole latent frames."""
    return audio[:, : audio.shape[1] // config.latent_hop * config.latent_hop]


@torch.no_grad()
def _keep(vae: MelVAE, audio: Tensor, folder: Path) -> None:
    """Scales latents to unit deviation on a first batch, as the papers do, and writes them."""
    config = vae.cpu().eval().config
    vae.scale.copy_(1 / vae.posterior(vae.mel(_whole(audio, config))).mean.std().clamp_min(1e-4))
    facts = {
        "sample_rate": config.sample_rate, "hop": config.latent_hop,
        "latent_channels": config.latent_channels,
    }  # fmt: skip
    write_network(Network("mel_vae", config_fields(config), vae, facts), folder / VAE_FOLDER)


def _save(vae: MelVAE, optimizer: torch.optim.Optimizer, folder: Path, step: int) -> None:
    tensors = module_tensors("vae", vae) | optimizer_tensors("optimizer", optimizer)
    save_state(folder, tensors, {"step": step})


def _load(vae: MelVAE, optimizer: torch.optim.Optimizer, folder: Path) -> int:
    state = load_state(folder)
    if state is None:
        return 0
    vae.load_state_dict(under("vae", state[0]))
    restore_optimizer(optimizer, under("optimizer", state[0]))
    return int(state[1]["step"])


def _log(folder: Path, step: int, loss: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"step": step, "loss": loss}) + "\n")
