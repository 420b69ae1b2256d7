"""The audio child on a real JACK server whose output is wired to its input."""

from __future__ import annotations

import queue
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from jackd import RATE, jack_server

from stembridge.children.child import Child
from stembridge.children.messages import (
    Anchor,
    AudioReady,
    Capture,
    Captured,
    LatencyMeasured,
    MeasureLatency,
    OpenAudio,
    Play,
    PlayState,
)

pytestmark = pytest.mark.jack
BPM = 133.7
ATTEMPTS = 5
"""A busy machine loses blocks between JACK's clients; a broken player never gets one take right."""


def await_message(inbox: queue.Queue[Any], kind: type[Any], timeout_s: float = 20.0) -> Any:
    until = time.monotonic() + timeout_s
    while True:
        message = inbox.get(timeout=max(0.01, until - time.monotonic()))
        if isinstance(message, kind):
            return message


def lag_and_residual_db(heard: np.ndarray, played: np.ndarray) -> tuple[int, float]:
    """Circular lag of `heard` behind `played` in samples, and what differs after undoing it.

    10 ms at both ends are left out: a pass that begins a little off fades over the one before.
    """
    spectrum = np.fft.rfft(heard) * np.conj(np.fft.rfft(played))
    lag = int(np.argmax(np.fft.irfft(spectrum, len(played))))
    rest = (heard - np.roll(played, lag))[RATE // 100 : -RATE // 100]
    lag = lag if lag < len(played) // 2 else lag - len(played)
    return lag, 10 * float(np.log10(np.mean(rest**2) / np.mean(played**2) + 1e-20))


def test_audition_is_the_file_and_capture_lies_on_the_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEMBRIDGE_HOME", str(tmp_path / "home"))
    n = round(4 * 60 / BPM * RATE)
    loop = np.random.default_rng(0).uniform(-0.3, 0.3, n).astype(np.float32)
    soundfile.write(tmp_path / "take.wav", loop, RATE, subtype="PCM_24")
    inbox: queue.Queue[Any] = queue.Queue()
    opened = OpenAudio("", "", 0, 0, -1)
    with jack_server(monkeypatch) as server:
        child = Child("sound", "stembridge.audio_io", on_message=inbox.put, setup=lambda: (opened,))
        child.start()
        try:
            assert await_message(inbox, AudioReady).rate == RATE
            for side in (0, 1):
                server.connect(f"PortAudio:out_{side}", f"PortAudio:in_{side}")
            time.sleep(0.2)
            child.send(MeasureLatency())
            measured = await_message(inbox, LatencyMeasured)
            assert measured.clarity > 0.9
            # A session that has been running for a while, as Link or MIDI clock would tell it.
            begun_s = time.monotonic() - 3.0
            child.send(Anchor(begun_s, 0.0, BPM, True, "link"))
            take = ((str(tmp_path / "take.wav"), 1.0),)
            child.send(Play("take", take, match=False, bpm=BPM, length_beats=4.0))
            await_message(inbox, PlayState)
            for attempt in range(ATTEMPTS):
                path = str(tmp_path / f"captured{attempt}.wav")
                child.send(Capture(f"capture {attempt}", path, BPM, 4.0))
                captured = await_message(inbox, Captured)
                heard, rate = soundfile.read(captured.path, dtype="float32")
                assert (len(heard), rate) == (n, RATE)
                assert captured.start_beats % 4 == 0
                lag, residual_db = lag_and_residual_db(heard, loop)
                print(f"lag {lag}, residual {residual_db:.1f} dB, round trip {measured.frames}")
                if residual_db < -60.0 and abs(lag) <= RATE // 1000:
                    break
        finally:
            child.stop()
    assert abs(lag) <= RATE // 1000
    assert residual_db < -60.0
