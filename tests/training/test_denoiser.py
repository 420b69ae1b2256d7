"""Training the denoiser: it learns, it resumes bit for bit, and two processes are one run."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from stembridge.conditions import full_layout
from stembridge.nn.backbone import BackboneConfig
from stembridge.nn.precondition import denoising_loss
from stembridge.nn.registry import read_network
from stembridge.training.batches import Batch, BatchSource, TaskConfig
from stembridge.training.checkpoint import saved_facts
from stembridge.training.denoiser import (
    DenoiserTraining,
    Run,
    learning_rate,
    new_denoiser,
    new_optimizers,
    train,
)
from stembridge.training.latents import Encoded, LatentSet, write_encoded
from stembridge.training.processes import free_port

LAYOUT = full_layout(["pop"], {"bass": ("pick",)})
MODEL = BackboneConfig(
    stems=4,
    channels=3,
    conditions=LAYOUT.channels,
    width=16,
    dilations=(1, 0),
    heads=2,
    level_features=8,
)
TASK = TaskConfig(window=12, continuation_frames=6)
CONFIG = DenoiserTraining(
    steps=6, batch=2, processes=1, learning_rate=3e-3, warmup=2, save_every=3, seed=4, task=TASK
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    songs = []
    for _ in range(3):
        waves = np.sin(np.arange(30) * rng.uniform(0.2, 1.0, (4, 3, 1)))
        conditions = rng.standard_normal((LAYOUT.channels, 30))
        songs.append(
            Encoded(waves.astype(np.float16), conditions.astype(np.float16), np.ones(4, bool))
        )
    write_encoded(tmp_path / "data", songs)
    return tmp_path / "data"


def run(config: DenoiserTraining, data: Path, folder: Path) -> dict[str, torch.Tensor]:
    train(MODEL, config, data=data, layout=LAYOUT, folder=folder)
    return load_file(folder / "state.safetensors")


def test_the_learning_rate_warms_up_holds_and_falls_to_nothing() -> None:
    config = DenoiserTraining(steps=100, learning_rate=1.0, warmup=10, decay=0.3)
    rates = [learning_rate(config, step) for step in range(100)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    assert set(rates[10:71]) == {1.0}
    assert all(later < earlier for earlier, later in pairwise(rates[71:]))
    assert rates[85] == pytest.approx(0.5)
    assert 0 < rates[-1] < 0.01


def test_one_batch_can_be_learned_by_heart(data: Path) -> None:
    config = replace(CONFIG, steps=150, warmup=5)
    trained = Run(MODEL, config, data)

    class OneBatch(BatchSource):
        def batch(self, step: int, size: int, rank: int = 0) -> Batch:
            return super().batch(0, size, rank)

    source = OneBatch(LatentSet.open(data), LAYOUT, TASK, 0)
    losses = [trained.train_step(source, 0, 1) for _ in range(150)]
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.35 * losses[0]


@pytest.mark.parametrize("has", [True, False])
def test_a_cpu_that_only_imitates_bfloat16_trains_in_float32(
    has: bool, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    trained, seen = Run(MODEL, CONFIG, tmp_path / "run"), []

    def loss(*batch: torch.Tensor) -> torch.Tensor:
        seen.append(torch.is_autocast_enabled("cpu"))
        return denoising_loss(*batch)  # type: ignore[arg-type]

    monkeypatch.setattr(trained, "_loss", loss)
    trained.train_step(BatchSource(LatentSet.open(data), LAYOUT, TASK, 0), 0, 1)
    assert seen == [has]


def test_a_resumed_run_is_the_uninterrupted_run_bit_for_bit(data: Path, tmp_path: Path) -> None:
    whole = run(CONFIG, data, tmp_path / "whole")
    # Stopped behind a checkpoint: the same run with the step count of the first checkpoint only.
    first = Run(MODEL, CONFIG, tmp_path / "parts")
    source = BatchSource(LatentSet.open(data), LAYOUT, TASK, CONFIG.seed)
    for _ in range(3):
        first.train_step(source, 0, 1)
    first.save()
    first.train_step(source, 0, 1)  # lost
    resumed = run(CONFIG, data, tmp_path / "parts")
    assert saved_facts(tmp_path / "parts")["step"] == 6
    assert set(resumed) == set(whole)
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name


def test_a_finished_run_is_left_alone(data: Path, tmp_path: Path) -> None:
    before = run(CONFIG, data, tmp_path / "run")
    after = run(CONFIG, data, tmp_path / "run")
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_the_averaged_weights_are_what_export_reads(data: Path, tmp_path: Path) -> None:
    state = run(CONFIG, data, tmp_path / "run")
    network = read_network(tmp_path / "run" / "denoiser")
    assert network.kind == "backbone"
    for name, value in network.module.state_dict().items():
        assert torch.equal(value, state[f"average.{name}"])
    assert any(not torch.equal(state[f"average.{n}"], state[f"model.{n}"])
               for n in network.module.state_dict())  # fmt: skip


def test_a_run_starts_from_given_weights(data: Path, tmp_path: Path) -> None:
    start = new_denoiser(MODEL, seed=77)
    state = {name: value + 0.01 for name, value in start.state_dict().items()}
    fresh = Run(MODEL, CONFIG, tmp_path, state)
    for name, value in fresh.denoiser.state_dict().items():
        assert torch.equal(value, state[name])
        assert torch.equal(fresh.average[name], state[name])


@pytest.mark.slow
def test_two_processes_take_the_mean_gradient_of_both_batches(data: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, steps=1, processes=2, save_every=1, learning_rate=1e-2, clip=1e9)
    state = run(config, data, tmp_path / "two")
    alone = Run(MODEL, replace(config, processes=1), tmp_path / "one")
    source = BatchSource(LatentSet.open(data), LAYOUT, TASK, config.seed)
    batches = [source.batch(0, config.batch, rank) for rank in (0, 1)]
    with torch.autocast("cpu", torch.bfloat16):
        losses = [
            denoising_loss(alone.denoiser, b.clean, b.noise, b.sigma, b.conditions, b.counted)
            for b in batches
        ]
    (sum(losses) / 2).backward()
    for optimizer in alone.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, 0)
        optimizer.step()
    # AdamW's first step has the size of the learning rate: only its sign depends on the gradient.
    moved = 0
    for name, value in alone.denoiser.state_dict().items():
        close = torch.isclose(value, state[f"model.{name}"], atol=2e-4)
        assert close.float().mean() > 0.97, name
        moved += int((value != new_denoiser(MODEL, config.seed).state_dict()[name]).any())
    assert moved > 0
    assert saved_facts(tmp_path / "two")["step"] == 1


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds children through /proc")
def test_workers_stop_when_their_parent_is_gone(data: Path, tmp_path: Path) -> None:
    endless = multiprocessing.get_context("spawn").Process(
        target=deaf_run, args=(replace(CONFIG, steps=10**6, processes=2), data, tmp_path / "run")
    )
    endless.start()
    workers: list[int] = []
    try:
        wait_for(lambda: (tmp_path / "run" / "log.jsonl").exists())
        tasks = Path(f"/proc/{endless.pid}/task").glob("*/children")
        workers = [int(pid) for task in tasks for pid in task.read_text().split()]
        assert len(workers) >= 2
        endless.kill()
        endless.join()
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    finally:
        endless.kill()
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def deaf_run(config: DenoiserTraining, data: Path, folder: Path) -> None:
    """As started by a script in the background, where nothing hears an interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run(config, data, folder)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_muon_takes_the_blocks_matrices_and_adamw_the_rest() -> None:
    denoiser = new_denoiser(MODEL)
    adam, muon = new_optimizers(denoiser, replace(CONFIG, muon=True))
    inner = [p for group in muon.param_groups for p in group["params"]]
    assert inner
    assert all(p.ndim == 2 for p in inner)
    total = len(inner) + sum(len(group["params"]) for group in adam.param_groups)
    assert total == len(list(denoiser.parameters()))
    assert len(new_optimizers(denoiser, CONFIG)) == 1


def test_free_ports_are_free() -> None:
    assert 1024 < free_port() < 65536
