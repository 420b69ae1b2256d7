"""A whole request: files that are there, exact, and reproducible."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.errors import (
    BadArgsError,
    CancelledError,
    DiskFullError,
    NoSuchFileError,
    PathDeniedError,
)
from stembridge.pipeline import receipt as receipts
from stembridge.pipeline.events import Event, StageProgress, StemReady
from stembridge.pipeline.receipt_reading import read_receipt, request_of
from stembridge.pipeline.run import arrange
from stembridge.pipeline.take_files import stem_file_name, take_folder
from stembridge.request import GenerationRequest, parse_request
from stembridge.request.room import expected_bytes
from stembridge.runtime.manifest_fields import ConditionBlock
from stembridge.testing import FakeModel, fake_manifest


@pytest.fixture
def drums(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    t = np.arange(6 * 48000) / 48000
    sound = 0.2 * rng.standard_normal(t.size) * np.exp(-((t * 2) % 1) * 12)
    path = tmp_path / "drums.flac"
    soundfile.write(path, np.stack([sound, sound], 1), 48000, subtype="PCM_24")
    return path


def request_for(drums: Path | None = None, **values: Any) -> GenerationRequest:
    context = {"context.drums": str(drums)} if drums else {}
    base = {
        "generate": "bass",
        "bpm": "120",
        "bars": 2,
        "steps": 4,
        "request_id": "job-1",
        "seed": 0,
    }
    return parse_request(base | context | values)


def test_files_are_exact_complete_and_named_after_the_music(drums: Path, tmp_path: Path) -> None:
    request = request_for(drums, generate="bass,piano", variations=2, session_rate=48000, seed=3)
    stems = arrange(request, FakeModel(), tmp_path / "out")
    assert [(s.stem, s.variation) for s in stems] == [
        ("bass", 0), ("piano", 0), ("bass", 1), ("piano", 1),
    ]  # fmt: skip
    for stem in stems:
        info = soundfile.info(stem.path)
        assert (info.frames, info.samplerate, info.channels) == (192_000, 48000, 1)
        assert (stem.frames, stem.rate) == (192_000, 48000)
        assert hashlib.sha256(stem.path.read_bytes()).hexdigest() == stem.sha256
        audio, _ = soundfile.read(stem.path)
        assert 0.001 < np.abs(audio).max() <= 10 ** (-1 / 20) + 1e-6
    assert stems[3].path.name == "2bars_120bpm_piano_seed3_take2.wav"
    folder = stems[0].path.parent
    assert folder.name.startswith("bass_piano_for_drums_")
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        [*(s.path.name for s in stems), "receipt.json", "take.html", "take1.npz", "take2.npz"]
    )


def test_the_same_request_gives_the_same_bytes_and_its_receipt_too(
    drums: Path, tmp_path: Path
) -> None:
    request = request_for(drums, seed=7)
    first = arrange(request, FakeModel(), tmp_path / "a")[0]
    again = arrange(request, FakeModel(), tmp_path / "b")[0]
    assert first.sha256 == again.sha256
    receipt = read_receipt(first.path.parent)
    reproduced = arrange(request_of(receipt), FakeModel(), tmp_path / "a")[0]
    assert reproduced.sha256 == first.sha256 == receipt["stems"][0]["sha256"]
    assert reproduced.path.parent != first.path.parent  # and the first one is untouched
    assert receipt["model"]["artifact_sha256"] == FakeModel().manifest.artifact_sha256
    assert receipt["sampling"] == {
        "sampler": "dpmpp_2m", "steps": 4, "guidance": 1.0, "seed": 7,
    }  # fmt: skip
    assert set(receipt["timings_s"]) == {"read", "encode", "sample", "decode", "write"}
    assert receipt["versions"]["numpy"] == np.__version__
    assert list(receipt["context"]["crc32"]) == ["drums"]
    assert receipt["stems"][0]["verdict"] == first.verdict.to_mapping()


def test_every_stem_is_told_when_its_file_is_complete(drums: Path, tmp_path: Path) -> None:
    seen: list[Event] = []

    def on_event(event: Event) -> None:
        seen.append(event)
        if isinstance(event, StemReady):
            assert soundfile.info(event.stem.path).frames == event.stem.frames

    request = request_for(drums, generate="bass,guitar", variations=2)
    stems = arrange(request, FakeModel(), tmp_path / "out", on_event)
    assert [event.stem for event in seen if isinstance(event, StemReady)] == stems
    fractions = [event.fraction for event in seen if isinstance(event, StageProgress)]
    assert fractions == sorted(fractions) and fractions[0] == 0.0 and fractions[-1] == 1.0


def test_without_context_everything_is_made(tmp_path: Path) -> None:
    stems = arrange(request_for(generate="bass,drums,guitar,piano"), FakeModel(), tmp_path)
    assert len(stems) == 4
    assert stems[0].path.parent.name.startswith("bass_drums_guitar_piano_")
    assert all(s.verdict.relative_loudness_lu is None for s in stems)


def test_the_level_follows_the_context(drums: Path, tmp_path: Path) -> None:
    levels = []
    for gain in (0.1, 1.0):
        clip = {"stem": "drums", "path": str(drums), "gain": gain}
        request = parse_request(
            {"generate": "bass", "clips": [clip], "bpm": 120, "bars": 2, "steps": 4}
        )
        verdict = arrange(request, FakeModel(), tmp_path)[0].verdict
        levels.append((verdict.loudness_lufs, verdict.relative_loudness_lu))
    assert (levels[1][0] or 0) - (levels[0][0] or 0) == pytest.approx(20, abs=0.3)
    assert levels[1][1] == pytest.approx(levels[0][1], abs=0.3)


def test_float_files_hold_floats(tmp_path: Path) -> None:
    stem = arrange(request_for(sample_format="float"), FakeModel(), tmp_path)[0]
    assert soundfile.info(stem.path).subtype == "FLOAT"


def test_two_requests_never_share_a_folder_and_one_keeps_its_own() -> None:
    names = {take_folder(request_for(request_id=f"session-{i}", name="song")) for i in range(200)}
    assert len(names) == 200 and all(name.startswith("song_") for name in names)
    assert take_folder(request_for()) == take_folder(request_for(seed=9))


def test_names_spell_tempo_and_bars_as_the_musician_does() -> None:
    request = request_for(bpm="87.3", bars=None, length_beats=10, time_signature="7/8", seed=1)
    assert stem_file_name(request, "bass", 0) == "2.85714bars_87.3bpm_bass_seed1_take1.wav"


def test_a_request_that_will_not_fit_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = FakeModel()
    usage = shutil.disk_usage(tmp_path)._replace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(DiskFullError):
        arrange(request_for(), model, tmp_path)
    assert model.n_calls == 0
    mono = request_for(variations=2, sound="model")
    assert expected_bytes(mono) == 2 * (4 * 44100 * 3 + 1024)
    assert expected_bytes(request_for()) == 4 * 44100 * 3 * 2 + 1024


def test_context_outside_the_roots_and_unknown_styles_are_refused(
    drums: Path, tmp_path: Path
) -> None:
    with pytest.raises(PathDeniedError):
        arrange(request_for(drums), FakeModel(), tmp_path, roots=AllowedRoots.of([tmp_path / "x"]))
    with pytest.raises(BadArgsError, match="no style"):
        arrange(request_for(style="polka"), FakeModel(), tmp_path)


def test_a_cancelled_request_leaves_whole_files_and_no_receipt(tmp_path: Path) -> None:
    def cancel(event: Event) -> None:
        if isinstance(event, StageProgress) and event.variation == 1:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        arrange(request_for(variations=3), FakeModel(), tmp_path, cancel)
    left = sorted(p.name for p in tmp_path.rglob("*") if p.is_file())
    assert left == ["2bars_120bpm_bass_seed0_take1.wav", "take1.npz"]


def test_a_silent_context_is_warned_about(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.wav", np.zeros(44100), 44100)
    verdict = arrange(request_for(tmp_path / "s.wav"), FakeModel(), tmp_path)[0].verdict
    assert "the drums context is silent in these bars" in verdict.warnings


def test_another_model_has_another_hash(tmp_path: Path) -> None:
    arrange(request_for(), FakeModel(fake_manifest(name="other")), tmp_path)
    folder = next(path.parent for path in tmp_path.rglob("receipt.json"))
    assert read_receipt(folder)["model"]["artifact_sha256"] != fake_manifest().artifact_sha256


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"receipt_format": 99}', "[" * 5000])
def test_what_is_no_receipt_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "receipt.json").write_text(text)
    with pytest.raises(BadArgsError, match="not a receipt"):
        read_receipt(tmp_path / "receipt.json")


def test_a_missing_or_damaged_receipt_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError):
        read_receipt(tmp_path)
    with pytest.raises(BadArgsError, match="no request"):
        request_of({"receipt_format": 1})
    with pytest.raises(BadArgsError):
        request_of({"request": {"generate": "vocals"}})


def test_packages_that_are_absent_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "_PACKAGES", ("numpy", "no-such-package"))
    receipts.versions.cache_clear()
    assert set(receipts.versions()) == {"stembridge", "python", "numpy"}
    receipts.versions.cache_clear()


def test_the_receipt_is_plain_json(drums: Path, tmp_path: Path) -> None:
    folder = arrange(request_for(drums), FakeModel(), tmp_path)[0].path.parent
    assert json.loads((folder / "receipt.json").read_text())["request"]["bpm"] == "120.0"


def test_a_condition_that_no_take_tells_is_said(tmp_path: Path) -> None:
    told = fake_manifest().condition_layout
    open_block = ConditionBlock(name="embedding", channels=5)
    model = FakeModel(fake_manifest(condition_layout=(*told, open_block)))
    [plain] = arrange(request_for(), FakeModel(), tmp_path / "plain")
    [stem] = arrange(request_for(), model, tmp_path / "open")
    heard = read_receipt(stem.path.parent)["context"]["remarks"]
    assert "condition_open" in [remark["code"] for remark in heard]
    assert "condition_open" not in (plain.path.parent / "receipt.json").read_text()
