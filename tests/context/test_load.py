"""Where clips land: a click at a known place in a file must sound at a known beat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.loudness import integrated_loudness
from stembridge.context import Context, load_context
from stembridge.errors import BadArgsError, CancelledError, PathDeniedError
from stembridge.request import parse_request
from stembridge.testing import fake_manifest

MANIFEST = fake_manifest()
RATE = MANIFEST.sample_rate
BPM = 120.0


def clicks(path: Path, times_s: list[float], length_s: float, rate: int = 48000) -> str:
    """A file with a smooth 2 ms pulse centred on each time."""
    t = np.arange(int(length_s * rate)) / rate
    sound = sum(np.exp(-(((t - at) / 0.001) ** 2)) for at in times_s) * 0.5 + 0 * t
    soundfile.write(path, sound, rate, subtype="FLOAT")
    return str(path)


def load(*clips: dict[str, Any], bars: float = 2, **more: Any) -> Context:
    request = parse_request(
        {"generate": "bass", "clips": list(clips), "bpm": BPM, "bars": bars, **more}
    )
    return load_context(request, MANIFEST, AllowedRoots.anywhere())


def pulses_s(context: Context, stem: str = "drums") -> list[float]:
    """Times of the pulses in a stem's context."""
    sound = context.samples[MANIFEST.stem_index(stem)]
    if not sound.any():
        return []
    high = (sound > 0.4 * sound.max()).astype(int)
    starts, stops = np.nonzero(np.diff(high, prepend=0) > 0)[0], np.nonzero(np.diff(high) < 0)[0]
    return [(a + b) / 2 / RATE for a, b in zip(starts, [*stops, sound.size], strict=False)]


def drums(path: str, **geometry: Any) -> dict[str, Any]:
    return {"stem": "drums", "path": path, **geometry}


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        ({}, [0.5, 1.0, 3.0]),
        ({"timeline_start_beats": 1}, [1.0, 1.5, 3.5]),
        ({"timeline_start_beats": -1}, [0.0 + 0.5, 2.5]),
        ({"file_start_s": 0.75}, [0.25, 2.25]),
        ({"file_start_s": 0.75, "timeline_start_beats": 4}, [2.25]),
        ({"length_beats": 3}, [0.5, 1.0]),
        ({"timeline_start_beats": -2, "length_beats": 5}, []),
        ({"timeline_start_beats": 20}, []),
        ({"timeline_start_beats": -40}, []),
        ({"timeline_start_beats": -20, "length_beats": 4}, []),
    ],
)
def test_a_clip_sounds_where_it_lies(
    tmp_path: Path, geometry: dict[str, Any], expected: list[float]
) -> None:
    path = clicks(tmp_path / "a.wav", [0.5, 1.0, 3.0], 3.5)
    if geometry.get("timeline_start_beats") == -1:
        expected = [0.5, 2.5]  # the pulse at 0.5 s of the file lies on the request's first sample
    found = [t for t in pulses_s(load(drums(path, **geometry))) if t > 0.01]
    assert found == pytest.approx([t for t in expected if t > 0.01], abs=1.5 / RATE)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 192_000])
def test_any_rate_lands_on_the_same_beat(tmp_path: Path, rate: int) -> None:
    path = clicks(tmp_path / "a.wav", [0.5, 1.0, 3.0], 3.5, rate)
    assert pulses_s(load(drums(path))) == pytest.approx([0.5, 1.0, 3.0], abs=1.5 / RATE)


def test_stereo_is_mixed_and_clips_of_a_stem_add_up(tmp_path: Path) -> None:
    path = clicks(tmp_path / "a.wav", [0.5], 1.0)
    mono, rate = soundfile.read(path)
    soundfile.write(tmp_path / "b.wav", np.stack([mono, 0 * mono], 1), rate, subtype="FLOAT")
    stereo = drums(str(tmp_path / "b.wav"), timeline_start_beats=2)
    context = load(drums(path), stereo, drums(path, gain=0.25, timeline_start_beats=4))
    assert pulses_s(load(drums(path), stereo)) == pytest.approx([0.5, 1.5], abs=1.5 / RATE)
    row = context.samples[MANIFEST.stem_index("drums")]
    heights = [row[int(at * RATE) - 50 : int(at * RATE) + 50].max() for at in (0.5, 1.5, 2.5)]
    assert heights[1] / heights[0] == pytest.approx(1.0, rel=0.01)  # one side only is no quieter
    assert heights[2] / heights[0] == pytest.approx(0.25, rel=0.01)


