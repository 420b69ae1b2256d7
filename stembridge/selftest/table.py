"""The sixteen rows, and running them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stembridge.selftest import crash_rows, disk_rows, material_rows, network_rows, wire_rows
from stembridge.selftest.ground import Ground, Outcome, Row, SkippedError
from stembridge.selftest.soak import slopes, soak

Verdict = Literal["met", "NOT MET", "skipped"]
SHORT_SOAK_S, LONG_SOAK_S = 12.0, 8 * 3600.0


@dataclass(frozen=True)
class Result:
    """What a row showed.

    Attributes:
        row: which.
        verdict: whether its mark is met.
        figure: measured, or why it was skipped.
        took_s: how long it took.
    """

    row: Row
    verdict: Verdict
    figure: str
    took_s: float


def _soaked(length_s: float | None) -> Callable[[Ground], Outcome]:
    def attack(ground: Ground) -> Outcome:
        """Row 15: jobs, one after the other."""
        seconds = length_s or (LONG_SOAK_S if ground.long else SHORT_SOAK_S)
        samples = soak(ground.folder, seconds, 0.1 if seconds < 60 else 1.0, None)
        first, last, found = samples[0], samples[-1], slopes(samples)
        grown_mb = (last.daemon + last.worker - first.daemon - first.worker) / 2**20
        opened = last.descriptors - first.descriptors
        figure = f"{last.jobs} jobs in {last.at_s / 3600:.2f} h: {opened:+d} descriptors, "
        if seconds < 1800:  # too short for a slope
            return Outcome(figure + f"{grown_mb:+.1f} MB", opened <= 0 and grown_mb < 5)
        per_hour = found["daemon"] + found["worker"]
        figure += f"{per_hour:+.2f} MB/h (journal {found['journal']:+.2f}, log {found['log']:+.2f})"
        return Outcome(figure, opened <= 0 and per_hour < 1)

    return attack


def rows(soak_s: float | None = None) -> tuple[Row, ...]:
    """The table's rows, as the plan numbers them.

    Args:
        soak_s: length of row 15; None: that of the form.
    """
    return (
        Row(1, "mutants into the parser", "0 uncaught; ≤ 5 ms each", wire_rows.parser),
        Row(2, "mutants into the daemon", "pong ≤ 100 ms; +10 MB; log ≤ 1 MB",
            wire_rows.malformed, by_load=True),
        Row(3, "flood of valid messages", "job done; next acked ≤ 2 s; +50 MB",
            wire_rows.flood, by_load=True),
        Row(4, "20 % lost, doubled, late", "each accepted and run once", network_rows.lossy),
        Row(5, "kill -9 of the daemon", "0 accepted lost; 0 torn files", crash_rows.killed),
        Row(6, "worker killed, stopped; poison", "next job ≤ 5 s; given up after 3",
            crash_rows.workers, by_load=True),
        Row(7, "disk full, read-only", "DISK_FULL; no part; back ≤ 5 s", disk_rows.full),
        Row(8, "paths and links", "0 reads and writes outside", disk_rows.paths),
        Row(9, "audio bombs and odd headers", "refused or finite; +100 MB", material_rows.audio),
        Row(10, "untrusted models", "canary silent; MODEL_UNTRUSTED", material_rows.model),
        Row(11, "a second daemon", "told why ≤ 1 s", crash_rows.twice, by_load=True),
        Row(12, "wall clock jumps", "order and lease unchanged", crash_rows.wall_clock),
        Row(13, "clients vanish", "jobs done; memory flat", network_rows.vanishing),
        Row(14, "MIDI clock, jitter and loss", "± 0.5 bpm after 2 s", material_rows.clock),
        Row(15, "soak", "< 1 MB/h; descriptors constant", _soaked(soak_s)),
        Row(16, "flipped bits in the journal", "0 tracebacks", disk_rows.journal),
    )  # fmt: skip


def run(wanted: Collection[int], *, long: bool, soak_s: float | None) -> Iterator[Result]:
    """Run rows one after the other, each in a folder of its own.

    Args:
        wanted: their numbers; empty: all.
        long: the form for releases.
        soak_s: length of the soak; None: that of the form.
    """
    for row in rows(soak_s):
        if wanted and row.number not in wanted:
            continue
        started_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="stembridge-selftest-") as folder:
            verdict, figure = _attacked(row, Ground(Path(folder), long))
        yield Result(row, verdict, figure, time.monotonic() - started_s)


def _attacked(row: Row, ground: Ground) -> tuple[Verdict, str]:
    try:
        outcome = row.attack(ground)
    except SkippedError as error:
        return "skipped", str(error)
    except Exception as error:  # noqa: BLE001 - a row that breaks is a row that is not met
        return "NOT MET", f"{type(error).__name__}: {error}"[:300]
    return ("met" if outcome.met else "NOT MET"), outcome.figure
