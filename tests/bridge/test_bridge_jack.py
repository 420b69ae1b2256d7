"""The whole bridge on a real JACK server: a pad becomes a take, the take is heard, losses pass."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from daemons import running, until
from jackd import RATE, jack_server

from stembridge import paths
from stembridge.bridge.bridge import Bridge, BridgeConfig
from stembridge.bridge.family import FamilyConfig
from stembridge.client import AsyncClient
from stembridge.wire.protocol import Call

pytestmark = pytest.mark.jack

ATTEMPTS = 5
"""A busy machine loses blocks between JACK's clients; a broken player never gets one take right."""

OUTAGE_S = 0.5
"""Nobody restarts a sound server faster."""

MAPPING = """
[midi]
input = "virtual"
api = "jack"

[[pad]]
note = 36
channel = 10
action = "generate"
stem = "bass"

[[pad]]
note = 37
channel = 10
action = "play"

[[lamp]]
state = "done"
note = 36
channel = 10
value = 21

[request]
bars = 1
bpm = "120"
session_rate = 48000
"""

CONTROLLER = """
import os, sys, time, rtmidi
out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="controller")
port = [n for n, name in enumerate(out.get_ports()) if "stembridge:in" in name][0]
out.open_port(port, "out")
time.sleep(0.3)
print("ready", flush=True)
for line in sys.stdin:
    out.send_message([int(word, 16) for word in line.split()])
os._exit(0)
"""


class Controller:
    """A MIDI controller in a process of its own, plugged in when this returns."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CONTROLLER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        with self._process.stdout as said:
            assert said.readline() == b"ready\n"

    def send(self, *messages: str) -> None:
        assert self._process.stdin is not None
        for message in messages:
            self._process.stdin.write(message.encode() + b"\n")
        self._process.stdin.flush()

    def __enter__(self) -> Controller:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        finally:  # a client left behind would disturb the servers of later tests
            self._process.kill()
            self._process.wait()


class Ears(list[Call]):
    """Everything the bridge reports."""

    def last(self, name: str, **values: Any) -> dict[str, Any] | None:
        for call in reversed(self):
            if call.row.address == f"/stembridge/{name}" and values.items() <= call.args.items():
                return call.args
        return None


@asynccontextmanager
async def bridged(folder: Path, **daemon: Any) -> AsyncIterator[tuple[AsyncClient, Ears, Bridge]]:
    mapping = folder / "midi.toml"
    mapping.write_text(MAPPING)
    ears = Ears()
    async with (
        running(folder, apart=True, **daemon) as house,
        AsyncClient(
            port=house.port, client_id="ears", capabilities=":bridge:tempo:", on_message=ears.append
        ) as client,
    ):
        bridge = Bridge(BridgeConfig(port=house.port, family=FamilyConfig(mapping=mapping)))
        task = asyncio.create_task(bridge.run())
        try:
            for part in ("midi", "audio"):
                await until(lambda p=part: ears.last("bridge/state", part=p, state="ready"))
            await until(lambda: house.executor.state == "ready", 90.0)
            yield client, ears, bridge
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def test_pad_to_take_to_ears_and_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pad and four chords make a take; it is auditioned; captured over a cable it is in place."""

    async def story() -> None:
        async with bridged(tmp_path) as (client, ears, bridge):
            with await asyncio.to_thread(Controller) as controller:
                for keys in (("39", "3c", "40"), ("35", "39", "3c")):
                    controller.send(*(f"90 {key} 60" for key in keys))
                    await asyncio.sleep(0.5)
                    controller.send(*(f"80 {key} 00" for key in keys))
                await until(lambda: ears.last("midi/chords", progression="Am F"))
                controller.send("99 24 7f", "89 24 00")
                await until(lambda: bool(bridge.session.takes))
                take = bridge.session.current()
                # One bar was asked for: the latest chord is the one that fits.
                assert [span.symbol for span in take.request.chords] == ["F"]
                assert take.request.bpm == 120
                for side in (0, 1):
                    server.connect(f"PortAudio:out_{side}", f"PortAudio:in_{side}")
                client.send("latency/measure")
                await until(lambda: ears.last("latency/measured"))
                measured = ears.last("latency/measured")
                assert measured is not None
                assert measured["clarity"] > 0.9
                controller.send("99 25 7f")
                await until(lambda: ears.last("preview/state", state="playing"))
                for attempt in range(ATTEMPTS):
                    client.send("capture/start", f"c{attempt}", "guitar", 1.0, 120.0, 0)
                    told = {"capture_id": f"c{attempt}"}
                    await until(lambda told=told: ears.last("capture/done", **told))
                    captured = ears.last("capture/done", **told)
                    assert captured is not None
                    assert captured["frames"] == 2 * RATE
                    assert bridge.session.context["guitar"] == captured["path"]
                    unlike = unlike_the_loop(take.files[0][1], captured["path"])
                    if unlike < 0.02:
                        break
                assert unlike < 0.02
                client.send("preview/stop", take.request_id)
                await until(lambda: ears.last("preview/state", state="ended"))

    with jack_server(monkeypatch) as server:
        asyncio.run(story())