def test_a_loop_comes_round_on_the_beat_for_ever(tmp_path: Path) -> None:
    # A loop of one beat at 87.3 bpm is 15154.6 samples long: repeats must not drift.
    beat_s = 60 / 87.3
    path = clicks(tmp_path / "a.wav", [0.1, 0.1 + beat_s / 2], 2.0)
    clip = drums(path, loop=True, loop_end_s=beat_s)
    request = parse_request({"generate": "bass", "clips": [clip], "bpm": "87.3", "bars": 16})
    found = pulses_s(load_context(request, MANIFEST, AllowedRoots.anywhere()))
    expected = [0.1 + k * beat_s / 2 for k in range(128)]
    assert found == pytest.approx(expected, abs=1.5 / RATE)


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        # Plays from 0 s to the loop's end, then 1.0 to 1.5 s again and again, as Live does.
        ({"loop_start_s": 1.0, "loop_end_s": 1.5}, [0.25, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75]),
        ({"file_start_s": 1.0, "loop_start_s": 1.0, "loop_end_s": 1.5}, [0.25, 0.75, 1.25, 1.75,
            2.25, 2.75, 3.25, 3.75]),
        ({"file_start_s": 1.25 - 1e-3, "loop_end_s": 1.5}, [0.001, 0.501, 1.501, 2.001,
            3.001, 3.501]),
        # A start behind the loop never enters it.
        ({"file_start_s": 1.6, "loop_end_s": 1.5}, [0.15]),
        # The whole file, its end clamped.
        ({"loop_end_s": 99.0}, [0.25, 1.25, 1.75, 2.25, 3.25, 3.75]),
    ],
)  # fmt: skip
def test_loops_play_as_in_live(
    tmp_path: Path, geometry: dict[str, Any], expected: list[float]
) -> None:
    path = clicks(tmp_path / "a.wav", [0.25, 1.25, 1.75], 2.0)
    assert pulses_s(load(drums(path, loop=True, **geometry))) == pytest.approx(
        expected, abs=3 / RATE
    )


def test_a_loop_that_starts_in_the_middle_of_the_window(tmp_path: Path) -> None:
    path = clicks(tmp_path / "a.wav", [0.25], 0.5)
    context = load(drums(path, loop=True, timeline_start_beats=-0.75, length_beats=4.25))
    assert pulses_s(context) == pytest.approx([k / 2 - 0.125 for k in range(1, 4)], abs=2 / RATE)


@pytest.mark.parametrize(("source_bpm", "speed"), [(100.0, 1.2), (140.0, 120 / 140)])
def test_another_tempo_is_stretched_to_the_requests(
    tmp_path: Path, source_bpm: float, speed: float
) -> None:
    times = [60 / source_bpm * k for k in range(1, 6)]
    path = clicks(tmp_path / "a.wav", times, 60 / source_bpm * 7)
    context = load(drums(path, source_bpm=source_bpm))
    found = pulses_s(context)
    assert [min(abs(f - t / speed) for f in found) for t in times] == pytest.approx(
        [0] * 5, abs=0.004
    )
    offset = load(drums(path, source_bpm=source_bpm, file_start_s=60 / source_bpm * 1.5))
    assert min(abs(f - 0.25) for f in pulses_s(offset)) < 0.004  # half a beat at 120 bpm


