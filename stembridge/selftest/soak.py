"""Jobs for hours: what grows? Memory, descriptors, journal and log of the daemon and its worker.

The first part of the time is left out of the slopes: caches fill, the journal reaches the number of
jobs it remembers, the log its size.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from stembridge.client import Client
from stembridge.selftest.house import DaemonProcess

WARM_UP = 0.2
"""Share of the time that is left out of the slopes."""

ASK: dict[str, Any] = {"generate": "bass", "bpm": "120", "bars": 1}


@dataclass(frozen=True)
class Sample:
    """What was measured at one time; sizes in bytes, `at_s` in s since the start."""

    at_s: float
    jobs: int
    daemon: int
    worker: int
    descriptors: int
    journal: int
    log: int


def soak(folder: Path, length_s: float, pause_s: float, samples_file: Path | None) -> list[Sample]:
    """Ask for a job every `pause_s` seconds for `length_s` seconds; what was measured meanwhile.

    Args:
        folder: for everything that is written.
        length_s: how long.
        pause_s: from one job to the next; takes are removed once they are made.
        samples_file: gets each sample as a line of JSON, for whoever cannot wait.
    """
    samples: list[Sample] = []
    jobs = 0
    every_s = max(5.0, length_s / 240)
    with DaemonProcess(folder) as daemon, Client(port=daemon.port, timeout_s=30) as client:
        daemon.wait_ready()
        started_s = sampled_s = time.monotonic()
        while (now_s := time.monotonic()) - started_s < length_s:
            stems = client.generate(**ASK, seed=jobs, request_id=f"soak-{jobs}").wait(120)
            jobs += 1
            for stem in stems:
                take = Path(stem.path).parent
                for file in take.iterdir():
                    file.unlink()
                take.rmdir()
            if now_s - sampled_s >= every_s or not samples:
                sampled_s = now_s
                samples.append(_sample(daemon, now_s - started_s, jobs))
                if samples_file is not None:
                    with samples_file.open("a", encoding="utf-8") as lines:
                        lines.write(json.dumps(asdict(samples[-1])) + "\n")
            time.sleep(max(0.0, pause_s - (time.monotonic() - now_s)))
        if daemon.stop() != 0:
            raise AssertionError("the daemon did not end well")
    return samples


def _sample(daemon: DaemonProcess, at_s: float, jobs: int) -> Sample:
    process = psutil.Process(daemon.process.pid)
    workers = process.children()
    state = daemon.folder / "state"
    return Sample(
        at_s,
        jobs,
        process.memory_info().rss,
        sum(worker.memory_info().rss for worker in workers),
        process.num_fds() + sum(worker.num_fds() for worker in workers),
        sum(file.stat().st_size for file in state.glob("journal.sqlite3*")),
        sum(file.stat().st_size for file in state.glob("daemon.log*")),
    )


def slopes(samples: list[Sample]) -> dict[str, float]:
    """Growth per hour of each measured thing, by least squares: MB, or descriptors."""
    kept = [sample for sample in samples if sample.at_s >= WARM_UP * samples[-1].at_s]
    found = {}
    for name in ("daemon", "worker", "descriptors", "journal", "log"):
        unit = 1 if name == "descriptors" else 2**20
        values = [float(getattr(sample, name)) / unit for sample in kept]
        found[name] = 3600 * _slope([sample.at_s for sample in kept], values)
    return found


def _slope(x: list[float], y: list[float]) -> float:
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - mean_x) ** 2 for a in x)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / (spread or 1.0)


def main() -> None:
    """`python -m stembridge.selftest.soak FOLDER HOURS [PAUSE_S]`: samples go to samples.jsonl."""
    import sys

    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    pause_s = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0
    samples = soak(folder, 3600 * float(sys.argv[2]), pause_s, folder / "samples.jsonl")
    found = slopes(samples)
    sys.stdout.write(json.dumps({"jobs": samples[-1].jobs, "per_hour": found}) + "\n")


if __name__ == "__main__":
    main()