def unlike_the_loop(path: str, captured: str) -> float:
    """Share of a capture, as an amplitude, that is not the looped file from somewhere on."""
    made, _ = soundfile.read(path, dtype="float64")
    heard, _ = soundfile.read(captured, dtype="float64")
    assert np.abs(heard).max() > 0.01
    # Circular correlation: the loop has no beginning.
    spectrum = np.fft.rfft(made) * np.conj(np.fft.rfft(heard))
    correlation = np.fft.irfft(spectrum, len(made))
    at = int(np.argmax(np.abs(correlation)))
    rolled = np.roll(made, -at)
    gain = float(heard @ rolled / (rolled @ rolled))
    rest = heard - gain * rolled
    return float(np.sqrt(np.mean(rest**2) / np.mean(heard**2)))


@pytest.mark.slow
@pytest.mark.weights
def test_a_pad_plays_the_default_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a note on a MIDI port to a finished bass of the real model."""
    if not (paths.pretrained_dir() / "manifest.json").is_file():
        pytest.skip(reason="the default model is not built yet (README, training)")

    async def story() -> None:
        async with bridged(tmp_path, model=None, warm_up=False) as (_, ears, bridge):
            with await asyncio.to_thread(Controller) as controller:
                controller.send("90 39 60", "90 3c 60", "90 40 60")
                await until(lambda: ears.last("midi/chords", progression="Am"))
                controller.send("99 24 7f")
                await until(lambda: bool(bridge.session.takes), 90.0)
                take = bridge.session.current()
                audio, rate = soundfile.read(take.files[0][1])
                assert (len(audio), rate) == (2 * RATE, RATE)
                assert np.abs(audio).max() > 0.01

    with jack_server(monkeypatch):
        asyncio.run(story())


@pytest.mark.slow
def test_device_loss_twenty_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is killed; pings are answered throughout; both children come back with it."""

    async def story() -> None:
        pings = 0
        async with bridged(tmp_path) as (client, ears, _):
            for _round in range(20):
                ears.clear()
                await asyncio.to_thread(server.kill)
                async with asyncio.timeout(60):
                    while not (
                        ears.last("bridge/error", about="audio", symbol="DEVICE_LOST")
                        and ears.last("bridge/error", about="midi", symbol="DEVICE_LOST")
                    ):
                        await client.ping()
                        pings += 1
                        await asyncio.sleep(0.02)
                await asyncio.sleep(OUTAGE_S)
                await asyncio.to_thread(server.start)
                for part in ("midi", "audio"):
                    await until(lambda p=part: ears.last("bridge/state", part=p, state="ready"))
        assert pings > 0

    with jack_server(monkeypatch) as server:
        asyncio.run(story())
