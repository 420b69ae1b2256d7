"""The training loss on music that was not trained on: the same windows and noise every time."""

from __future__ import annotations

import torch

from stembridge.dataset.song import STEMS
from stembridge.nn.precondition import Preconditioned, loss_weight
from stembridge.training.batches import BatchSource

ALL = "all"


def validation_losses(
    denoiser: Preconditioned, source: BatchSource, *, batches: int = 12, size: int = 8
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
    losses = {ALL: float(total.sum() / count.sum().clamp_min(1))}
    heard = [i for i in range(len(STEMS)) if count[i] > 0]
    return losses | {STEMS[i]: float(total[i] / count[i]) for i in heard}
