"""A mix from its file to the files of its stems."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.errors import (
    BadArgsError,
    BadAudioError,
    CancelledError,
    NoSuchFileError,
    StembridgeError,
)
from stembridge.pipeline.events import Event, StageProgress, StemReady
from stembridge.pipeline.separate import separate
from stembridge.pipeline.separated import mix_name
from stembridge.request.separation import (
    SEPARATION_FIELDS,
    SeparationRequest,
    parse_separation,
    separation_from_mapping,
    separation_to_mapping,
)
from stembridge.testing import FakeModel, hearing_manifest
from tests.helpers.mixes import BandModel, four_tones

RATE = 44_100


@pytest.fixture
def mix(tmp_path: Path) -> Path:
    path = tmp_path / "My song (final)!.wav"
    soundfile.write(path, four_tones(RATE, 2.0).sum(0).T, RATE, subtype="FLOAT")
    return path


def asked(mix: Path, **wishes: Any) -> SeparationRequest:
    return parse_separation({"mix": str(mix), "request_id": "job-1", **wishes})


def hearing() -> FakeModel:
    return FakeModel(hearing_manifest())


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float64", always_2d=True)[0].T


@pytest.mark.parametrize("wishes", [{}, {"stems": "piano,bass"}, {"sample_format": "float"}])
def test_files_add_up_to_the_mix_at_its_place(
    mix: Path, tmp_path: Path, wishes: dict[str, Any]
) -> None:
    files = separate(asked(mix, **wishes), hearing(), tmp_path / "out")
    wanted = ["bass", "piano"] if "stems" in wishes else ["bass", "drums", "guitar", "piano"]
    assert [file.stem for file in files] == [*wanted, "rest"]
    assert files[0].path.name == "My-song-final_bass.wav"
    assert files[0].path.parent.name.startswith("My-song-final_stems_")
    for file in files:
        info = soundfile.info(file.path)
        assert (info.samplerate, info.channels, info.frames) == (RATE, 2, 2 * RATE)
        assert info.subtype == ("FLOAT" if "sample_format" in wishes else "PCM_24")
        assert hashlib.sha256(file.path.read_bytes()).hexdigest() == file.sha256
    missing = sum(read(file.path) for file in files) - read(mix)
    assert np.abs(missing).max() <= len(files) * 2**-24 + 1e-7
    if "stems" in wishes:
        assert files[-1].verdict.share > 0.2  # drums and guitar


def test_the_receipt_says_how_and_gives_the_same_stems_again(mix: Path, tmp_path: Path) -> None:
    first = separate(asked(mix, seed=5), hearing(), tmp_path / "out")
    told = json.loads((first[0].path.parent / "receipt.json").read_text())
    assert told["method"] == "mask" and told["model"]["name"] == "fake"
    assert [stem["sha256"] for stem in told["stems"]] == [file.sha256 for file in first]
    request = parse_separation(told["separation"])
    assert request == asked(mix, seed=5)
    assert [f.sha256 for f in separate(request, hearing(), tmp_path / "b")] == [
        file.sha256 for file in first
    ]


def test_everything_one_can_ask_survives_the_journal() -> None:
    request = parse_separation({"mix": "/a.wav", "stems": "drums", "method": "dirac", "seed": "3",
                                "steps": "90", "sample_format": "float", "name": "x"})  # fmt: skip
    kept = json.loads(json.dumps(separation_to_mapping(request)))
    assert parse_separation(kept) == separation_from_mapping(kept) == request
    assert set(separation_to_mapping(request)) == set(SEPARATION_FIELDS)


@pytest.mark.parametrize(
    ("wishes", "word"),
    [
        ({"mix": ""}, "path of the mix"),
        ({"stems": "bass;drums"}, "stem"),
        ({"method": "magic"}, "method"),
        ({"volume": 3}, "volume"),
        ({"steps": 2}, "between 20"),
    ],
)
def test_what_cannot_be_meant_is_said(wishes: dict[str, Any], word: str) -> None:
    with pytest.raises(BadArgsError, match=word):
        parse_separation({"mix": "/a.wav"} | wishes)


def test_progress_rises_and_stems_are_told_when_they_are_there(mix: Path, tmp_path: Path) -> None:
    events: list[Event] = []

    def hear(event: Event) -> None:
        if isinstance(event, StemReady):
            assert event.stem.path.exists()
        events.append(event)

    separate(asked(mix), hearing(), tmp_path / "out", hear)
    fractions = [event.fraction for event in events if isinstance(event, StageProgress)]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert {"read", "encode", "sample", "decode"} <= {
        event.stage for event in events if isinstance(event, StageProgress)
    }
    assert sum(isinstance(event, StemReady) for event in events) == 5
    made = [e.fraction for e in events if isinstance(e, StageProgress) and e.stage == "decode"]
    assert made[0] < 0.3  # most of the time is still to come, and is told in small steps
    assert len({fraction for fraction in made if fraction < 0.95}) >= 5


@pytest.mark.parametrize("stage", ["read", "sample", "decode"])
def test_a_cancel_leaves_no_file(mix: Path, tmp_path: Path, stage: str) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, StageProgress) and event.stage == stage:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        separate(asked(mix), hearing(), tmp_path / "out", stop)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_sampling_that_did_not_settle_is_said(tmp_path: Path) -> None:
    class Wild(BandModel):
        def denoise(self, x: Any, sigma: Any, conditions: Any, tokens: Any = None) -> Any:
            return x * 1.5

    path = tmp_path / "mix.wav"
    soundfile.write(path, BandModel().draw(1, 2048).sum(0).T, 22_050, subtype="FLOAT")
    files = separate(asked(path, steps=20), Wild(), tmp_path / "out")
    assert "stem_runaway" in {remark.code for file in files for remark in file.verdict.remarks}


def sound(shape: str) -> np.ndarray:
    tones = four_tones(RATE, 1.0).sum(0)
    drums = four_tones(RATE, 4.0)[1]
    odd = four_tones(RATE, 0.9)[1, :1, :-1]
    return {
        "silent": np.zeros((2, RATE * 4)), "mono": np.concatenate([tones[:1]] * 4, 1),
        "clipped": np.clip(np.concatenate([tones] * 4, 1) * 40, -1, 1),
        "short": tones, "alone": drums, "over": np.concatenate([tones] * 4, 1) * 40, "odd": odd,
    }[shape]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("silent", {"mix_silent"}), ("mono", {"mix_mono"}), ("clipped", {"mix_clipped"}),
        ("short", {"mix_short"}), ("alone", set()), ("over", {"stem_over"}),
        ("odd", {"mix_mono", "mix_short"}),
    ],
)  # fmt: skip
def test_what_is_odd_about_a_mix_is_said(tmp_path: Path, shape: str, said: set[str]) -> None:
    path = tmp_path / "mix.wav"
    soundfile.write(path, sound(shape).T, RATE, subtype="FLOAT")
    files = separate(asked(path), hearing(), tmp_path / "out")
    found = {remark.code for file in files for remark in file.verdict.remarks}
    assert said <= found
    assert all(remark.words for file in files for remark in file.verdict.remarks)
    if shape == "silent":
        assert all(file.verdict.silent for file in files)
    if shape != "over":
        missing = sum(read(file.path) for file in files) - read(path)
        assert np.abs(missing).max() < 1e-6


def test_eight_channels_and_a_low_rate(tmp_path: Path) -> None:
    path = tmp_path / "eight.wav"
    eight = np.repeat(four_tones(16_000, 1.0).sum(0), 4, axis=0)
    soundfile.write(path, eight.T, 16_000, subtype="FLOAT")
    files = separate(asked(path, stems="drums"), hearing(), tmp_path / "out")
    assert soundfile.info(files[0].path).channels == 8
    assert np.abs(read(files[0].path) + read(files[1].path) - eight).max() < 1e-6
    assert "mix_low_rate" in {remark.code for remark in files[0].verdict.remarks}


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda path: None, NoSuchFileError),
        (lambda path: path.write_bytes(b""), BadAudioError),
        (lambda path: path.write_bytes(b"no sound at all" * 100), BadAudioError),
        (lambda path: path.mkdir(), NoSuchFileError),
    ],
)
def test_a_file_that_is_no_mix_is_named(
    tmp_path: Path, make: Any, error: type[StembridgeError]
) -> None:
    path = tmp_path / "thing.wav"
    make(path)
    with pytest.raises(error, match=r"thing\.wav"):
        separate(asked(path), hearing(), tmp_path / "out")


def test_unknown_stems_and_models_that_cannot_are_refused(mix: Path, tmp_path: Path) -> None:
    with pytest.raises(BadArgsError, match="vocals"):
        separate(asked(mix, stems="vocals"), hearing(), tmp_path / "out")
    with pytest.raises(BadArgsError, match="cannot take a mix apart"):
        separate(asked(mix), FakeModel(), tmp_path / "out")


@pytest.mark.parametrize(("name", "shown"), [("Ärger.wav", "rger"), ("....wav", "mix"),
                                            ("a" * 200 + ".mp3", "a" * 48)])  # fmt: skip
def test_files_have_names_that_every_system_takes(name: str, shown: str) -> None:
    assert mix_name(asked(Path("/x") / name)) == shown
