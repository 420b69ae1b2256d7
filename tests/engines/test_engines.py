"""MusicGen, AudioLDM 2, MusicLDM and Stable Audio Open with tiny random weights on the disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_engines import (
    RATE,
    save_audioldm2,
    save_musicgen,
    save_musicldm,
    save_stable_audio,
)

from stembridge.cli import main
from stembridge.cli.checks import check_model
from stembridge.engines import SoundEngine, SoundWish, engine_in, open_engine
from stembridge.engines.melody import strongest_pitches
from stembridge.errors import (
    BadArgsError,
    CancelledError,
    MissingExtraError,
    ModelUntrustedError,
    NoSuchFileError,
)

MAKERS: dict[str, Callable[[Path], Path]] = {
    "musicgen": partial(save_musicgen, melody=False),
    "musicgen_melody": partial(save_musicgen, melody=True),
    "AudioLDM2Pipeline": save_audioldm2,
    "MusicLDMPipeline": save_musicldm,
    "StableAudioPipeline": save_stable_audio,
}
WISH = SoundWish("solo bass", "drums", 0.2, 7, 3.0, 2)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    home = tmp_path_factory.mktemp("engines")

    def folder(kind: str) -> Path:
        path = home / kind
        return path if path.exists() else MAKERS[kind](path)

    return folder


def opened(folder: Path) -> SoundEngine:
    facts = engine_in(folder)
    assert facts is not None
    return open_engine(folder, facts, "cpu")


def different(wish: SoundWish, **more: Any) -> SoundWish:
    return SoundWish(**{**vars(wish), **more})


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS)
def test_an_engine_makes_sound_to_words(folders: Callable[[str], Path], kind: str) -> None:
    folder = folders(kind)
    engine = opened(folder)
    assert engine.facts.kind == kind
    assert engine.manifest.sample_rate == RATE
    assert len(engine.manifest.files) > 2
    shares: list[float] = []
    sound = engine.sound(WISH, shares.append)
    assert sound.shape[0] == (2 if kind == "StableAudioPipeline" else 1)
    assert sound.shape[1] >= 0.2 * RATE
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() > 1e-4
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert np.array_equal(engine.sound(WISH, shares.append), sound)
    for other in (different(WISH, seed=8), different(WISH, words="dark funk piano")):
        assert not np.array_equal(engine.sound(other, shares.append), sound)

    def stop(share: float) -> None:
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        engine.sound(WISH, stop)


def test_musicgen_melody_follows_the_strongest_pitch(folders: Callable[[str], Path]) -> None:
    times = np.arange(3 * RATE) / RATE
    a, c = (np.sin(2 * np.pi * hz * times).astype(np.float32) for hz in (440.0, 523.25))
    assert strongest_pitches(a + 0.1 * c, RATE).argmax(-1).unique().tolist() == [9]
    assert strongest_pitches(0.1 * a + c, RATE).shape == (1, 3 * RATE // 4096 + 1, 12)
    assert strongest_pitches(c[:100], RATE).argmax(-1).numel() > 0  # shorter than a window
    engine = opened(folders("musicgen_melody"))
    made = [
        engine.sound(different(WISH, melody=melody), lambda share: None) for melody in (None, a, c)
    ]
    assert not np.array_equal(made[0], made[1])
    assert not np.array_equal(made[1], made[2])


@pytest.mark.slow
def test_the_command_line_makes_stems_with_an_engine(
    folders: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folders("musicgen")
    asked = ["arrange", "--model", str(folder), "--generate", "bass", "--bpm", "120", "--bars", "1"]
    with pytest.raises(SystemExit, match="0"):
        main([*asked, "--json", "--cpu", "--out", str(tmp_path), "--prompt", "dark"])
    report = json.loads(capsys.readouterr().out)
    assert "engine_told" in [r["code"] for r in report["stems"][0]["verdict"]["remarks"]]
    receipt = json.loads(Path(report["receipt"]).read_text())
    assert receipt["model"]["licence"] == "cc-by-nc-4.0 (of the weights)"
    with pytest.raises(SystemExit) as ended:
        main(["separate", "mix.wav", "--model", str(folder), "--out", str(tmp_path)])
    assert ended.value.code == 2
    assert "only makes takes" in capsys.readouterr().err


def test_what_would_have_to_be_run_is_not_opened(
    folders: Callable[[str], Path], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folders("StableAudioPipeline"), copy)
    index = json.loads((copy / "model_index.json").read_text())
    foreign = index | {"vae": ["subprocess", "Popen"]}
    (copy / "model_index.json").write_text(json.dumps(foreign))
    with pytest.raises(ModelUntrustedError, match="of its own making"):
        opened(copy)
    (copy / "model_index.json").write_text(json.dumps(index))
    weights = next((copy / "vae").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelUntrustedError, match="cannot be opened"):
        opened(copy)
    for file in copy.rglob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))
    with pytest.raises(NoSuchFileError, match="safetensors"):
        opened(copy)


def test_folders_are_told_apart(tmp_path: Path) -> None:
    assert engine_in(tmp_path) is None
    (tmp_path / "config.json").write_text('{"kind": "backbone"}')
    assert engine_in(tmp_path) is None
    (tmp_path / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    with pytest.raises(BadArgsError, match="FluxPipeline, which is no engine here"):
        engine_in(tmp_path)
    (tmp_path / "model_index.json").write_text("[" * 10_000)
    with pytest.raises(ModelUntrustedError, match="cannot be read"):
        engine_in(tmp_path)


def test_the_doctor_knows_an_engine(folders: Callable[[str], Path], tmp_path: Path) -> None:
    found = check_model(str(folders("musicgen")))
    assert found.status == "ok"
    assert "the engine 'MusicGen (musicgen)' (16000 Hz;" in found.found
    assert "cc-by-nc-4.0" in found.found


def test_a_missing_library_is_named(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folders("StableAudioPipeline")
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'stembridge\[engines\]'"):
        opened(folder)


def test_nothing_of_it_is_imported_unless_asked_for_and_then_offline() -> None:
    code = (
        "import sys; import stembridge.pipeline.run, stembridge.daemon.worker, stembridge.cli\n"
        "assert not {'torch', 'transformers', 'diffusers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
