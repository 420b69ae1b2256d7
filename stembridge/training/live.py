"""Trains the denoiser on a GPU against the clock, on songs that other processes still render."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from stembridge.conditions import Layout
from stembridge.errors import TimedOutError
from stembridge.nn.backbone import BackboneConfig
from stembridge.training.batches import BatchSource
from stembridge.training.denoiser import DenoiserTraining, Run
from stembridge.training.device_set import DeviceSet
from stembridge.training.encoded_songs import arriving, load

LOG_NAME = "log.jsonl"
_LOOK_EVERY = 20  # steps between looks for new songs
_AT_ONCE = 60  # songs taken up between two steps, so that no look takes long
_WAIT_S = 0.5
_PATIENCE_S = 180.0


@dataclass(frozen=True)
class LiveTraining:
    """A run against the clock.

    Attributes:
        seconds: from the first song on; the learning rate falls with the clock.
        capacity: most songs held on the device.
        frames: longest song.
        first: songs that must be there before training begins.
        save_every_s: seconds between checkpoints.
    """

    seconds: float = 400.0
    capacity: int = 4000
    frames: int = 640
    first: int = 48
    save_every_s: float = 120.0


def train_live(
    model: BackboneConfig,
    config: DenoiserTraining,
    live: LiveTraining,
    *,
    songs: Path,
    layout: Layout,
    folder: Path,
    initial: Mapping[str, torch.Tensor] | None = None,
    say: Callable[[str], None] = print,
) -> Run:
    """Trains until the time is over; returns the run, saved. What was interrupted goes on.

    Args:
        model: shape of the network.
        config: batch, rates, tasks and device; its number of steps is ignored.
        live: the clock.
        songs: folder in which encoded songs appear.
        layout: of their conditions.
        folder: receives checkpoints and the averaged weights.
        initial: weights to start from.
        say: receives a line of progress.
    """
    run = Run(model, config, folder, initial)
    run.load()
    held, seen, saved = _wait_for_songs(songs, live, config.device), set[str](), time.monotonic()
    before = [line["s"] for line in log_lines(folder) if line["step"] <= run.step]
    started = saved - (before[-1] if before else 0.0)
    _take_up(held, songs, seen, live.first)
    source = BatchSource(held, layout, config.task, config.seed)
    losses: list[torch.Tensor] = []
    folder.mkdir(parents=True, exist_ok=True)
    done = (time.monotonic() - started) / live.seconds
    while done < 1:
        losses.append(run.train_step(source, 0, 1, done))
        done = (time.monotonic() - started) / live.seconds
        if run.step % _LOOK_EVERY and done < 1:
            continue
        _take_up(held, songs, seen, _AT_ONCE)
        loss, losses = float(torch.stack(losses).mean()), []
        line = {"step": run.step, "s": done * live.seconds, "loss": loss, "songs": len(held),
                "batch": config.batch}  # fmt: skip
        with (folder / LOG_NAME).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if run.step % (_LOOK_EVERY * 20) == 0:
            say(json.dumps(line))
        if time.monotonic() - saved > live.save_every_s:
            run.save()
            saved = time.monotonic()
    run.save()
    return run


def log_lines(folder: Path) -> list[dict[str, float]]:
    """What a run wrote down: `step`, `s` since its first song, `loss`, `songs` and `batch`."""
    log = folder / LOG_NAME
    return (
        [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.is_file() else []
    )


def _wait_for_songs(songs: Path, live: LiveTraining, device: str) -> DeviceSet:
    """An empty set, once enough songs are there to begin.

    Raises:
        TimedOutError: none arrived for minutes: those who make them must have failed.
    """
    there, since = 0, time.monotonic()
    while len(found := sorted(songs.glob("*.npz"))) < min(live.first, live.capacity):
        if len(found) > there:
            there, since = len(found), time.monotonic()
        if time.monotonic() - since > _PATIENCE_S:
            raise TimedOutError(
                f"No songs arrive in '{songs}' ({there} are there): the processes that make them "
                "have failed, or were never started."
            )
        time.sleep(_WAIT_S)
    return DeviceSet(live.capacity, live.frames, load(found[0]).encoded, device)


def _take_up(held: DeviceSet, songs: Path, seen: set[str], at_most: int) -> None:
    for _, path in zip(range(at_most), arriving(songs, seen), strict=False):
        if not held.full:
            held.add(load(path).encoded)