def test_all_context_gets_one_gain_to_the_models_level(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, level in (("a", 0.02), ("b", 0.005)):
        noise = (level * rng.standard_normal(4 * 44100)).astype(np.float32)
        soundfile.write(tmp_path / f"{name}.wav", noise, 44100, subtype="FLOAT")
    clips = [drums(str(tmp_path / "a.wav")), {"stem": "piano", "path": str(tmp_path / "b.wav")}]
    context = load(*clips)
    assert context.given == (False, True, False, True)
    mixture = context.samples.sum(axis=0)
    assert integrated_loudness(mixture, RATE) == pytest.approx(-18.0, abs=0.05)
    assert context.loudness_lufs is not None
    assert context.loudness_lufs == pytest.approx(-18 - 20 * np.log10(context.gain), abs=0.05)
    ratio = context.samples[1].std() / context.samples[3].std()
    assert ratio == pytest.approx(4.0, rel=0.05)  # the balance between the stems stays
    quiet = fake_manifest(nominal_lufs=-24.0)
    request = parse_request({"generate": "bass", "clips": clips, "bpm": 120, "bars": 2})
    other = load_context(request, quiet, AllowedRoots.anywhere())
    assert 20 * np.log10(context.gain / other.gain) == pytest.approx(6.0, abs=0.01)


def test_few_stems_are_brought_to_the_level_of_few_stems(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = (0.02 * rng.standard_normal(4 * 44100)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", noise, 44100, subtype="FLOAT")
    levels = {"bass": -26.0, "drums": -24.0, "guitar": -28.0, "piano": -27.0}
    manifest = fake_manifest(nominal_lufs=-20.0, nominal_stem_lufs=levels)
    clips = [drums(str(tmp_path / "a.wav")), {"stem": "piano", "path": str(tmp_path / "a.wav")}]

    def loudness(*chosen: dict[str, object]) -> float | None:
        request = parse_request({"generate": "bass", "clips": chosen, "bpm": 120, "bars": 2})
        context = load_context(request, manifest, AllowedRoots.anywhere())
        return integrated_loudness(context.samples.sum(axis=0), RATE)

    assert loudness(clips[0]) == pytest.approx(-24.0, abs=0.05)
    assert loudness(*clips) == pytest.approx(-22.24, abs=0.05)  # -24 and -27 dB added as powers


def test_silent_context_is_given_all_the_same_and_told(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(44100), 44100)
    context = load(drums(str(tmp_path / "a.wav")))
    assert context.given[1] and context.silent == ("drums",)
    assert context.gain == 1.0 and context.loudness_lufs is None


def test_no_context_is_silence_that_is_not_given() -> None:
    context = load()
    assert not any(context.given) and context.gain == 1.0 and context.silent == ()
    assert context.samples.shape == (4, 2 * 2 * RATE)


def test_a_nearly_silent_context_is_not_blown_up(tmp_path: Path) -> None:
    noise = 5e-4 * np.random.default_rng(0).standard_normal(4 * 44100)
    soundfile.write(tmp_path / "a.wav", noise, 44100, subtype="FLOAT")
    context = load(drums(str(tmp_path / "a.wav")))
    assert context.gain == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("geometry", "word"),
    [
        ({"file_start_s": 5.0}, "lasts only"),
        ({"loop": True, "loop_start_s": 1.0}, "loop .* is empty"),
        ({"source_bpm": 500}, "at most 4 times"),
    ],
)
def test_geometry_that_does_not_fit_the_file_is_refused(
    tmp_path: Path, geometry: dict[str, Any], word: str
) -> None:
    path = clicks(tmp_path / "a.wav", [0.5], 1.0)
    with pytest.raises(BadArgsError, match=word):
        load(drums(path, **geometry))


def test_stems_the_model_lacks_and_paths_outside_are_refused(tmp_path: Path) -> None:
    path = clicks(tmp_path / "a.wav", [0.5], 1.0)
    request = parse_request({"generate": "bass", "context.drums": path, "bpm": 120, "bars": 1})
    with pytest.raises(BadArgsError, match="but not drums"):
        load_context(request, fake_manifest(stems=("bass",)), AllowedRoots.anywhere())
    with pytest.raises(PathDeniedError):
        load_context(request, MANIFEST, AllowedRoots.of([tmp_path / "other"]))


def test_reading_can_be_cancelled_between_clips(tmp_path: Path) -> None:
    path = clicks(tmp_path / "a.wav", [0.5], 1.0)
    request = parse_request({"generate": "bass", "context.drums": path, "bpm": 120, "bars": 1})

    def cancel() -> None:
        raise CancelledError("stop")

    with pytest.raises(CancelledError):
        load_context(request, MANIFEST, AllowedRoots.anywhere(), cancel)


def test_a_whole_file_that_goes_round_starts_in_any_of_its_turns(tmp_path: Path) -> None:
    path = clicks(tmp_path / "a.wav", [0.25], 1.0)
    first, third = (
        pulses_s(load(drums(path, loop=True, file_start_s=start_s))) for start_s in (0.5, 2.5)
    )
    assert first == pytest.approx([0.75, 1.75, 2.75, 3.75], abs=3 / RATE)
    assert third == first


WALTZ = [i for i in range(32) if i % 6 in (0, 2, 3, 4)]  # eighths


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({}, ["off_beat"]),
        ({"use_grid": False}, []),
        ({"start_beats": 3.8}, []),
        ({"bpm": 90}, ["tempo"]),
        ({"strokes": WALTZ, "start_beats": 3.8}, ["in_threes"]),
        ({"strokes": WALTZ}, ["off_beat", "in_threes"]),
        ({"strokes": WALTZ, "start_beats": 3.8, "time_signature": "3/4"}, []),
    ],
)
def test_beats_are_doubted_where_they_are_known(
    tmp_path: Path, more: dict[str, Any], codes: list[str]
) -> None:
    strokes = more.pop("strokes", range(32))
    late = clicks(tmp_path / "late.wav", [0.1 + i / 4 for i in strokes], 8.0)
    context = load(drums(late), **{"bars": 16 / 3 if "time_signature" in more else 4} | more)
    said = [remark.code for remark in context.remarks]
    assert [code for code in said if code in ("off_beat", "tempo", "in_threes")] == codes
