"""The attack of `stembridge selftest`, row by row, in its short form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from stembridge.selftest.ground import Ground, Row, SkippedError
from stembridge.selftest.table import rows
from tests.helpers.nobody import python_of_nobody

UNPRIVILEGED = (4, 8, 10, 16)
"""Paths, permissions and what a user's own account must withstand."""


@pytest.mark.slow
@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.number}-{row.title}")
def test_the_mark_is_met(row: Row, tmp_path: Path) -> None:
    try:
        outcome = row.attack(Ground(tmp_path, long=False))
    except SkippedError as error:
        pytest.skip(reason=str(error))
    print(f"{row.number}: {row.mark}: {outcome.figure}")
    # A busy machine misses marks that depend on load; what must never happen shows elsewhere.
    assert outcome.met or row.by_load, outcome.figure


def test_the_table_is_whole() -> None:
    assert [row.number for row in rows()] == list(range(1, 17))


def selftest(*words: str, python: Sequence[str] = (sys.executable,)) -> tuple[int, str]:
    command = [*python, "-m", "stembridge", "selftest", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=250)
    return done.returncode, done.stdout + done.stderr


def test_the_command_prints_figures_beside_marks() -> None:
    status, said = selftest("--rows", "8,16", "--json")
    told = json.loads(said)
    assert status == 0 and told["ok"] and [row["row"] for row in told["rows"]] == [8, 16]
    status, said = selftest("--rows", "8")
    assert status == 0 and "0 reads and writes outside" in said and "1 met" in said
    assert selftest("--rows", "17")[0] == 2


@pytest.mark.slow
def test_an_account_without_rights_stands_the_same() -> None:
    wanted = ",".join(map(str, UNPRIVILEGED))
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        Path(folder).chmod(0o777)
        python = python_of_nobody(Path(folder)) if os.geteuid() == 0 else [sys.executable]
        who = [*python, "-c", "import os; print(os.geteuid(), os.access('/etc/shadow', os.R_OK))"]
        uid, reads = subprocess.check_output(who, text=True, cwd="/").split()
        assert uid != "0" and reads == "False"
        status, said = selftest("--rows", wanted, python=["env", f"TMPDIR={folder}", *python])
    assert status == 0 and f"{len(UNPRIVILEGED)} met" in said, said
