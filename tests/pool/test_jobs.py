"""One function over many jobs gives the same wherever it is done."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from stembridge.errors import BadArgsError, ClusterDownError
from stembridge.pool.jobs import Crew, run_jobs
from tests.cli.test_telemetry import home, outside, traced  # noqa: F401 - home is a fixture
from tests.helpers.daemons import needs_ray

CREWS = [pytest.param(Crew(), id="alone"), pytest.param(Crew(2), id="processes")]


def scaled(factor: int, number: int) -> tuple[int, int]:
    time.sleep(0.05 * (number % 3))  # later jobs end before earlier ones
    if number < 0:
        raise BadArgsError(f"{number} is negative.")
    return factor * number, os.getpid()


def ten() -> int:
    return 10


def die_once(folder: Path, number: int) -> tuple[int, int]:
    mark = folder / "died"
    if number == 3 and not mark.exists():
        mark.touch()
        os._exit(9)
    return scaled(10, number)


@pytest.mark.parametrize("crew", CREWS)
def test_results_come_in_the_jobs_order(crew: Crew) -> None:
    results = list(run_jobs(scaled, iter(range(9)), ten, crew))
    assert [value for value, _pid in results] == [10 * number for number in range(9)]
    pids = {pid for _value, pid in results}
    assert (pids == {os.getpid()}) == crew.is_alone and len(pids) <= crew.workers


@pytest.mark.parametrize("crew", CREWS)
def test_errors_come_as_they_are(crew: Crew) -> None:
    with pytest.raises(BadArgsError, match="-1 is negative"):
        list(run_jobs(scaled, [1, -1], ten, crew))


def note_pid(folder: Path, number: int) -> int:
    (folder / str(os.getpid())).touch()
    return number


KILLED = """
import sys, time
from functools import partial
from pathlib import Path
from stembridge.pool.jobs import Crew, run_jobs
from tests.pool.test_jobs import note_pid
if __name__ == "__main__":
    jobs = run_jobs(note_pid, range(100), partial(Path, sys.argv[1]), Crew(2))
    next(jobs)
    print("one", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_workers_of_a_killed_process_end(tmp_path: Path) -> None:
    command = [sys.executable, str(tmp_path / "main.py"), str(tmp_path / "pids")]
    (tmp_path / "main.py").write_text(KILLED)
    (tmp_path / "pids").mkdir()
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
    ) as main:
        assert main.stdout is not None and main.stdout.readline() == b"one\n"
        workers = [psutil.Process(int(p.name)) for p in (tmp_path / "pids").iterdir()]
        main.kill()
    assert workers
    _gone, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


@pytest.mark.parametrize("workers", [1, 3])
def test_jobs_are_asked_for_as_they_are_needed(workers: int) -> None:
    """A song is many megabytes: not all of them may wait in memory."""
    asked = []

    def jobs() -> Iterator[int]:
        for number in range(50):
            asked.append(number)
            yield number

    results = run_jobs(scaled, jobs(), ten, Crew(workers))
    next(results)
    assert len(asked) <= 2 * workers
    results.close()  # type: ignore[attr-defined]


@needs_ray
@pytest.mark.slow
def test_a_cluster_gives_the_same_though_a_worker_is_lost(tmp_path: Path) -> None:
    crew = Crew(2, "local")
    results = run_jobs(die_once, [*range(9), -1], partial(Path, tmp_path), crew)
    values, pids = zip(*(next(results) for _ in range(9)), strict=True)
    assert values == tuple(10 * number for number in range(9))
    assert (tmp_path / "died").exists() and os.getpid() not in pids
    with pytest.raises(BadArgsError, match="-1 is negative"):  # an error comes as it is
        next(results)


@needs_ray
@pytest.mark.slow
def test_a_cluster_of_this_machine_talks_to_nobody_else(
    home: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Neither statistics nor questions to a cloud; and no listener beyond loopback."""
    program = (
        "import operator\nfrom stembridge.pool.jobs import Crew, run_jobs\n"
        "if __name__ == '__main__':\n"
        "  assert [*run_jobs(operator.mul, [1, 2], int, Crew(1, 'local'))] == [0, 0]\n"
    )
    (tmp_path / "program.py").write_text(program)
    watch = [word.replace("connect,", "connect,bind,") for word in traced(tmp_path / "trace")]
    done = subprocess.run(
        [*watch, sys.executable, str(tmp_path / "program.py")],
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert outside(tmp_path / "trace") == []
    wide = [line for line in (tmp_path / "trace").read_text().splitlines() if is_wide(line)]
    assert wide == []
    assert not (home / ".ray").exists()


def is_wide(line: str) -> bool:
    """A stream socket's port opened to the network (port 0 is no listener's)."""
    return (
        "bind(" in line
        and ("0.0.0.0" in line or '"::"' in line)
        and "htons(0)" not in line
        and " = 0" in line
    )


def test_nobody_there() -> None:
    with pytest.raises(ClusterDownError):
        list(run_jobs(scaled, [1], ten, Crew(1, "127.0.0.1:1")))
    with pytest.raises(BadArgsError, match="must be local, auto"):
        list(run_jobs(scaled, [1], ten, Crew(1, "here")))
