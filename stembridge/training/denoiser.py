"""Trains the denoiser on latents: EDM loss, AdamW, EMA, one thread per process, resumable.

On CPU, `processes` identical workers each run single-threaded and average one flat gradient
(gloo): two threads in one process were no faster than one, two processes twice as fast. On a GPU
one process does it all. Checkpoints hold everything needed to go on, bit for bit.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from stembridge.conditions import Layout
from stembridge.errors import CancelledError
from stembridge.nn.backbone import BackboneConfig
from stembridge.nn.precondition import denoising_loss
from stembridge.nn.registry import Network, write_network
from stembridge.training.batches import BatchSource
from stembridge.training.checkpoint import (
    load_state,
    module_tensors,
    optimizer_tensors,
    restore_optimizer,
    save_state,
    under,
)
from stembridge.training.denoiser_plan import DenoiserTraining as DenoiserTraining
from stembridge.training.denoiser_plan import Plan as Plan
from stembridge.training.denoiser_plan import learning_rate as learning_rate
from stembridge.training.denoiser_plan import new_denoiser as new_denoiser
from stembridge.training.denoiser_plan import new_optimizers as new_optimizers
from stembridge.training.latents import LatentSet, WindowSource
from stembridge.training.processes import (
    average_gradients,
    bfloat16_is_fast,
    ctrl_c_waits,
    free_port,
    orphaned,
    own_core,
    stopped_at,
)
from stembridge.training.progress import progress_bar

Show = Callable[[int, Mapping[str, float]], None]


class Run:
    """State of one process of a training run."""

    def __init__(
        self,
        model: BackboneConfig | Plan,
        config: DenoiserTraining,
        folder: Path,
        initial: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.config, self.plan, self.folder = config, Plan.of(model), folder
        self.denoiser = new_denoiser(self.plan, config.seed).to(config.device)
        if initial is not None:
            self.denoiser.load_state_dict(initial)
        self.average = {
            name: value.detach().clone().float()
            for name, value in self.denoiser.state_dict().items()
        }
        self.parameters = list(self.denoiser.parameters())
        self.optimizers = new_optimizers(self.denoiser, config)
        self._half = config.half and bfloat16_is_fast(config.device)
        self.step = 0
        # On a GPU a fused loss runs twice as fast; on a CPU compiling costs more than it gains.
        self._loss = torch.compile(denoising_loss) if config.device != "cpu" else denoising_loss

    def train_step(
        self, source: BatchSource, rank: int, world: int, done: float | None = None
    ) -> Tensor:
        """One optimisation step; returns the loss of this process, on the device.

        `done` is the share of the run that is over, where a clock and not the steps says so.
        """
        batch = source.batch(self.step, self.config.batch, rank)
        batch = type(batch)(*(part.to(self.config.device) for part in batch))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(self.config, self.step, done)
        kind = torch.device(self.config.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=self._half):
            loss = self._loss(
                self.denoiser, batch.clean, batch.noise, batch.sigma, batch.conditions,
                batch.counted,
            )  # fmt: skip
        self.denoiser.zero_grad(set_to_none=True)
        loss.backward()
        if world > 1:
            average_gradients(self.parameters, world)
        nn.utils.clip_grad_norm_(self.parameters, self.config.clip)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        self._update_average()
        return loss.detach()

    def _update_average(self) -> None:
        # A short memory at first: an average over the random start would take long to forget it.
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            values = [value.float() for value in self.denoiser.state_dict().values()]
            torch._foreach_lerp_(list(self.average.values()), values, 1 - decay)

    def save(self) -> None:
        """Writes the resumable state, and the averaged weights as a network folder."""
        tensors = module_tensors("model", self.denoiser)
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for i, optimizer in enumerate(self.optimizers):
            tensors |= optimizer_tensors(f"optimizer{i}", optimizer)
        save_state(self.folder, tensors, {"step": self.step})
        save_average(self, self.folder / "denoiser")

    def load(self) -> None:
        """Goes on from the last checkpoint, if there is one."""
        state = load_state(self.folder)
        if state is None:
            return
        tensors, facts = state
        self.denoiser.load_state_dict(under("model", tensors))
        average = under("average", tensors)
        device = self.config.device
        self.average = {name: average[name].to(device) for name in self.average}  # in their order
        for i, optimizer in enumerate(self.optimizers):
            restore_optimizer(optimizer, under(f"optimizer{i}", tensors))
        self.step = int(facts["step"])


def save_average(run: Run, folder: Path) -> None:
    """The averaged weights as a network folder that export reads."""
    module = new_denoiser(run.plan)
    module.load_state_dict({k: v.cpu() for k, v in run.average.items()})
    write_network(Network(run.plan.kind, run.plan.fields, module), folder)


def _worker(
    rank: int, world: int, run_arguments: tuple[Any, ...], data: Path | WindowSource,
    layout: Layout, port: int,
) -> None:  # fmt: skip
    torch.set_num_threads(1)
    if world > 1:
        own_core(rank)
        address = f"tcp://127.0.0.1:{port}"
        dist.init_process_group("gloo", init_method=address, rank=rank, world_size=world)
    run = Run(*run_arguments)
    run.load()
    songs = LatentSet.open(data) if isinstance(data, Path) else data
    source = BatchSource(songs, layout, run.config.task, run.config.seed)
    shown = progress_bar(run.config.steps) if rank == 0 and sys.stderr.isatty() else nullcontext()
    with shown as show, ctrl_c_waits(world == 1) as wanted:
        _steps(run, source, rank, world, show, wanted)
    if world > 1:
        dist.barrier()
        dist.destroy_process_group()


def _steps(
    run: Run, source: BatchSource, rank: int, world: int, show: Show | None,
    interrupted: Callable[[], bool],
) -> None:  # fmt: skip
    """Trains to the end; the first process logs, shows and saves."""
    smooth, started, first = 0.0, time.monotonic(), run.step
    last = min(run.config.steps, run.config.until or run.config.steps)
    while run.step < last:
        if orphaned():
            raise SystemExit("the process that started this one is gone")
        if interrupted():
            run.save()
            raise CancelledError(stopped_at(run.step))
        loss = float(run.train_step(source, rank, world))
        done = run.step - first
        smooth = loss if done == 1 else smooth + (loss - smooth) * max(0.01, 1 / done)
        if rank != 0:
            continue
        if show is not None:
            show(run.step, {"loss": smooth})
        if run.step % 25 == 0 or done == 1 or run.step == last:
            _log(run.folder, run.step, smooth, done / (time.monotonic() - started))
        if run.step % run.config.save_every == 0 or run.step == last:
            run.save()


def _log(folder: Path, step: int, loss: float, rate: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps({"step": step, "loss": loss, "steps_per_s": rate}) + "\n")


def train(
    model: BackboneConfig | Plan,
    config: DenoiserTraining,
    *,
    data: Path | WindowSource,
    layout: Layout,
    folder: Path,
    port: int | None = None,
    initial: Mapping[str, Tensor] | None = None,
) -> None:
    """Trains until `config.steps`, or `config.until`, from the folder's checkpoint if it has one.

    Args:
        model: shape of the network.
        config: the run.
        data: a latent set (`training.latents`), or songs that are open already.
        layout: of the set's conditions.
        folder: receives `state.safetensors`, `log.jsonl` and `denoiser/` (averaged weights).
        port: loopback port where the processes meet; any free one by default.
        initial: weights that a new run starts from; a checkpoint in the folder goes first.

    Raises:
        CancelledError: one process was interrupted (Ctrl-C); it has saved where it stood.
    """
    world = config.processes if config.device == "cpu" else 1
    arguments = (model, config, folder, initial)
    # Spinning OpenMP threads steal the other processes' cores; malloc's trimming costs a third.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if world == 1:
        _worker(0, 1, arguments, data, layout, 0)
        return
    meeting = port or free_port()
    spawn(_worker, args=(world, arguments, data, layout, meeting), nprocs=world, join=True)
