"""Training in stretches, with a look at the kept-out songs after each; the best weights stay."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import Tensor

from stembridge.nn.registry import Network, config_fields, read_network, write_network
from stembridge.training.checkpoint import saved_facts
from stembridge.training.denoiser import DenoiserTraining, train
from stembridge.training.split import TRAIN
from stembridge.training.start import Say, Start
from stembridge.training.validation import ALL, KeptOut

CURVE_NAME, RUN_NAME, BEST_NAME = "curve.json", "run", "best"
STRETCHES = 6


@dataclass(frozen=True)
class Point:
    """Where a run stood.

    Attributes:
        step: of training; 0 is the model that was started from.
        losses: on the kept-out songs, over "all" stems and by stem.
        songs: loss of each kept-out song.
        seconds: of training since the point before.
    """

    step: int
    losses: dict[str, float]
    songs: dict[str, float]
    seconds: float


def best_of(points: Sequence[Point]) -> Point:
    """The lowest validation loss after the start."""
    return min(points[1:], key=lambda point: point.losses[ALL])


def learn(
    source: Start, run: DenoiserTraining, work: Path, kept_out: KeptOut, say: Say
) -> tuple[list[Point], dict[str, Tensor]]:
    """Trains to the run's end, or goes on where the folder stopped.

    Returns:
        The curve from step 0 on, and the averaged weights of its best point.
    """
    points = _read(work / CURVE_NAME)
    if not points:
        points = [_measured(source, source.weights, kept_out, 0, 0.0)]
    for until in _stops(run.steps):
        if until > points[-1].step:
            points.append(_stretch(source, replace(run, until=until), work, kept_out))
            say(f"step {points[-1].step}: validation loss {points[-1].losses[ALL]:.4f}")
            _keep(source, points, work)
    return points, _weights(work / BEST_NAME)


def _stops(steps: int) -> list[int]:
    return sorted({max(1, round(steps * i / STRETCHES)) for i in range(1, STRETCHES + 1)})


def _stretch(source: Start, run: DenoiserTraining, work: Path, kept_out: KeptOut) -> Point:
    started, folder = time.monotonic(), work / RUN_NAME
    train(
        source.backbone, run, data=work / TRAIN, layout=source.layout, folder=folder,
        initial=source.weights,
    )  # fmt: skip
    spent = time.monotonic() - started
    step = int(saved_facts(folder)["step"])
    return _measured(source, _weights(folder / "denoiser"), kept_out, step, spent)


def _measured(
    source: Start, weights: dict[str, Tensor], kept_out: KeptOut, step: int, seconds: float
) -> Point:
    found = kept_out.measure(source.denoiser(weights))
    return Point(step, found.losses, found.songs, round(seconds, 1))


def _weights(folder: Path) -> dict[str, Tensor]:
    return read_network(folder).module.state_dict()


def _keep(source: Start, points: list[Point], work: Path) -> None:
    """Best weights first, then the curve: whoever finds the point also finds its weights."""
    if best_of(points) is points[-1]:
        fields = config_fields(source.backbone, sigma_data=source.manifest.sigma_data)
        module = source.denoiser(_weights(work / RUN_NAME / "denoiser"))
        write_network(Network("backbone", fields, module), work / BEST_NAME)
    partial = work / f".{CURVE_NAME}.partial"
    partial.write_text(json.dumps([asdict(point) for point in points], indent=1))
    partial.replace(work / CURVE_NAME)


def _read(path: Path) -> list[Point]:
    return [Point(**fields) for fields in json.loads(path.read_text())] if path.exists() else []
