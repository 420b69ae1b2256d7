"""`stembridge serve` as a process: refusals, signals, floods, a full disk."""

from __future__ import annotations

import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stembridge.client import Client
from stembridge.errors import DiskFullError, NotNowError
from stembridge.selftest.wire_rows import pong_s
from tests.helpers.daemons import ASK, DaemonProcess
from tests.wire.test_osc import MALFORMED, VALID, mutate

N_MUTANTS = 20_000  # selftest --long sends 100,000


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with DaemonProcess(tmp_path_factory.mktemp("daemon")) as process:
        process.wait_ready()
        yield process


def refused(*words: str, status: int = 2) -> tuple[str, float]:
    """Run serve where it must refuse; what it says, and how soon."""
    command = [sys.executable, "-c", "from stembridge.cli import main; main()", "serve", *words]
    started_s = time.monotonic()
    ended = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert ended.returncode == status, ended
    return ended.stderr, time.monotonic() - started_s


def test_it_prints_its_settings_and_where_it_listens(daemon: DaemonProcess) -> None:
    text = "".join(daemon.lines)
    assert "device = cpu  (flag)" in text and "host = 127.0.0.1  (default)" in text
    assert f"ready on port {daemon.port}: model fake on cpu" in text
    note = json.loads((daemon.folder / "state" / "daemon.json").read_text())
    assert (note["port"], note["pid"]) == (daemon.port, daemon.process.pid)


def test_a_second_daemon_is_told_why_not(daemon: DaemonProcess, tmp_path: Path) -> None:
    port, state = str(daemon.port), str(daemon.folder / "state")
    said, took_s = refused("--model", "fake:", "--port", port, "--state", str(tmp_path))
    assert "CREATE_FAILED" in said and "--port" in said
    said, _ = refused("--model", "fake:", "--port", "0", "--state", state)
    assert "already uses" in said and str(daemon.process.pid) in said
    print(f"refused in {took_s:.2f} s")


def test_a_model_that_is_not_there_is_said(tmp_path: Path) -> None:
    model = str(tmp_path / "no model")
    words = ("--cpu", "--model", model, "--port", "0", "--state", str(tmp_path / "state"))
    assert "NO_SUCH_FILE" in refused(*words)[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    with DaemonProcess(tmp_path) as daemon:
        daemon.process.send_signal(number)
        assert daemon.close() == 0
        assert daemon.lines[-1] == "stopped\n"
        assert not (tmp_path / "state" / "daemon.json").exists()


def test_thousands_of_malformed_datagrams(daemon: DaemonProcess) -> None:
    """Sent as fast as this machine can, with pings between: the answer comes, memory stays."""
    process = psutil.Process(daemon.process.pid)
    rng, slowest_s = random.Random(7), 0.0
    seeds = VALID + tuple(raw for raw in MALFORMED.values() if raw)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", daemon.port))
        before = process.memory_info().rss
        for index in range(N_MUTANTS):
            sender.send(mutate(rng.choice(seeds), rng)[:60_000])
            if index % 5000 == 4999:
                slowest_s = max(slowest_s, pong_s(sender, index))
        grown_mb = (process.memory_info().rss - before) / 2**20
    print(f"slowest pong {1e3 * slowest_s:.1f} ms amid {N_MUTANTS} mutants; +{grown_mb:.1f} MB")
    assert grown_mb < 20, grown_mb
    with Client(port=daemon.port, timeout_s=60) as client:
        assert len(client.generate(**ASK).wait(60)) == 1


def test_a_full_disk_is_refused_and_freed_again(tmp_path: Path) -> None:
    mount = shutil.which("mount")
    command = [mount, "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(tmp_path)]
    if mount is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip(reason="mounting a file system needs rights this user does not have")
    try:
        with DaemonProcess(tmp_path) as daemon, Client(port=daemon.port, timeout_s=60) as client:
            filler = tmp_path / "filler"
            with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
                while True:
                    file.write(bytes(2**14))
            with pytest.raises(DiskFullError, match="free"):
                client.generate(**ASK)
            assert client.ping()["queued"] == 0
            filler.unlink()
            assert len(client.generate(**ASK).wait(30)) == 1
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_the_plain_client(daemon: DaemonProcess) -> None:
    with Client(port=daemon.port, timeout_s=60) as client:
        assert client.model()["name"] == "fake"
        job = client.generate(**ASK, request_id="plain")
        assert [type(event).__name__ for event in job.events()][-1] == "Done"
        client.sync()
        assert client.status("plain") == "done"
        assert job.cancel() == "done"
        slow = client.generate(**{**ASK, "bars": 100}, steps=200)
        with pytest.raises(TimeoutError):
            slow.wait(0.01)
        slow.cancel()
    with pytest.raises(NotNowError, match="stembridge serve"):
        Client(port=9, timeout_s=0.3)
