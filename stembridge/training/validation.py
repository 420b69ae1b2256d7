"""The training loss on music that was not trained on: the same windows and noise every time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from stembridge.conditions import HEARD, Layout
from stembridge.dataset.pieces import recording_of
from stembridge.dataset.song import STEMS
from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.nn.precondition import Preconditioned, loss_weight
from stembridge.training.batches import BatchSource, TaskConfig
from stembridge.training.latents import LatentSet
from stembridge.training.start import Start

ALL = "all"
# One window's loss depends on its noise level more than on the network. A fine-tune measured in
# three draws of a hundred windows gained 29, 29 and 33 %: hence a few hundred, for two points.
BATCHES, SIZE, FEWEST = 32, 8, 2
WINDOWS = 512  # behind one point of a learning curve


def validation_losses(
    denoiser: Preconditioned, source: BatchSource, *, batches: int = 12, size: int = SIZE
) -> dict[str, float]:
    """Mean weighted squared error of what was to be generated.

    Args:
        denoiser: any; two of them are comparable on one source.
        source: windows of the held-out set; batch numbers 0 to `batches` - 1 are used.
        batches: how many.
        size: windows in each.

    Returns:
        The loss over all stems as "all", and of each stem that was to be generated somewhere.
    """
    return _losses(*_sums(denoiser, source, batches, size))


def _sums(
    denoiser: Preconditioned, source: BatchSource, batches: int, size: int
) -> tuple[Tensor, Tensor]:
    """Summed loss `[S]` and number of frames `[S]` it was summed over."""
    total, count = torch.zeros(len(STEMS)), torch.zeros(len(STEMS))
    for step in range(batches):
        batch = source.batch(step, size)
        x = batch.clean + batch.sigma.unsqueeze(2) * batch.noise
        with torch.no_grad():
            error = (denoiser(x, batch.sigma, batch.conditions) - batch.clean).square()
        weighted = (loss_weight(batch.sigma, denoiser.sigma_data) * error).mean(2)
        counts = batch.counted > 0
        total += torch.where(counts, weighted, 0.0).sum((0, 2))
        count += counts.sum((0, 2))
    return total, count


def _losses(total: Tensor, count: Tensor) -> dict[str, float]:
    losses = {ALL: float(total.sum() / count.sum().clamp_min(1))}
    heard = [i for i in range(len(STEMS)) if count[i] > 0]
    return losses | {STEMS[i]: float(total[i] / count[i]) for i in heard}


def artifact_losses(folder: Path, data: Path, task: TaskConfig) -> dict[str, float]:
    """Validation losses of an artifact's denoiser on a latent set of its own codecs.

    Args:
        folder: of the artifact.
        data: of the latent set (`training.latents`).
        task: what is asked of it; two artifacts are comparable under one task.

    Raises:
        BadArgsError: the latents are another model's, or too short.
        NoSuchFileError: there are none.
        BadArgsError, ModelUntrustedError, NoSuchFileError: as `Start.open`.
    """
    start = Start.open(folder)
    try:
        latents = LatentSet.open(data)
    except OSError as error:
        told = f"'{data}' holds no latents (`stembridge train denoiser`)."
        raise NoSuchFileError(told) from error
    heard = start.layout.slices().get(HEARD, slice(0, 0))
    channels = latents.conditions.shape[1] + heard.stop - heard.start
    found = latents.latents.shape[1:3], channels
    if found != ((start.backbone.stems, start.backbone.channels), start.backbone.conditions):
        raise BadArgsError(f"The latents in '{data}' are not of the model in '{folder}'.")
    if latents.lengths.max(initial=0) < task.window:
        raise BadArgsError(f"No song in '{data}' is as long as a window.")
    source = BatchSource(latents, start.layout, task, seed=1)
    return validation_losses(start.denoiser(start.weights), source, batches=WINDOWS // SIZE)


@dataclass(frozen=True)
class Validation:
    """Losses over all kept-out songs ("all" and by stem), and the loss of each song."""

    losses: dict[str, float]
    songs: dict[str, float]


class KeptOut:
    """Songs kept out of training; each is measured in equally many windows."""

    def __init__(
        self,
        latents: LatentSet,
        names: Sequence[str],
        layout: Layout,
        task: TaskConfig,
        seed: int,
    ) -> None:
        """Takes the set and, in its order, the names of its songs or pieces of songs."""
        rows: dict[str, list[int]] = {}
        for row, name in enumerate(names):
            rows.setdefault(recording_of(name), []).append(row)
        self.batches = max(FEWEST, -(-BATCHES // len(rows)))
        self._sources = {
            song: BatchSource(latents.rows(own), layout, task, seed) for song, own in rows.items()
        }

    @property
    def n_windows(self) -> int:
        """Windows that one measurement looks at."""
        return self.batches * SIZE * len(self._sources)

    def measure(self, denoiser: Preconditioned) -> Validation:
        """The denoiser's losses."""
        total, count, songs = torch.zeros(len(STEMS)), torch.zeros(len(STEMS)), {}
        for song, source in self._sources.items():
            sums = _sums(denoiser, source, self.batches, SIZE)
            songs[song] = _losses(*sums)[ALL]
            total, count = total + sums[0], count + sums[1]
        return Validation(_losses(total, count), songs)
