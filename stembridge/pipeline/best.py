"""Of some takes of one request, the one that measures best.

What is the first thing to lose: silence, a late start, a part that plays less than the others do,
notes beside the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stembridge.pipeline.take_files import SoundedTake
from stembridge.pipeline.verdict import Verdict
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest


def best_of(takes: Sequence[SoundedTake], request: GenerationRequest) -> SoundedTake:
    """The best of some takes, with a remark that says how good all of them were."""
    scores = score(takes, request)
    chosen = int(np.argmax(scores))
    shown = ", ".join(f"{value:.2f}" for value in scores)
    remark = Remark("best_of", {"kept": chosen + 1, "of": len(takes), "scores": shown})
    best = takes[chosen]
    verdicts = {
        stem: replace(verdict, remarks=(*verdict.remarks, remark))
        for stem, verdict in best.verdicts.items()
    }
    return replace(best, verdicts=verdicts)


def score(takes: Sequence[SoundedTake], request: GenerationRequest) -> list[float]:
    """How good each take is beside the others, 0 to 1: the mean over its stems."""
    bar_ms = request.time_signature.beats_per_bar * 60e3 / request.bpm
    usual = {
        stem: float(np.median([take.verdicts[stem].onsets_per_s for take in takes]))
        for stem in request.generate
    }
    return [
        float(np.mean([_score(take.verdicts[s], usual[s], bar_ms) for s in request.generate]))
        for take in takes
    ]


def _score(verdict: Verdict, usual_rate: float, bar_ms: float) -> float:
    if verdict.silent:
        return 0.0
    on_grid = 0.5 if verdict.on_grid_share is None else verdict.on_grid_share
    busy = min(1.0, verdict.onsets_per_s / usual_rate) if usual_rate > 0 else 1.0
    prompt = 1.0 - min(1.0, verdict.head_silence_ms / bar_ms)
    return on_grid * (0.5 + 0.5 * busy) * (0.5 + 0.5 * prompt)
