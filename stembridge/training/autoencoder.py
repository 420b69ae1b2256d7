"""Trains a SourceVAE as MSLDM does: log-mel distance, KL, and adversarial losses.

A run is a folder: `state.safetensors` (everything needed to go on, bit for bit), `vae/` (the
network folder that export reads), `log.jsonl` (a step done again after a stop has two lines). The
noise of a step follows from seed and step, so a resumed run on the same batches is the same run.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from stembridge.errors import CancelledError
from stembridge.nn.registry import Network, config_fields, write_network
from stembridge.nn.source_vae import SourceVAE, SourceVAEConfig
from stembridge.training.checkpoint import (
    load_state,
    module_tensors,
    optimizer_tensors,
    restore_optimizer,
    save_state,
    under,
)
from stembridge.training.dac_weights import load_dac_weights
from stembridge.training.discriminators import DiscriminatorConfig, Discriminators
from stembridge.training.losses import (
    MelDistance,
    MelScales,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)
from stembridge.training.processes import ctrl_c_waits, stopped_at

VAE_FOLDER = "vae"
Losses = dict[str, float]
OnStep = Callable[[int, Losses], None]


@dataclass(frozen=True)
class VAETraining:
    """One run; the defaults are MSLDM's.

    Attributes:
        steps: length of the run.
        learning_rate: of both optimizers.
        betas: of both.
        decay: factor on the learning rate per step.
        clip_vae: bound of the gradient's norm.
        clip_discriminators: the same for the discriminators.
        mel_weight: weight of the mel distance, and so on for the other terms.
        discriminators: their shape; None trains without them.
        ema: decay per step of averaged weights, which are then what is written to `vae/`;
            None writes the weights themselves.
        seed: of initial weights and noise.
        save_every: steps between checkpoints.
        device: "cpu" or "cuda".
    """

    steps: int = 100_000
    learning_rate: float = 5e-5
    betas: tuple[float, float] = (0.8, 0.99)
    decay: float = 0.999996
    clip_vae: float = 1000.0
    clip_discriminators: float = 10.0
    mel_weight: float = 15.0
    feature_weight: float = 2.0
    adversarial_weight: float = 1.0
    kl_weight: float = 10.0
    mel_scales: MelScales = field(default_factory=MelScales)
    discriminators: DiscriminatorConfig | None = field(default_factory=DiscriminatorConfig)
    ema: float | None = None
    seed: int = 0
    save_every: int = 1000
    device: str = "cpu"


def padded(audio: Tensor, hop: int) -> Tensor:
    """Audio [B, n] with zeros up to one frame more than it fills, as the paper trains."""
    length = (math.ceil(audio.shape[-1] / hop) + 1) * hop
    return functional.pad(audio, (0, length - audio.shape[-1]))


class VAERun:
    """Networks, optimizers and position of one run."""

    def __init__(self, model: SourceVAEConfig, config: VAETraining, folder: Path) -> None:
        self.config, self.folder, self.step = config, folder, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.vae = SourceVAE(model).to(config.device)
            judges = Discriminators(config.discriminators) if config.discriminators else None
        self.judges = judges.to(config.device) if judges is not None else None
        self.average = copy.deepcopy(self.vae) if config.ema is not None else None
        self.mel = MelDistance(model.sample_rate, config.mel_scales).to(config.device)
        rate, betas = config.learning_rate, config.betas
        self.optimizer = torch.optim.AdamW(self.vae.parameters(), rate, betas)
        self.judge_optimizer = (
            torch.optim.Adam(self.judges.parameters(), rate, betas) if self.judges else None
        )

    def train_step(self, audio: Tensor) -> Losses:
        """One step on audio [B, n] (float32, the model's rate): discriminators first."""
        audio = audio.to(self.config.device)
        posterior = self.vae.posterior(padded(audio, self.vae.config.hop))
        decoded = self.vae.decode(posterior.sample(self._noise(posterior.mean)))
        decoded = decoded[:, : audio.shape[-1]]
        losses = {"judges": self._judge_step(audio, decoded.detach())} if self.judges else {}
        terms = {
            "mel": self.config.mel_weight * self.mel(decoded, audio),
            "kl": self.config.kl_weight * posterior.kl(),
            **self._adversarial_terms(audio, decoded),
        }
        total = torch.stack(list(terms.values())).sum()
        self._update(self.vae, self.optimizer, total, self.config.clip_vae)
        self.step += 1
        self._update_average()
        return losses | {name: float(term.detach()) for name, term in terms.items()}

    def _noise(self, like: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.step)
        return torch.randn(like.shape, generator=generator).to(like.device)

    def _judge_step(self, audio: Tensor, decoded: Tensor) -> float:
        if self.judges is None or self.judge_optimizer is None:
            raise RuntimeError("this run has no discriminators")
        loss = discriminator_loss(self.judges(audio), self.judges(decoded))
        self._update(self.judges, self.judge_optimizer, loss, self.config.clip_discriminators)
        return float(loss.detach())

    def _adversarial_terms(self, audio: Tensor, decoded: Tensor) -> dict[str, Tensor]:
        if self.judges is None:
            return {}
        with torch.no_grad():
            real = self.judges(audio)
        fake = self.judges(decoded)
        return {
            "adversarial": self.config.adversarial_weight * adversarial_loss(fake),
            "features": self.config.feature_weight * feature_loss(real, fake),
        }

    def _update(
        self, module: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, clip: float
    ) -> None:
        for group in optimizer.param_groups:
            group["lr"] = self.config.learning_rate * self.config.decay**self.step
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), clip)
        optimizer.step()

    def _update_average(self) -> None:
        if self.average is None or self.config.ema is None:
            return
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.vae.parameters(), strict=True)
            for kept, value in pairs:
                kept.lerp_(value, 1 - self.config.ema)

    def start_from(self, dac_weights: Path) -> None:
        """Take what fits of a descript-audio-codec `.pth` file."""
        load_dac_weights(self.vae, dac_weights)
        if self.average is not None:
            self.average.load_state_dict(self.vae.state_dict())

    def save(self) -> None:
        """Write the state, then the network folder."""
        tensors = module_tensors("vae", self.vae) | optimizer_tensors("optimizer", self.optimizer)
        if self.judges is not None and self.judge_optimizer is not None:
            tensors |= module_tensors("judges", self.judges)
            tensors |= optimizer_tensors("judge_optimizer", self.judge_optimizer)
        if self.average is not None:
            tensors |= module_tensors("average", self.average)
        save_state(self.folder, tensors, {"step": self.step, "training": asdict(self.config)})
        write_vae(self.average or self.vae, self.folder / VAE_FOLDER)

    def load(self) -> None:
        """Go on from the folder's state, if there is one."""
        state = load_state(self.folder)
        if state is None:
            return
        tensors, facts = state
        self.vae.load_state_dict(under("vae", tensors))
        restore_optimizer(self.optimizer, under("optimizer", tensors))
        if self.judges is not None and self.judge_optimizer is not None:
            self.judges.load_state_dict(under("judges", tensors))
            restore_optimizer(self.judge_optimizer, under("judge_optimizer", tensors))
        if self.average is not None:
            self.average.load_state_dict(under("average", tensors))
        self.step = int(facts["step"])


