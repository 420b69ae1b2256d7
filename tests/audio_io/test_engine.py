"""Engine, recorder and latency in one: a device made of arrays and a cable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge.audio_io import latency
from stembridge.audio_io.captures import Captures, count_in
from stembridge.audio_io.engine import Engine, Latencies
from stembridge.audio_io.frame_clock import FrameClock
from stembridge.audio_io.recorder import PAST_S, Recorder
from stembridge.children.messages import Anchor, Capture, Captured, Failed
from stembridge.errors import NotNowError

RATE, BLOCK, CABLE = 48_000, 480, 1234


class Cable:
    """A device whose input is its output, `CABLE` samples later; time is the frame count."""

    def __init__(self, jitter_s: float = 0.0) -> None:
        self.engine = Engine(RATE, 2, 2, Latencies(400.0, float(CABLE)))
        self.played = np.zeros((CABLE, 2), np.float32)
        self._rng = np.random.default_rng(0)
        self._jitter_s = jitter_s

    @property
    def now_s(self) -> float:
        return 50.0 + self.engine.frame / RATE

    def run(self, n_blocks: int) -> None:
        for _ in range(n_blocks):
            out = np.full((BLOCK, 2), np.nan, np.float32)
            frame = self.engine.frame
            incoming = self.played[frame : frame + BLOCK]
            incoming = np.pad(incoming, ((0, BLOCK - len(incoming)), (0, 0)))
            late = self._rng.exponential(self._jitter_s) if self._jitter_s else 0.0
            self.engine.process(out, incoming, self.now_s + late)
            self.played = np.concatenate([self.played, out])

    @property
    def output(self) -> np.ndarray:
        return self.played[CABLE:]


def noise(n: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.3, 0.3, (n, 2)).astype(np.float32)


def test_nothing_but_numbers_reaches_the_device() -> None:
    cable = Cable()
    bad = noise(4800)
    bad[100], bad[200], bad[300], bad[400] = np.nan, np.inf, -np.inf, 7.0
    cable.engine.play("t", bad, loop=False, length=4800.0, session=None)
    cable.run(12)
    assert np.isfinite(cable.output).all()
    assert np.abs(cable.output).max() <= 1.0
    assert not cable.output[100].any()


def test_what_is_played_is_the_file() -> None:
    cable = Cable()
    samples = noise(4800)
    cable.run(3)
    cable.engine.play("t", samples, loop=True, length=4800.0, session=None)
    cable.run(30)
    out = cable.output[3 * BLOCK :]
    assert np.array_equal(out[:9600], np.tile(samples, (2, 1)))


def test_a_new_take_replaces_the_old_one() -> None:
    cable = Cable()
    cable.engine.play("a", noise(4800), loop=True, length=4800.0, session=None)
    cable.run(3)
    cable.engine.play("b", noise(4800), loop=True, length=4800.0, session=None)
    cable.run(3)
    assert [player.take_id for player in cable.engine.players] == ["b"]


@pytest.mark.parametrize("jitter_s", [0.0, 0.004])
def test_a_take_in_the_session_is_captured_back_in_place(tmp_path: Path, jitter_s: float) -> None:
    """Played on its bar lines and recorded from the next one, the loop comes back aligned."""
    cable = Cable(jitter_s)
    engine = cable.engine
    cable.run(70)
    loop = noise(round(2 * 60 / 133.7 * RATE))
    engine.follow(Anchor(cable.now_s - 0.3, 17.25, 133.7, True, "link"))
    cable.run(1)
    engine.play("t", loop, loop=True, length=float(len(loop)), session=(4.0, 2.0))
    cable.run(20)
    captures = Captures(engine)
    path = tmp_path / "c.wav"
    captures.begin(Capture("c", str(path), 133.7, 2.0, 2.0))
    done: list[Captured | Failed] = []
    while not done:
        cable.run(5)
        done += captures.turn()
    assert isinstance(done[0], Captured)
    assert done[0].start_beats % 2.0 == 0.0
    heard, _ = soundfile.read(path, dtype="float32")
    assert len(heard) == len(loop)
    inner = slice(RATE // 100, -RATE // 100)
    mono = loop.mean(axis=1)
    shifts = range(-48, 49)
    best = min(shifts, key=lambda s: float(np.sum((np.roll(mono, s)[inner] - heard[inner]) ** 2)))
    assert abs(best) <= (1 if not jitter_s else 48)  # 48 samples are 1 ms


def test_a_counted_in_capture_starts_on_beat_one(tmp_path: Path) -> None:
    cable = Cable()
    cable.run(5)
    captures = Captures(cable.engine)
    captures.begin(Capture("c", str(tmp_path / "c.wav"), 120.0, 4.0, 4.0, count_in_bars=1))
    begin = cable.engine.frame + RATE // 10
    # The musician plays a click exactly on the first beat after the count-in, as heard.
    beat_one = begin + 2 * RATE
    cable.engine.add("musician", np.ones((48, 2), np.float32), beat_one)
    done: list[Captured | Failed] = []
    while not done:
        cable.run(5)
        done += captures.turn()
    heard, _ = soundfile.read(tmp_path / "c.wav", dtype="float32")
    assert len(heard) == 2 * RATE
    assert int(np.argmax(heard > 0.5)) == 0
    assert not heard[60:].any()
    # The clicks themselves were before the cut.
    assert np.abs(cable.output[begin : begin + 100]).max() > 0.1


def test_one_capture_at_a_time_and_cancel(tmp_path: Path) -> None:
    cable = Cable()
    captures = Captures(cable.engine)
    captures.begin(Capture("a", str(tmp_path / "a.wav"), 120.0, 4.0))
    with pytest.raises(NotNowError):
        captures.begin(Capture("b", str(tmp_path / "b.wav"), 120.0, 4.0))
    captures.cancel("b")
    captures.cancel("a")
    cable.run(300)
    assert list(captures.turn()) == []
    assert not (tmp_path / "a.wav").exists()
    captures.begin(Capture("b", str(tmp_path / "b.wav"), 120.0, 4.0))


def test_a_stopped_transport_ends_a_capture_that_waits(tmp_path: Path) -> None:
    cable = Cable()
    cable.run(3)
    cable.engine.follow(Anchor(cable.now_s, 0.5, 60.0, True, "clock"))
    cable.run(1)
    captures = Captures(cable.engine)
    captures.begin(Capture("a", str(tmp_path / "a.wav"), 60.0, 4.0))
    cable.engine.follow(Anchor(cable.now_s, 1.0, 60.0, False, "clock"))
    cable.run(1)
    with pytest.raises(NotNowError):
        list(captures.turn())


def test_playing_stops_with_the_transport() -> None:
    cable = Cable()
    cable.run(3)
    cable.engine.follow(Anchor(cable.now_s, 0.0, 120.0, True, "clock"))
    cable.run(1)
    cable.engine.play("t", noise(48_000), loop=True, length=48_000.0, session=(0.0, 2.0))
    cable.run(5)
    assert cable.engine.players
    cable.engine.follow(Anchor(cable.now_s, 0.2, 120.0, False, "clock"))
    cable.run(2)
    assert not cable.engine.players


@pytest.mark.parametrize("delay", [0, 1, 777, 20_000])
def test_the_sweep_is_found(delay: int) -> None:
    probe = latency.sweep(RATE)
    recorded = 0.01 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    recorded[delay : delay + len(probe)] += 0.3 * probe
    at, clarity = latency.find(recorded, probe)
    assert at == pytest.approx(delay, abs=0.5)
    assert clarity > 0.9


def test_no_sweep_is_not_found() -> None:
    recorded = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert latency.find(recorded, latency.sweep(RATE))[1] < latency.CLEAR
    assert latency.find(np.zeros(RATE, np.float32), latency.sweep(RATE))[1] == 0.0


def test_a_recording_may_begin_in_the_past() -> None:
    recorder = Recorder(1000, 1)
    ramp = np.arange(9000, dtype=np.float32)[:, None]
    for at in range(0, 6000, 70):
        recorder.feed(ramp[at : at + 70], at)
    recorder.begin("c", 4000, 4000)
    for at in range(6020, 9000, 70):
        recorder.feed(ramp[at : at + 70], at)
    take = recorder.finished()
    assert take is not None
    assert np.array_equal(take.samples[:, 0], ramp[4000:8000, 0])
    assert recorder.finished() is None


def test_the_forgotten_past_is_silent() -> None:
    recorder = Recorder(100, 1)
    n = int(PAST_S * 100)
    for at in range(0, 2 * n, 10):
        recorder.feed(np.ones((10, 1), np.float32), at)
    recorder.begin("c", n - 20, n)
    take = recorder.finished()
    assert take is not None
    assert not take.samples[:20].any()
    assert take.samples[20:].all()


def test_late_callbacks_do_not_move_the_clock() -> None:
    clock = FrameClock(RATE)
    rng = np.random.default_rng(0)
    for n in range(200):
        late = 0.005 if rng.random() < 0.3 else 0.0
        clock.callback(n * 256, 100.0 + n * 256 / RATE + late)
    assert clock.time_at(0) == pytest.approx(100.0, abs=1e-4)
    assert clock.frame_at(101.0) == pytest.approx(RATE, abs=5)


def test_count_in_clicks_lie_on_the_beats() -> None:
    clicks = count_in(RATE, 90.0, 4, 4.0)
    assert len(clicks) == round(4 * 60 / 90 * RATE)
    for beat in range(4):
        at = round(beat * 60 / 90 * RATE)
        assert np.abs(clicks[at : at + 200]).max() > 0.2
        assert not clicks[max(0, at - 400) : at].any() or beat == 0
