"""What is measured is what is served: `evaluate` and `arrange` make the same latents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stembridge.audio.files import write_stem
from stembridge.chords import parse_progression
from stembridge.conditions import Conditions
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import STEMS
from stembridge.diffusion import SAMPLERS
from stembridge.evaluation.heldout import Trial, make, take_of
from stembridge.inference import codec, infer, settings_of
from stembridge.musical_time import TimeSignature
from stembridge.pipeline import run
from stembridge.pipeline.generate import Take
from stembridge.request import parse_request
from stembridge.runtime.load import load_model
from stembridge.runtime.manifest import SamplerDefaults
from stembridge.runtime.model import StemModel
from stembridge.testing import FakeModel, fake_manifest

SEED, BPM = 5, 120.0


def song(rate: int, seconds: float) -> AnnotatedSong:
    """Four stems of decaying tones on the beat, louder than a model likes them."""
    t = np.arange(int(seconds * rate)) / rate
    fade = np.exp(-((t * BPM / 60) % 1) * 4)
    tones = [np.sin(2 * np.pi * hz * t) for hz in (65.4, 2000.0, 196.0, 261.6)]
    audio = np.array([0.5 * fade * tone for tone in tones], np.float32)
    return AnnotatedSong("song", audio, rate, BPM, TimeSignature(), parse_progression("C F", 4, 8))


@pytest.fixture
def takes(monkeypatch: pytest.MonkeyPatch) -> list[Take]:
    """Every take that `arrange` makes."""
    made: list[Take] = []
    inner = run.generate

    def noting(*arguments: object) -> Iterator[Take]:
        for take in inner(*arguments):  # type: ignore[arg-type]
            made.append(take)
            yield take

    monkeypatch.setattr(run, "generate", noting)
    return made


def serve(model: StemModel, music: AnnotatedSong, folder: Path, **wishes: object) -> None:
    """Asks for the bass of a song whose other stems lie in files."""
    context = {}
    for stem, audio in zip(STEMS, music.audio, strict=True):
        path = folder / f"{stem}.wav"
        write_stem(path, audio, music.rate, "float")
        context[f"context.{stem}"] = str(path)
    del context["context.bass"]
    length_beats = music.audio.shape[1] / music.rate * BPM / 60
    request = {"generate": "bass", "bpm": BPM, "length_beats": length_beats, "seed": SEED}
    run.arrange(parse_request(request | context | wishes), model, folder)


@pytest.mark.parametrize("sampler", [None, *SAMPLERS])
@pytest.mark.parametrize("seconds", [4.0, 14.0])
def test_every_sampler_makes_the_latents_that_serving_makes(
    sampler: str | None, seconds: float, takes: list[Take], tmp_path: Path
) -> None:
    """In one window and in several, with the guidance and the chords that the model likes."""
    habit = SamplerDefaults(name="heun", steps=3, guidance=1.5)
    model = FakeModel(fake_manifest(sampler=habit, chords_from_context=True))
    music = song(model.manifest.sample_rate, seconds)
    serve(model, music, tmp_path, sampler=sampler)
    take, audio = make(model, music, "bass", Trial(sampler=sampler), SEED)
    assert take.latents.tobytes() == takes[0].latents.tobytes()
    assert take.conditions.harmony == (takes[0].conditions.harmony)
    assert audio.size == music.audio.shape[1]


@pytest.mark.weights
@pytest.mark.parametrize("wishes", [{}, {"sampler": "euler", "steps": 3}])
def test_the_built_in_model_is_measured_as_it_serves(
    wishes: dict[str, object], takes: list[Take], tmp_path: Path
) -> None:
    model = load_model(device="cpu")
    music = song(model.manifest.sample_rate, 4.0)
    for number, sound in enumerate(("model", "played")):
        serve(model, music, tmp_path / sound, sound=sound, **wishes)
        trial = Trial(played_only=sound == "played", **wishes)  # type: ignore[arg-type]
        take, _ = take_of(model, music, ("bass",), trial, SEED)
        assert take.latents.tobytes() == takes[number].latents.tobytes()
        assert take.choice == takes[number].choice


def test_the_core_alone_makes_them_too(takes: list[Take], tmp_path: Path) -> None:
    """From arrays, as the fine-tune's report calls it."""
    model = FakeModel()
    music = song(model.manifest.sample_rate, 4.0)
    serve(model, music, tmp_path)
    given = [stem != "bass" for stem in STEMS]
    known = codec.known_stems(model.manifest, takes[0].latents[None], given)
    told = Conditions(takes[0].conditions.frames)
    made = infer(model, told, known, settings_of(model.manifest), [SEED])
    assert made[0].tobytes() == takes[0].latents.tobytes()