def write_vae(vae: SourceVAE, folder: Path) -> None:
    """The network folder of a SourceVAE, with the manifest fields it determines."""
    config = vae.config
    artifact = {
        "sample_rate": config.sample_rate,
        "hop": config.hop,
        "latent_channels": config.latent_channels,
    }
    write_network(Network("source_vae", config_fields(config), vae, artifact), folder)


def train_vae(
    model: SourceVAEConfig,
    config: VAETraining,
    batches: Iterable[Tensor],
    folder: Path,
    on_step: OnStep | None = None,
    dac_weights: Path | None = None,
) -> SourceVAE:
    """Train until `config.steps`, from the folder's checkpoint if it has one.

    Args:
        model: shape of the network.
        config: the run.
        batches: audio [B, n] at the model's rate, one per step. A resumed run skips those it has
            seen; an object with a method `from_step(step)` is asked to skip by itself.
        folder: of the run.
        on_step: called after every step with its number (from 1) and the weighted losses; it may
            raise to stop the run, which then goes on from its last checkpoint.
        dac_weights: a descript-audio-codec `.pth` file that a new run starts from.

    Returns:
        The trained network (averaged, if the run averages), in evaluation mode.

    Raises:
        ValueError: if the batches end before the run does.
        CancelledError: Ctrl-C; the run has saved where it stood.
    """
    run = VAERun(model, config, folder)
    if dac_weights is not None:
        run.start_from(dac_weights)
    run.load()
    source = _from_step(batches, run.step)
    with ctrl_c_waits() as interrupted:
        while run.step < config.steps:
            if interrupted():
                run.save()
                raise CancelledError(stopped_at(run.step))
            audio = next(source, None)
            if audio is None:
                raise ValueError(f"the batches ended at step {run.step} of {config.steps}")
            losses = run.train_step(audio)
            _log(folder, run.step, losses)
            if run.step % config.save_every == 0 or run.step == config.steps:
                run.save()
            if on_step is not None:
                on_step(run.step, losses)
    return (run.average or run.vae).eval()


def _from_step(batches: Iterable[Tensor], step: int) -> Iterator[Tensor]:
    skip = getattr(batches, "from_step", None)
    return iter(skip(step)) if callable(skip) else islice(iter(batches), step, None)


def _log(folder: Path, step: int, losses: Losses) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"step": step, **losses}) + "\n")


def standardise(vae: SourceVAE, batches: Iterable[Tensor]) -> None:
    """Measure mean and deviation of every latent channel over audio [B, n], for the denoiser.

    The papers leave latents as they are (sigma_data 0.4); with this they have unit variance.

    Raises:
        ValueError: if there is no audio.
    """
    hop, count = vae.config.hop, 0
    total = torch.zeros(vae.config.latent_channels, dtype=torch.float64)
    squares = torch.zeros_like(total)
    for audio in batches:
        whole = audio[:, : audio.shape[-1] // hop * hop]
        with torch.no_grad():
            mean = vae.posterior(whole).mean.double()
        total += mean.sum(dim=(0, 2))
        squares += mean.square().sum(dim=(0, 2))
        count += mean.shape[0] * mean.shape[2]
    if not count:
        raise ValueError("no audio to measure latents on")
    average = total / count
    deviation = (squares / count - average.square()).clamp_min(1e-8).sqrt()
    vae.latent_mean.copy_(average[:, None])
    vae.latent_std.copy_(deviation[:, None])
