"""Notes on recordings that are known exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stembridge.parts import Note, Part
from stembridge.players import play, shipped, touched
from stembridge.players.voice import voice
from stembridge.players.zone import Envelope, Instrument, Recording, Zone

RATE = 44100


def tone(hz: float = 441.0, seconds: float = 1.0, rate: int = RATE) -> Recording:
    samples = np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)
    return Recording("tone", lambda: (samples[None].astype(np.float32), rate))


def zone(**changes: object) -> Zone:
    told: dict[str, object] = {"recording": tone(), "root": 69, "envelope": Envelope(release_s=0.1)}
    return Zone(**(told | changes))  # type: ignore[arg-type]


def frequency(sound: np.ndarray, rate: int = RATE) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 8 * len(sound)))
    return float(np.argmax(spectrum) * rate / (8 * len(sound)))


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
@pytest.mark.parametrize(("pitch", "hz"), [(69, 441.0), (81, 882.0), (62, 294.33)])
def test_the_pitch_is_right_at_every_rate(rate: int, pitch: int, hz: float) -> None:
    sound = voice(zone(), pitch, 127, 0.4, rate)
    assert frequency(sound[0][: rate // 3], rate) == pytest.approx(hz, abs=1.0)


def test_a_loop_sounds_as_long_as_the_key_is_down() -> None:
    looped = zone(loop=(4400, 8800))  # whole periods
    sound = voice(looped, 69, 127, 3.0, RATE)
    assert sound.shape[1] > 3 * RATE
    level = np.sqrt(np.mean(sound[0][2 * RATE : 3 * RATE] ** 2))
    assert level == pytest.approx(0.5, abs=0.01)  # a sine in the middle: 1/sqrt(2) twice
    assert np.abs(np.diff(sound[0])).max() < 0.07  # no click where it repeats


def test_the_key_let_go_falls_silent_and_velocity_is_level() -> None:
    sound = voice(zone(), 69, 127, 0.3, RATE)
    assert np.abs(sound[:, : int(0.29 * RATE)]).max() > 0.7 * np.abs(sound).max()
    assert sound.shape[1] < 0.45 * RATE
    quiet = voice(zone(), 69, 64, 0.3, RATE)
    assert np.abs(quiet).max() == pytest.approx(np.abs(sound).max() * (64 / 127) ** 2, rel=1e-3)


def test_pan_velocity_ranges_and_turns() -> None:
    left = voice(zone(pan=-1.0), 69, 127, 0.1, RATE)
    assert np.abs(left[1]).max() < 1e-6 < np.abs(left[0]).max()
    soft, loud = zone(velocities=(1, 63)), zone(velocities=(64, 127))
    first, second = zone(velocities=(1, 127), turn=(0, 2)), zone(turn=(1, 2))
    instrument = Instrument("two layers", (soft, loud, first, second))
    assert instrument.answering(69, 63, 0) == [soft, first]
    assert instrument.answering(69, 64, 1) == [loud, second]


def click_instrument() -> Instrument:
    samples = np.zeros((1, 2000), np.float32)
    samples[0, 0] = 1.0
    click = Recording("click", lambda: (samples, RATE))
    return Instrument("click", (Zone(click, key_cents=0.0, one_shot=True, pan=-1.0),))


def test_every_note_starts_on_its_sample() -> None:
    starts = (0.0, 0.25, 1.0 / 3, 2.7182818)
    part = Part("drums", tuple(Note(s, 0.1, 60, 127) for s in starts), 4.0)
    for bpm, rate in ((120.0, 44100), (87.3, 48000), (173.9, 96000)):
        sound = play(part, click_instrument(), bpm, rate)
        assert sound.shape == (2, round(4 * 60 / bpm * rate))
        expected = [int(s * 60 / bpm * rate + 0.5) for s in starts]
        found = np.flatnonzero(np.abs(sound[0]) > 0.5)
        assert set(expected) <= set(found.tolist())


def test_what_a_file_keeps_of_a_part_sounds_the_same_to_the_sample() -> None:
    thirds = [Note(k / 3 + 1e-7, 1 / 7 + k / 900, 55 + k, 90) for k in range(11)]
    part = Part("piano", tuple(thirds), 4.0)
    kept = Part.from_mapping(part.to_mapping())
    assert kept != part
    ours, theirs = (play(one, shipped("piano", None), 97.3, RATE) for one in (part, kept))
    assert np.array_equal(ours, theirs)


def test_what_rings_after_the_end_begins_the_loop() -> None:
    instrument = Instrument("tone", (zone(),))
    part = Part("bass", (Note(3.5, 0.5, 69, 127),), 4.0)
    cut, looped = (play(part, instrument, 120.0, RATE, loop=loop) for loop in (False, True))
    assert cut.shape == looped.shape
    assert not np.any(cut[:, :1000])
    assert np.any(looped[:, :1000])
    np.testing.assert_array_equal(cut[:, -1000:], looped[:, -1000:])
    seam = np.concatenate([looped[0, -50:], looped[0, :50]])
    assert np.abs(np.diff(seam)).max() < 0.07


TURN = {
    "bass": (Note(0.5, 0.5, 33, 90), Note(2.0, 0.5, 40, 110), Note(3.0, 2.5, 36, 100)),
    "drums": (Note(0.0, 0.1, 42, 80), Note(1.0, 0.1, 36, 110), Note(3.5, 0.1, 46, 120)),
    "guitar": (Note(0.0, 0.5, 52, 90), Note(3.0, 1.5, 55, 100), Note(3.75, 0.25, 59, 80)),
    "piano": (Note(1.0, 1.0, 60, 90), Note(2.5, 2.0, 64, 100), Note(3.9, 0.6, 67, 80)),
}
"""Four beats each: notes that are held, ring and are cut beyond the end."""


@pytest.mark.parametrize("stem", TURN)
def test_a_loop_is_a_turn_of_the_same_played_on_and_on(stem: str) -> None:
    notes = TURN[stem]
    turns = [replace(n, start_beats=n.start_beats + 4 * k) for k in range(4) for n in notes]
    instrument, rate = shipped(stem, None), 22_050
    loop = play(Part(stem, notes, 4.0), instrument, 120.0, rate, loop=True)
    on = play(Part(stem, tuple(turns), 16.0), instrument, 120.0, rate)
    n = 2 * rate
    for one, other in (
        (loop, on),
        (touched(loop, stem, rate, loop=True), touched(on, stem, rate)),
    ):
        rest = one - other[:, 2 * n : 3 * n]
        assert np.sqrt(np.mean(rest**2)) < 1e-3 * np.sqrt(np.mean(one**2))


def test_the_room_of_a_loop_shorter_than_it_goes_round_more_than_once() -> None:
    short = np.zeros((2, 2000), np.float32)
    short[:, 0] = 1.0
    on = touched(np.tile(short, (1, 40)), "piano", RATE)[:, 30 * 2000 : 31 * 2000]
    np.testing.assert_allclose(touched(short, "piano", RATE, loop=True), on, atol=2e-4)


def test_a_closed_hat_cuts_the_open_one() -> None:
    opened = zone(keys=(46, 46), key_cents=0.0, one_shot=True, group=1, off_by=1)
    closed = zone(keys=(42, 42), key_cents=0.0, one_shot=True, group=1, off_by=1, gain_db=-90.0)
    part = Part("drums", (Note(0.0, 0.1, 46, 127), Note(0.5, 0.1, 42, 127)), 4.0)
    sound = play(part, Instrument("hats", (opened, closed)), 120.0, RATE)
    assert np.abs(sound[:, : RATE // 4]).max() > 0.5
    assert np.abs(sound[:, int(0.28 * RATE) :]).max() < 1e-3


@pytest.mark.parametrize("stem", ["bass", "drums", "guitar", "piano"])
def test_the_touch_is_stereo_and_loses_nothing_in_mono(stem: str) -> None:
    pitch = {"bass": 40, "drums": 38}.get(stem, 60)
    part = Part(stem, tuple(Note(b, 0.8, pitch, 100) for b in range(4)), 4.0)
    dry = play(part, shipped(stem, None), 120.0, RATE)
    wet = touched(dry, stem, RATE)
    assert wet.shape == dry.shape
    assert np.isfinite(wet).all()
    side, middle = (np.sqrt(np.mean((wet[0] + sign * wet[1]) ** 2)) for sign in (-1, 1))
    assert 0 < side < 0.6 * middle
    level = np.sqrt(np.mean(wet.mean(0) ** 2)) / np.sqrt(np.mean(dry.mean(0) ** 2))
    assert 0.7 < level < 1.4
    np.testing.assert_array_equal(wet, touched(dry, stem, RATE))


def test_silence_stays_silence() -> None:
    empty = play(Part("piano", (), 4.0), shipped("piano", "grand"), 120.0, RATE)
    assert empty.shape == (2, 2 * RATE)
    assert not touched(empty, "piano", RATE).any()


def test_a_recording_is_brought_to_a_pitch_once_for_all_notes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from stembridge.players import voice as module

    lengths = []
    original = module._interpolated

    def counted(samples, zone, step, n, n_held):
        lengths.append(n)
        return original(samples, zone, step, n, n_held)

    monkeypatch.setattr(module, "_interpolated", counted)
    notes = tuple(Note(2.0 * i, 0.2 * (i + 1), 69, 100) for i in range(4))
    together = play(Part("piano", notes, 8.0), Instrument("tone", (zone(),)), 120.0, RATE)
    assert len(lengths) == 1
    alone = [
        play(Part("piano", (note,), 8.0), Instrument("tone", (zone(),)), 120.0, RATE)
        for note in notes
    ]
    np.testing.assert_array_equal(together, np.sum(alone, axis=0))
    assert len(lengths) == 5 and max(lengths) == lengths[0]
