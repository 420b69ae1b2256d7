"""Nothing leaves the machine: real runs, watched by strace, in a home folder of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stembridge.cli.telemetry import check_telemetry

SESSION = str(Path(__file__).parents[1] / "helpers" / "whole_session.py")
NETWORK = "connect,sendto,sendmsg,sendmmsg"
ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
LOOPBACK = re.compile(r"127\.|::1$|::ffff:127\.|0\.0\.0\.0$|::$")


def outside(trace: Path) -> list[str]:
    """Calls of a trace that name an address beyond this computer."""
    calls = trace.read_text(errors="replace").splitlines()
    return [
        call
        for call in calls
        for found in ADDRESS.finditer(call)
        if not LOOPBACK.match(found.group(1) or found.group(2))
    ]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder; no CI, which would keep the vendor quiet; no variable of ours."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("CI", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED",
                 "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    return folder


def traced(trace: Path) -> list[str]:
    if shutil.which("strace") is None:
        pytest.skip(reason="watching a run needs strace")
    return ["strace", "--follow-forks", "--seccomp-bpf", f"--trace={NETWORK}", "-o", str(trace)]


def test_a_trace_shows_what_goes_outside(tmp_path: Path) -> None:
    """The watcher sees a datagram to nobody (RFC 5737's test network) and no loopback."""
    program = (
        "import socket\nwith socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:\n"
        "  for host in ('127.0.0.1', '192.0.2.1'):\n"
        "    try: s.sendto(b'x', (host, 9))\n    except OSError: pass"
    )
    trace = tmp_path / "trace"
    subprocess.run([*traced(trace), sys.executable, "-c", program], check=True)
    (call,) = outside(trace)
    assert "192.0.2.1" in call


@pytest.mark.slow
@pytest.mark.weights
def test_serve_arrange_and_doctor_talk_to_nobody_and_leave_no_vendors_folder(
    home: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    subprocess.run(
        [*traced(trace), sys.executable, SESSION, str(tmp_path)], check=True, timeout=200
    )
    assert outside(trace) == []
    assert [str(path) for path in home.rglob("*") if "microsoft" in str(path).lower()] == []


def test_the_doctor_says_that_telemetry_is_off(home: Path) -> None:
    finding = check_telemetry()
    assert (finding.status, finding.found.split(";")[0]) == ("ok", "off")


def test_the_doctor_sees_telemetry_that_is_on(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A library that leaves a file at its import, in place of the real one: nothing is sent."""
    (tmp_path / "onnxruntime.py").write_text(
        "import os, pathlib; (pathlib.Path(os.environ['HOME']) / 'deviceid').write_text('x')"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    finding = check_telemetry()
    assert finding.status == "fail" and "deviceid" in finding.found
