"""Rows 5, 6, 11 and 12: processes that are killed, stopped, started twice; clocks that jump."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from stembridge.client import Client
from stembridge.client.plain import PlainJob
from stembridge.errors import AttemptsExhaustedError, QueueFullError, StembridgeError
from stembridge.selftest.ground import (
    ASK,
    Ground,
    Outcome,
    SkippedError,
    tool,
    until,
    worker_of,
)
from stembridge.selftest.house import DaemonProcess

_PATIENCE_S = 2.0
_LONGEST_WAIT_S = 900.0  # a busy machine starts workers slowly; the mark is that none is lost
_FAIL_POINTS = {
    "pwrite64": 40,  # before the commit
    "fdatasync": 12,  # within it
    "sendto": 6,  # before the acknowledgement, and later ones
    "fsync": 4,  # in the middle of a file, by the worker
    "rename,renameat,renameat2": 1,  # before it has its name
}
"""System call -> which one of them kills, at most."""


def killed(ground: Ground) -> Outcome:
    """Row 5: kill -9 of the daemon, at random and at chosen system calls."""
    rng, jobs, again_s = random.Random(4), [], [0.0]
    settings = ground.folder / "settings.toml"
    settings.write_text("[daemon]\nmax_attempts = 100\n", encoding="utf-8")
    kills = ground.amount(3, 100)
    with DaemonProcess(ground.folder, 0, "--settings", str(settings)) as daemon:
        with (
            Client(port=daemon.port, client_id="survivor", timeout_s=60) as client,
            # Its daemon is killed while it asks: there is nothing to wait for.
            Client(port=daemon.port, client_id="hasty", timeout_s=_PATIENCE_S) as hasty,
        ):
            for life in range(kills):
                jobs += _ask(client, f"life{life}", 3)
                time.sleep(rng.uniform(0.0, 1.2))
                again_s.append(_again(daemon))
            points = _fail_points(daemon, hasty, rng, ground.amount(1, 20), jobs)
            files = [stem.path for job in jobs for stem in job.wait(_LONGEST_WAIT_S)]
        status = daemon.stop()
    torn = [path for path in files if not Path(path).stat().st_size > 44]
    parts = list(ground.folder.rglob("*.part"))
    figure = (
        f"{kills} kills at random, {points}: {len(jobs)} accepted, {len(files)} answered, "
        f"{len(torn) + len(parts)} torn; listening again in {max(again_s):.1f} s at worst"
    )
    return Outcome(figure, len(files) == len(jobs) and not torn and not parts and status == 0)


def _ask(client: Client, name: str, count: int) -> list[PlainJob]:
    jobs = []
    for n in range(count):
        with contextlib.suppress(QueueFullError):
            jobs.append(client.generate(**ASK, seed=n, request_id=f"{name}-{n}"))
    return jobs


def _again(daemon: DaemonProcess) -> float:
    daemon.kill()
    started_s = time.monotonic()
    daemon.start_again()
    return time.monotonic() - started_s


def _fail_points(
    daemon: DaemonProcess, client: Client, rng: random.Random, rounds: int, jobs: list[PlainJob]
) -> str:
    """Kill the daemon or its worker right at a system call, with strace; says how often."""
    try:
        strace = tool("strace")
    except SkippedError as error:
        return f"none at system calls ({error})"
    count = 0
    points = [point for point in _FAIL_POINTS.items() for _ in range(rounds)]
    for n, (call, most) in enumerate(points):
        inject = f"inject={call}:signal=KILL:when={rng.randint(1, most)}"
        command = [strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
        worker = worker_of(daemon.process.pid)
        pids = ["-p", str(daemon.process.pid), "-p", str(worker.pid)]
        with subprocess.Popen([*command, *pids]) as tracer:
            time.sleep(0.3)
            with contextlib.suppress(StembridgeError):
                jobs += _ask(client, f"point{n}", 1)
            count += _dies(daemon, worker)
            _end(tracer)
        if daemon.process.poll() is not None:
            daemon.close()
            daemon.start_again()
            with contextlib.suppress(StembridgeError):  # the one it was killed in, again
                jobs += _ask(client, f"point{n}again", 1)
    return f"{count} at system calls"


def _end(tracer: subprocess.Popen[bytes]) -> None:
    """Ends strace, which now and then waits for ever for a thread that was killed under it."""
    tracer.terminate()
    try:
        tracer.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        tracer.kill()


def _dies(daemon: DaemonProcess, worker: psutil.Process) -> bool:
    """Whether either of the two ends soon."""
    with contextlib.suppress(TimeoutError):
        until(lambda: daemon.process.poll() is not None or not worker.is_running(), 1.5)
        return True
    return False


def workers(ground: Ground) -> Outcome:
    """Row 6: the worker is killed, stopped, and meets a job that kills it every time."""
    slowest_s = 0.0
    with (
        DaemonProcess(ground.folder, model="fake:delay=0.02") as daemon,
        Client(port=daemon.port, client_id="w") as client,
    ):
        daemon.wait_ready()
        numbers = [signal.SIGKILL] * ground.amount(3, 100) + [signal.SIGSTOP] * ground.amount(2, 20)
        for n, number in enumerate(numbers):
            worker = worker_of(daemon.process.pid)
            worker.send_signal(number)
            started_s = time.monotonic()
            client.generate(**ASK, seed=n).wait(60)
            slowest_s = max(slowest_s, time.monotonic() - started_s)
        poison = client.generate(**ASK, steps=200, request_id="poison")
        gave_up, deaths = False, 0
        while not gave_up and deaths < 10:
            until(lambda: client.ping()["running"] == 1 or client.status("poison") == "failed")
            with contextlib.suppress(psutil.Error):
                worker_of(daemon.process.pid).kill()
                deaths += 1
            try:
                poison.wait(1.0)
            except AttemptsExhaustedError:
                gave_up = True
            except TimeoutError:
                continue
        healthy = len(client.generate(**ASK, seed=99).wait(60))
    figure = (
        f"{len(numbers)} workers killed or stopped: next job after {slowest_s:.1f} s at worst; "
        f"poison job given up: {'yes' if gave_up else 'no'}"
    )
    return Outcome(figure, slowest_s <= 5 and gave_up and healthy == 1)


def twice(ground: Ground) -> Outcome:
    """Row 11: a second daemon on the same port, or on the same folder; a stale note."""
    rounds, slowest_s, wrong = ground.amount(2, 50), 0.0, 0
    with DaemonProcess(ground.folder) as daemon:
        for n in range(rounds):
            for state, port in (
                (ground.folder / "state", 0),
                (ground.folder / f"s{n}", daemon.port),
            ):
                command = [
                    *(sys.executable, "-m", "stembridge", "serve", "--cpu", "--model", "fake:"),
                    *(
                        "--state",
                        str(ground.folder / state),
                        "--port",
                        str(port),
                        "--out",
                        str(ground.folder),
                    ),
                ]
                started_s = time.monotonic()
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                slowest_s = max(slowest_s, time.monotonic() - started_s)
                wrong += done.returncode != 2 or "CREATE_FAILED" not in done.stderr
        daemon.kill()
        daemon.start_again()  # its lock and note are still there
    figure = f"{2 * rounds} refused, {wrong} without code and reason, {slowest_s:.1f} s at worst"
    return Outcome(figure, wrong == 0 and slowest_s <= 1)


def wall_clock(ground: Ground) -> Outcome:
    """Row 12: the wall clock jumps by an hour and by ten years, both ways, while jobs run."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise SkippedError("needs libfaketime")
    clock = ground.folder / "clock"
    clock.write_text("+0", encoding="ascii")
    environment = {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    order = []
    jumps = ("+1h", "-1h", "+10y", "-10y", "+0")
    with (
        DaemonProcess(ground.folder, environment=environment) as daemon,
        Client(port=daemon.port, client_id="clock") as client,
    ):
        daemon.wait_ready()
        pid = daemon.process.pid
        for n, jump in enumerate(jumps):
            jobs = [client.generate(**ASK, seed=k, request_id=f"j{n}-{k}") for k in range(3)]
            clock.write_text(jump, encoding="ascii")
            for job in jobs:
                order.append(len(job.wait(60)))
        alive = psutil.Process(pid).is_running() and client.ping()["queued"] == 0
    figure = f"{len(jumps)} jumps, {sum(order)} of {3 * len(jumps)} jobs done, lease kept"
    return Outcome(figure, alive and sum(order) == 3 * len(jumps))
