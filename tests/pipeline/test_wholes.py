"""A mix, or a sound that is no stem, as context."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.conditions import HEARD
from stembridge.errors import BadArgsError
from stembridge.pipeline.events import Event, StageProgress, StemFile
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.testing import FakeModel, fake_manifest, hearing_manifest
from tests.helpers.mixes import four_tones

RATE = 22_050


def write(path: Path, audio: np.ndarray) -> str:
    soundfile.write(path, audio.T, RATE, subtype="FLOAT")
    return str(path)


def made(tmp_path: Path, model: FakeModel | None = None, **wishes: Any) -> list[StemFile]:
    asked = {"generate": "bass", "bpm": 120, "bars": 2, "seed": 1, "steps": 4, **wishes}
    return arrange(parse_request(asked), model or FakeModel(hearing_manifest()), tmp_path / "out")


def receipt(files: list[StemFile]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((files[0].path.parent / "receipt.json").read_text())
    return told


def codes(files: list[StemFile]) -> dict[str, dict[str, Any]]:
    return {remark["code"]: remark for remark in receipt(files)["context"]["remarks"]}


def test_a_mix_is_taken_apart_and_its_own_stem_makes_room(tmp_path: Path) -> None:
    mix = write(tmp_path / "mix.wav", four_tones(RATE, 4.0).sum(0))
    files = made(tmp_path, **{"context.mix": mix})
    said = codes(files)["mix_apart"]
    assert said["heard"] == "drums, guitar, piano" and said["out"] == "bass"
    assert set(receipt(files)["context"]["crc32"]) == {"drums", "guitar", "piano"}
    assert "mix was taken apart" in " ".join(files[0].verdict.warnings)
    assert files[0].path.parent.name.startswith("bass_for_mix_")


@pytest.mark.parametrize(("takes", "share"), [(1, 5 / 6), (5, 5 / 10)])
def test_taking_a_mix_apart_has_its_share_of_the_progress(
    tmp_path: Path, takes: int, share: float
) -> None:
    mix, told = write(tmp_path / "mix.wav", four_tones(RATE, 4.0).sum(0)), list[StageProgress]()

    def on_event(event: Event) -> None:
        if isinstance(event, StageProgress):
            told.append(event)

    asked = {"generate": "bass", "bpm": 120, "bars": 2, "steps": 4, "context.mix": mix}
    request = parse_request(asked | {"variations": takes})
    files = arrange(request, FakeModel(hearing_manifest()), tmp_path / "out", on_event)
    fractions = [event.fraction for event in told]
    assert fractions == sorted(fractions) and (fractions[0], fractions[-1]) == (0.0, 1.0)
    apart = [event.fraction for event in told if event.stage == "separate"]
    assert apart[0] < 0.1 and apart[-1] > 0.75 * share and len(set(apart)) >= 8
    first = next(event.fraction for event in told if event.stage == "sample")
    assert first == pytest.approx(share + 0.05 / (takes + 5))
    assert receipt(files)["timings_s"]["separate"] > 0


def test_what_is_not_in_a_mix_is_not_given(tmp_path: Path) -> None:
    tones = four_tones(RATE, 4.0)
    mix = write(tmp_path / "mix.wav", tones[1] + tones[3] * 0.002 + tones[2])
    files = made(tmp_path, **{"context.mix": mix})
    assert codes(files)["mix_apart"]["heard"] == "drums, guitar"
    assert codes(files)["mix_without"]["stem"] == "piano"


def test_a_voice_is_heard_beside_the_stems(tmp_path: Path) -> None:
    tones = four_tones(RATE, 4.0)
    drums = write(tmp_path / "drums.wav", tones[1])
    voice = write(tmp_path / "voice.wav", tones[3])
    told: list[np.ndarray] = []

    class Listening(FakeModel):
        def denoise(self, x: Any, sigma: Any, conditions: Any, tokens: Any = None) -> Any:
            told.append(conditions)
            return super().denoise(x, sigma, conditions, tokens)

    model = Listening(hearing_manifest())
    wishes = {"context.drums": drums, "context.other": voice}
    files = made(tmp_path, model, **wishes)
    block = told[0][0, model.manifest.layout.slices()[HEARD]]
    assert (block[0] == 1).all()
    assert block[1:5, 0].tolist() == [0, 1, 0, 0]  # as in training: what is given is in it, too
    louder = block[5:].mean()
    made(tmp_path, model, **{"context.other": voice})
    alone = told[-1][0, model.manifest.layout.slices()[HEARD]]
    assert alone[1:5].max() == 0 and alone[5:].mean() != louder
    assert "drums" in receipt(files)["context"]["crc32"]
    with_voice = [f.sha256 for f in files]
    assert with_voice != [f.sha256 for f in made(tmp_path, model, **{"context.drums": drums})]


def test_the_level_follows_what_is_heard(tmp_path: Path) -> None:
    for name in ("mix", "other"):
        sound = write(tmp_path / f"{name}.wav", four_tones(RATE, 4.0).sum(0) * 0.1)
        (file,) = made(tmp_path, **{f"context.{name}": sound})
        assert receipt([file])["context"]["gain"] > 1
        assert file.verdict.relative_loudness_lu is not None


@pytest.mark.parametrize(
    ("wishes", "word"),
    [
        ({"context.mix": "/a.wav", "context.drums": "/b.wav"}, "holds already"),
        ({"context.mix": "mix", "generate": "bass,drums,guitar,piano"}, "nothing of it is left"),
    ],
)
def test_what_contradicts_itself_is_said(tmp_path: Path, wishes: dict[str, Any], word: str) -> None:
    mix = write(tmp_path / "mix.wav", four_tones(RATE, 4.0).sum(0))
    if wishes["context.mix"] == "mix":
        wishes = wishes | {"context.mix": mix}
    with pytest.raises(BadArgsError, match=word):
        made(tmp_path, **wishes)


@pytest.mark.parametrize(("name", "word"), [("mix", "cannot take a mix"), ("other", "own stems")])
def test_models_that_hear_no_mixtures_say_so(tmp_path: Path, name: str, word: str) -> None:
    sound = write(tmp_path / "sound.wav", four_tones(RATE, 4.0).sum(0))
    with pytest.raises(BadArgsError, match=word):
        made(tmp_path, FakeModel(fake_manifest()), **{f"context.{name}": sound})
