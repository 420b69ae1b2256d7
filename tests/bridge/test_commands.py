"""The commands as a user types them: without any device, and on a JACK server."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from jackd import RATE, jack_server

COMMAND = [sys.executable, "-c", "from stembridge.cli import main; main()"]
PRESS = """
import os, threading, time, rtmidi
out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="controller")
until = time.monotonic() + 20
while not [name for name in out.get_ports() if "stembridge:in" in name]:
    assert time.monotonic() < until
    time.sleep(0.05)
out.open_port([n for n, name in enumerate(out.get_ports()) if "stembridge:in" in name][0], "out")
time.sleep(0.3)
for data in ([0xB0, 20, 10], [0x99, 41, 90], [0x89, 41, 0]):
    out.send_message(data)
time.sleep(0.5)
threading.Timer(2, os._exit, (0,)).start()  # rtmidi may wait for ever for its last message
out.delete()
os._exit(0)
"""


def stembridge(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=240)


@contextmanager
def pressing() -> Iterator[None]:
    """Somebody who presses a pad as soon as stembridge listens."""
    process = subprocess.Popen([sys.executable, "-c", PRESS])
    try:
        yield
        process.wait(20)
    finally:
        process.kill()
        process.wait()


def test_without_devices_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "no-such-server")
    found = json.loads(stembridge("ports", "--json").stdout)
    for part in ("midi", "audio"):
        missing = found[part].get("missing")
        assert missing is None or any(word in missing for word in ("install", "start", "Plug"))


def test_a_missing_file_is_said_before_a_device_is_opened(tmp_path: Path) -> None:
    ended = stembridge("play", str(tmp_path / "none.wav"))
    assert ended.returncode == 2
    assert "NO_SUCH_FILE" in ended.stderr


def test_an_unknown_action_lists_the_known_ones() -> None:
    ended = stembridge("midi", "learn", "explode")
    assert ended.returncode == 2
    assert "reroll" in ended.stderr


@pytest.mark.jack
def test_on_jack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEMBRIDGE_HOME", str(tmp_path / "home"))
    with jack_server(monkeypatch):
        found = json.loads(stembridge("ports", "--json").stdout)
        assert found["midi"]["api"] == "jack"
        assert found["audio"]["devices"][0]["rate"] == RATE

        with pressing():
            learned = stembridge("midi", "learn", "generate", "bass", "--api", "jack")
        assert learned.returncode == 0, learned.stderr
        pads = tomllib.loads((tmp_path / "home" / "midi.toml").read_text())["pad"]
        assert pads == [{"note": 41, "channel": 10, "action": "generate", "stem": "bass"}]

        with pressing():
            heard = stembridge("midi", "monitor", "--api", "jack", "--seconds", "4")
        assert "99 29 5A" in heard.stdout

        captured = stembridge("capture", str(tmp_path / "c.wav"), "--bars", "1", "--bpm", "240",
                              "--json")  # fmt: skip
        assert json.loads(captured.stdout)["frames"] == RATE
        assert soundfile.info(tmp_path / "c.wav").frames == RATE

        soundfile.write(tmp_path / "p.wav", 0.1 * np.ones(RATE // 4), RATE)
        played = stembridge("play", str(tmp_path / "p.wav"), "--no-loop")
        assert played.returncode == 0, played.stderr
