"""Rows 1 to 3: what a hostile or broken sender can do to the socket."""

from __future__ import annotations

import random
import socket
import time

from stembridge.client import Client
from stembridge.errors import StembridgeError
from stembridge.selftest.ground import ASK, Ground, Outcome, rss_mb
from stembridge.selftest.house import DaemonProcess
from stembridge.selftest.mutants import PING, mutant
from stembridge.wire import osc, protocol


def parser(ground: Ground) -> Outcome:
    """Row 1: mutants into the parser."""
    rng, uncaught, slowest_s = random.Random(1), 0, 0.0
    count = ground.amount(60_000, 1_000_000)
    for _ in range(count):
        data = mutant(rng)
        started_s = time.thread_time()
        try:
            for message in osc.parse(data):
                protocol.bind(message)
        except StembridgeError:
            pass
        except Exception:  # noqa: BLE001 - this is what is counted
            uncaught += 1
        slowest_s = max(slowest_s, time.thread_time() - started_s)
    figure = f"{count:,} mutants, {uncaught} uncaught, slowest {1e3 * slowest_s:.1f} ms"
    return Outcome(figure, uncaught == 0 and slowest_s <= 0.005)


def malformed(ground: Ground) -> Outcome:
    """Row 2: mutants into a living daemon."""
    rng, count, slowest_s = random.Random(2), ground.amount(20_000, 100_000), 0.0
    with DaemonProcess(ground.folder) as daemon, _sender(daemon) as sender:
        daemon.wait_ready()
        pong_s(sender, 1)
        before_mb = rss_mb(daemon.process.pid)
        for index in range(count):
            sender.send(mutant(rng))
            if index % 2000 == 1999:
                slowest_s = max(slowest_s, pong_s(sender, 10_000 + index))
        grown_mb = rss_mb(daemon.process.pid) - before_mb
        with Client(port=daemon.port) as client:
            client.generate(**ASK).wait(60)
        log_mb = (ground.folder / "state" / "daemon.log").stat().st_size / 2**20
    figure = (
        f"{count:,} mutants: pong after {1e3 * slowest_s:.0f} ms at worst, {grown_mb:+.1f} MB, "
        f"log {log_mb:.2f} MB"
    )
    return Outcome(figure, slowest_s <= 0.1 and grown_mb <= 10 and log_mb <= 1)


def flood(ground: Ground) -> Outcome:
    """Row 3: valid messages, many, while a job runs."""
    with (
        DaemonProcess(ground.folder, model="fake:delay=0.05") as daemon,
        Client(port=daemon.port, timeout_s=30) as client,
        _sender(daemon) as sender,
    ):
        daemon.wait_ready()
        before_mb = rss_mb(daemon.process.pid)
        job = client.generate(**ASK, steps=ground.amount(40, 200))
        sent = _paced(sender, 10_000, ground.amount(4, 60))
        sent += _paced(sender, 10**9, ground.amount(2, 30))
        started_s = time.monotonic()
        client.generate(**ASK, seed=2)
        acked_s = time.monotonic() - started_s
        files = len(job.wait(120))
        grown_mb = rss_mb(daemon.process.pid) - before_mb
    figure = f"{sent:,} pings: job done, next acked after {acked_s:.2f} s, {grown_mb:+.1f} MB"
    return Outcome(figure, files == 1 and acked_s <= 2 and grown_mb <= 50)


def _sender(daemon: DaemonProcess) -> socket.socket:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(("127.0.0.1", daemon.port))
    sender.settimeout(5)
    return sender


def pong_s(sender: socket.socket, n: int) -> float:
    """Seconds from a ping to its pong; a lost one is repeated, as clients do."""
    ping = protocol.pack("/stembridge/ping", "probe", n)
    started_s = time.monotonic()
    sender.send(ping)
    sender.settimeout(1)
    while time.monotonic() - started_s < 30:
        try:
            call = protocol.bind(osc.parse(sender.recv(65_536))[0])
        except TimeoutError:
            sender.send(ping)
            continue
        if call.row.address == "/stembridge/pong" and call.args["n"] == n:
            return time.monotonic() - started_s
    raise TimeoutError("no pong")


def _paced(sender: socket.socket, per_s: int, length_s: int) -> int:
    started_s, sent = time.monotonic(), 0
    while (spent_s := time.monotonic() - started_s) < length_s:
        due = min(sent + 200, int(per_s * spent_s) + 1)
        while sent < due:
            sender.send(PING)
            sent += 1
        if due >= int(per_s * spent_s):
            time.sleep(0.002)
    return sent
