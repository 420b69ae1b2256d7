"""Takes of an engine, with one that plays clicks wherever it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.audio.buffer import FloatArray
from stembridge.daemon.worker import Worker, WorkerSettings
from stembridge.engines import ENGINES, EngineFacts, SoundWish
from stembridge.errors import BadArgsError, CancelledError, StembridgeError
from stembridge.pipeline.events import Event
from stembridge.pipeline.rework import rework
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request, parse_rework
from stembridge.runtime.manifest import Manifest
from stembridge.testing import FakeModel, fake_manifest

RATE, HOP = 16_000, 320


def _manifest(longest_s: float) -> Manifest:
    frames = int(longest_s * RATE / HOP)
    return fake_manifest(
        name="Clicks", sample_rate=RATE, hop=HOP, window_frames=frames, overlap_frames=0,
        latent_channels=1, frame_multiple=1, licence="cc-by-nc-4.0 (of the weights)",
        nominal_lufs=-20.0, nominal_stem_lufs=dict.fromkeys(("bass", "drums"), -25.0),
    )  # fmt: skip


@dataclass
class Clicks:
    """Clicks on every eighth of 120 bpm, the first after `late_s`, on each channel."""

    facts: EngineFacts = ENGINES["musicgen_melody"]
    late_s: float = 0.0
    channels: int = 1
    longest_s: float = 30.0
    device: str = "cpu"
    wishes: list[SoundWish] = field(default_factory=list)

    @property
    def manifest(self) -> Manifest:
        return _manifest(self.longest_s)

    def sound(self, wish: SoundWish, on_share: Callable[[float], None]) -> FloatArray:
        on_share(0.0)
        self.wishes.append(wish)
        n = int(wish.seconds * RATE) + 1
        click = np.sin(np.arange(800) * 0.3) * np.exp(-np.arange(800) / 120)
        audio = np.random.default_rng(wish.seed).standard_normal((self.channels, n)) * 1e-5
        for at in np.arange(self.late_s, wish.seconds - 0.06, 0.25):
            first = round(at * RATE)
            audio[:, first : first + 800] += click * (1 + np.arange(self.channels)[:, None]) / 2
        return audio.astype(np.float32)


def _request(**more: Any) -> Any:
    asked = {"generate": ["bass"], "bpm": 120, "bars": 2, "seed": 3, "session_rate": 48_000}
    return parse_request(asked | more)


def _read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def test_a_sound_is_cut_to_the_bar_resampled_levelled_judged_and_receipted(tmp_path: Path) -> None:
    (stem,) = arrange(_request(prompt="dark funk"), Clicks(late_s=0.11), tmp_path)
    audio = _read(stem.path)
    assert audio.shape == (1, 4 * 48_000)
    assert stem.verdict.on_grid_share == 1.0  # it began 110 ms late
    assert abs(stem.verdict.onset_offset_ms or 99) < 5
    assert stem.verdict.loudness_lufs == pytest.approx(-18, abs=0.5) or (
        stem.verdict.peak_dbfs == pytest.approx(-1, abs=0.1)
    )
    codes = {remark.code for remark in stem.verdict.remarks}
    assert {"engine_told", "engine_cut", "engine_deaf", "engine_licence"} <= codes
    receipt = json.loads((stem.path.parent / "receipt.json").read_text())
    assert receipt["engine"]["told"] == {"bass": "solo bass, dark funk, 120 bpm, 4/4"}
    assert receipt["engine"]["heard"] == "nothing"
    assert receipt["sampling"]["guidance"] == 3.0
    assert receipt["model"]["licence"] == "cc-by-nc-4.0 (of the weights)"
    assert (stem.path.parent / "take.html").is_file()


def test_the_same_request_gives_the_same_bytes_and_every_stem_its_own_noise(tmp_path: Path) -> None:
    engine = Clicks()
    asked = _request(generate=["bass", "drums"], variations=2)
    first = arrange(asked, engine, tmp_path / "a")
    again = arrange(asked, Clicks(), tmp_path / "b")
    assert [s.sha256 for s in first] == [s.sha256 for s in again]
    assert len({wish.seed for wish in engine.wishes}) == 4
    assert [s.variation for s in first] == [0, 0, 1, 1]


def test_stereo_stays_stereo(tmp_path: Path) -> None:
    (stem,) = arrange(_request(), Clicks(channels=2), tmp_path)
    left, right = _read(stem.path)
    assert np.abs(right).max() == pytest.approx(2 * np.abs(left).max(), rel=0.02)


def test_the_melody_is_heard_of_what_has_a_pitch_and_of_what_was_made_before(
    tmp_path: Path,
) -> None:
    times = np.arange(4 * 44_100) / 44_100
    soundfile.write(tmp_path / "gtr.wav", 0.3 * np.sin(2 * np.pi * 220 * times), 44_100)
    given = [{"stem": "guitar", "path": str(tmp_path / "gtr.wav")}]
    engine = Clicks()
    (stem,) = arrange(_request(context=given), engine, tmp_path / "out")
    heard = engine.wishes[0].melody
    assert heard is not None
    assert heard.size == 4 * RATE
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) * RATE / heard.size == pytest.approx(220, abs=1)
    assert "engine_melody" in {remark.code for remark in stem.verdict.remarks}
    engine = Clicks()
    arrange(_request(generate=["bass", "drums", "piano"]), engine, tmp_path / "out")
    assert [wish.melody is None for wish in engine.wishes] == [True, False, False]
    deaf = Clicks(ENGINES["musicgen"])
    arrange(_request(context=given), deaf, tmp_path / "out")
    assert deaf.wishes[0].melody is None


def test_a_loop_goes_on_where_it_ends(tmp_path: Path) -> None:
    plain, loop = (
        _read(arrange(_request(loop=on), Clicks(), tmp_path)[0].path)[0] for on in (False, True)
    )
    assert loop.size == plain.size == 4 * 48_000
    # The click that falls on the end's other side begins the loop.
    assert np.abs(loop[:2400]).max() > 0.5 * np.abs(loop).max()


def test_of_some_the_best_is_kept(tmp_path: Path) -> None:
    engine = Clicks()
    (stem,) = arrange(_request(best=3), engine, tmp_path)
    assert len(engine.wishes) == 3
    assert "best_of" in {remark.code for remark in stem.verdict.remarks}
    assert stem.path.name.endswith("take1.wav")


def test_what_an_engine_has_no_use_for_is_said(tmp_path: Path) -> None:
    asked = _request(negative_prompt="drums", steps=9, snap=0.3, sampler="heun")
    (stem,) = arrange(asked, Clicks(), tmp_path)
    (said,) = [r for r in stem.verdict.remarks if r.code == "engine_idle"]
    assert said.data["what"] == "sampler, snap, steps, negative prompt"
    engine = Clicks(replace(ENGINES["AudioLDM2Pipeline"], trained_s=1.0))
    (stem,) = arrange(asked, engine, tmp_path)
    assert (engine.wishes[0].steps, engine.wishes[0].avoided) == (9, "drums")
    assert "engine_wanders" in {remark.code for remark in stem.verdict.remarks}
    (stem,) = arrange(_request(negative_prompt="drums", guidance=1), engine, tmp_path)
    (said,) = [r for r in stem.verdict.remarks if r.code == "engine_idle"]
    assert said.data["what"] == "negative prompt"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"bars": 32}, "at most 30 s in one piece"),
        ({"sound": "played"}, "writes no notes"),
        ({"instruments": {"bass": "x.sfz"}}, "An instrument is named"),
        ({"context": [{"stem": "mix", "path": "/nowhere.wav"}]}, "takes no mix apart"),
    ],
)
def test_what_an_engine_cannot_do_is_refused(
    tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadArgsError, match=said):
        arrange(_request(**more), Clicks(), tmp_path)


def test_a_whole_piece_has_no_beat_to_cut_off(tmp_path: Path) -> None:
    engine = Clicks(late_s=0.1, longest_s=4.0)
    (stem,) = arrange(_request(), engine, tmp_path)
    assert engine.wishes[0].seconds == 4.0
    assert "engine_cut" not in {remark.code for remark in stem.verdict.remarks}


def test_cancelling_stops_it(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if getattr(event, "stage", "") == "sample":
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        arrange(_request(), Clicks(), tmp_path, stop)


def test_what_its_libraries_raise_is_a_sentence(tmp_path: Path) -> None:
    class Broken(Clicks):
        def sound(self, wish: SoundWish, on_share: Callable[[float], None]) -> FloatArray:
            raise RuntimeError("index out of range in self\nmore")

    with pytest.raises(StembridgeError, match=r"could not make this sound \(RuntimeError: index"):
        arrange(_request(), Broken(), tmp_path)


def test_its_takes_cannot_be_worked_on(tmp_path: Path) -> None:
    (stem,) = arrange(_request(), Clicks(), tmp_path)
    wish = parse_rework({"parent": str(stem.path.parent), "like": 0.3})
    with pytest.raises(BadArgsError, match="cannot be worked on"):
        rework(wish, FakeModel(), tmp_path)


def test_a_daemon_with_an_engine_makes_takes_and_nothing_else(tmp_path: Path) -> None:
    settings = WorkerSettings("x", "cpu", None, None, True, (str(tmp_path),), "info")
    worker = Worker(settings, (), lambda line: None)
    with pytest.raises(BadArgsError, match="only makes takes"):
        worker._files(Clicks(), {"mix": "m.wav"}, tmp_path, lambda event: None)
