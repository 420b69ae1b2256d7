"""Ableton Link between two processes, in a network namespace with nothing but loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "helpers" / "link_session.py"
AGREES_MS = 1.0
ATTEMPTS = 4
"""A busy machine wakes a process late now and then; a broken session is late always."""


@pytest.fixture(scope="module")
def session() -> dict[str, float]:
    pytest.importorskip("aalink", reason='Link needs pip install "stembridge[link]"')
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip(reason="a namespace needs util-linux and iproute2")
    inner = f"ip link set lo up && exec {sys.executable} {PROGRAM}"
    command = ["unshare", "--map-root-user", "--net", "sh", "-c", inner]
    figures: dict[str, float] = {}
    for _ in range(ATTEMPTS):
        ended = subprocess.run(command, capture_output=True, text=True, timeout=240)
        if "unshare" in ended.stderr:
            pytest.skip(reason=f"network namespaces are not allowed here: {ended.stderr.strip()}")
        assert ended.returncode == 0, ended.stderr
        figures = json.loads(ended.stdout)
        if figures["phase_ms"] <= AGREES_MS:
            break
    return figures


@pytest.mark.link
def test_every_tempo_change_is_followed(session: dict[str, float]) -> None:
    assert session["followed"] == 3


@pytest.mark.link
def test_the_phase_agrees_within_a_millisecond(session: dict[str, float]) -> None:
    assert session["phase_ms"] <= AGREES_MS


@pytest.mark.link
def test_leaving_peers_end_the_session(session: dict[str, float]) -> None:
    assert session["ended"] == 1.0
