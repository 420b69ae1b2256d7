"""Progress as every door is told it."""

from __future__ import annotations

from stembridge.pipeline.events import Event, Reporter, StageProgress
from stembridge.pool.threads import side_by_side


def test_progress_never_falls_whoever_reports_from_whichever_thread() -> None:
    told: list[Event] = []
    report = Reporter(told.append, 1)

    def work(i: int) -> None:
        for share in (i / 8, 0.0, 0.5):
            report("encode", share)

    report("encode", 0.9)
    side_by_side(work, range(8), threads=4)
    report("sample", 1.0)
    fractions = [event.fraction for event in told if isinstance(event, StageProgress)]
    assert len(fractions) == 26
    assert fractions == sorted(fractions) and fractions[-1] > fractions[0]
