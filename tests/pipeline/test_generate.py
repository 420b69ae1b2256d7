"""The path from request to takes, on the closed-form model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stembridge.context import Context
from stembridge.diffusion.samplers import DEFAULT_STEPS
from stembridge.errors import BadArgsError, CancelledError, StembridgeError
from stembridge.inference import codec
from stembridge.musical_time import beats_to_samples
from stembridge.pipeline.events import Event, Reporter, StageProgress, ignore
from stembridge.pipeline.generate import Take, generate
from stembridge.pipeline.settings import conditions_for, settings_for
from stembridge.request import GenerationRequest, parse_request
from stembridge.runtime.manifest import (
    ConditionBlock,
    Manifest,
    NoteReaderEntry,
    SamplerDefaults,
)
from stembridge.testing import FakeModel, fake_manifest

MANIFEST = fake_manifest()
RATE = MANIFEST.sample_rate


def request_for(**values: Any) -> GenerationRequest:
    base = {"generate": "bass", "bpm": 120, "bars": 2, "request_id": "r", "seed": 0}
    return parse_request(base | values)


def context_of(request: GenerationRequest, **stems: np.ndarray) -> Context:
    n = beats_to_samples(request.length_beats, request.bpm, RATE)
    samples = np.zeros((4, n), np.float32)
    for stem, audio in stems.items():
        samples[MANIFEST.stem_index(stem)] = audio
    given = tuple(stem in stems for stem in MANIFEST.stems)
    return Context(samples, given, 1.0, None, ())


def takes_of(request: GenerationRequest, context: Context, model: FakeModel | None = None,
             events: list[Event] | None = None) -> list[Take]:  # fmt: skip
    report = Reporter(ignore if events is None else events.append, request.variations)
    model = model or FakeModel()
    settings = settings_for(request, model.manifest)
    return list(generate(request, settings, context, model, report))


def noise(seed: int, n: int = 4 * RATE) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def test_the_same_request_gives_the_same_samples_and_another_seed_others() -> None:
    request = request_for(seed=5)
    context = context_of(request, drums=noise(0))
    first, again = takes_of(request, context)[0], takes_of(request, context)[0]
    assert first.stems["bass"].tobytes() == again.stems["bass"].tobytes()
    other = takes_of(request_for(seed=6), context)[0]
    assert np.abs(other.stems["bass"] - first.stems["bass"]).max() > 0.01


def test_another_context_gives_another_result_with_the_same_seed() -> None:
    request = request_for()
    quiet, loud = (takes_of(request, context_of(request, drums=noise(0) * g))[0] for g in (0.3, 3))
    assert np.sqrt(np.mean((quiet.stems["bass"] - loud.stems["bass"]) ** 2)) > 0.02


def test_takes_do_not_depend_on_how_many_are_made() -> None:
    three = takes_of(request_for(variations=3), context_of(request_for()))
    assert [take.variation for take in three] == [0, 1, 2]
    one = takes_of(request_for(), context_of(request_for()))[0]
    assert one.stems["bass"].tobytes() == three[0].stems["bass"].tobytes()
    assert len({take.stems["bass"].tobytes() for take in three}) == 3


@pytest.mark.parametrize("subset", range(1, 16))
def test_every_subset_can_be_made(subset: int) -> None:
    wanted = [stem for i, stem in enumerate(MANIFEST.stems) if subset >> i & 1]
    request = request_for(generate=",".join(wanted), bars=1, steps=3)
    n = beats_to_samples(4, 120, RATE)
    given = {stem: noise(1, n) for stem in MANIFEST.stems if stem not in wanted}
    take = takes_of(request, context_of(request, **given))[0]
    assert list(take.stems) == wanted
    for audio in take.stems.values():
        assert audio.shape == (n,) and np.isfinite(audio).all() and np.abs(audio).max() > 0.01


@pytest.mark.parametrize("mode", ["clean", "imputation"])
@pytest.mark.parametrize("sampler", ["euler", "heun", "dpmpp_2m", "dpmpp_2m_sde"])
def test_each_sampler_and_way_of_holding_context_runs(mode: str, sampler: str) -> None:
    model = FakeModel(fake_manifest(context_mode=mode))
    request = request_for(sampler=sampler, steps=4, bars=1)
    context = context_of(request, drums=noise(0, 2 * RATE))
    assert np.abs(takes_of(request, context, model)[0].stems["bass"]).max() > 0.01


def test_long_requests_are_made_window_by_window() -> None:
    model = FakeModel()
    request = request_for(bars=16, steps=2)  # 32 s; the window is 5.9 s
    take = takes_of(request, context_of(request), model)[0]
    assert take.stems["bass"].shape == (32 * RATE,)
    assert model.n_calls >= 2 * 6


def test_progress_rises_from_stage_to_stage_and_counts_takes() -> None:
    events: list[Event] = []
    request = request_for(generate="bass,piano", variations=2, steps=4)
    takes_of(request, context_of(request, drums=noise(0)), events=events)
    progress = [event for event in events if isinstance(event, StageProgress)]
    fractions = [event.fraction for event in progress]
    assert fractions == sorted(fractions)
    stages = [event.stage for event in progress if event.variation == 0]
    assert list(dict.fromkeys(stages)) == ["encode", "sample", "decode"]
    assert stages.count("sample") == 4
    assert {event.variation for event in progress} == {0, 1}
    assert min(e.fraction for e in progress if e.variation == 1) >= 0.5


@pytest.mark.parametrize("stage", ["encode", "sample", "decode"])
def test_it_can_be_cancelled_before_every_network_call(stage: str) -> None:
    request = request_for()
    model = FakeModel()

    def on_event(event: Event) -> None:
        if isinstance(event, StageProgress) and event.stage == stage:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        settings = settings_for(request, model.manifest)
        context = context_of(request, drums=noise(0))
        list(generate(request, settings, context, model, Reporter(on_event, 1)))
    assert (model.n_calls == 0) == (stage != "decode")


def test_the_request_decides_over_the_models_habits() -> None:
    habit = SamplerDefaults(name="heun", steps=11, guidance=2.0, rho=5.0)
    manifest = fake_manifest(sampler=habit)
    own = settings_for(request_for(), manifest)
    assert (own.sampler, own.steps, own.guidance, len(own.sigmas)) == ("heun", 11, 2.0, 12)
    asked = settings_for(request_for(sampler="euler", guidance=1.5), manifest)
    assert (asked.sampler, asked.steps) == ("euler", DEFAULT_STEPS["euler"])
    assert asked.guidance == 1.5
    assert settings_for(request_for(guidance=1), manifest).guidance == 1.0
    assert settings_for(request_for(steps=7), manifest).steps == 7


def test_only_sound_is_sampled_with_noise_told_as_less() -> None:
    reader = NoteReaderEntry(file="fake", lowest=40, threshold=0.5)
    shift = {"bass": 0.8, "piano": 0.7}
    manifest = fake_manifest(sampler=SamplerDefaults(shift=shift), note_readers={"bass": reader})
    asked: list[dict[str, str]] = [{}, {"sound": "model"}, {"generate": "bass,piano"}]
    shifts = [settings_for(request_for(**wish), manifest).shift for wish in asked]
    assert shifts == [{}, {"bass": 0.8}, {"piano": 0.7}]  # nothing reads the piano's notes


def test_guidance_changes_the_result() -> None:
    context = context_of(request_for())
    plain, guided = (takes_of(request_for(guidance=g), context)[0].stems["bass"] for g in (1, 2))
    assert np.abs(plain - guided).max() > 0.01


def test_what_is_given_cannot_be_asked_for() -> None:
    """A context of one's own making can contradict the request; neither is silently preferred."""
    with pytest.raises(BadArgsError, match="Bass is given as context and asked for"):
        takes_of(request_for(), context_of(request_for(), bass=noise(0)))


@pytest.mark.parametrize(
    ("chords", "named"),
    [("Am F", True), ("", False), ("N.C. F", False), ("Am N.C.", False)],
)
def test_harmony_is_a_pitch_named_in_every_frame(chords: str, named: bool) -> None:
    told = conditions_for(request_for(chords=chords), MANIFEST, 4 * RATE)
    at = MANIFEST.layout.slices()["chords"]
    assert told.harmony == bool(told.frames[0, at][1:].any(axis=0).all()) == named
    assert not conditions_for(request_for(chords=chords), styled_manifest(), 4 * RATE).harmony


def styled_manifest() -> Manifest:
    return fake_manifest(
        condition_layout=(
            ConditionBlock(name="grid", channels=16),
            ConditionBlock(name="style", channels=3),
            ConditionBlock(name="timbre", channels=2),
        ),
        styles=("funk", "house"),
        timbres={"bass": ("finger", "pick")},
    )


def test_style_and_timbre_reach_the_conditions() -> None:
    request = request_for(style="house", timbres={"bass": "pick"})
    settings_for(request, styled_manifest())
    conditions = conditions_for(request, styled_manifest(), 10 * 512).frames[0]
    assert conditions.shape == (21, 10)
    np.testing.assert_array_equal(conditions[16:, 0], [1, 0, 1, 0, 1])
    free = conditions_for(request_for(use_grid=False), styled_manifest(), 5120)
    assert free.frames[0, :16].max() == 0


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"style": "polka"}, "no style .* funk, house"),
        ({"timbres": {"bass": "slap"}}, "no bass timbre .* finger, pick"),
        ({"timbres": {"drums": "kit"}}, "no drums timbre .* none"),
    ],
)
def test_vocabulary_the_model_lacks_is_refused(values: dict[str, Any], word: str) -> None:
    with pytest.raises(BadArgsError, match=word):
        settings_for(request_for(**values), styled_manifest())
    with pytest.raises(BadArgsError, match="it has none"):
        settings_for(request_for(style="funk"), MANIFEST)
    with pytest.raises(BadArgsError, match="not bass"):
        settings_for(request_for(), fake_manifest(stems=("drums",)))


class TestCodec:
    """Long audio goes through the networks in parts, and nobody can tell."""

    @pytest.fixture(autouse=True)
    def _short_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(codec, "PART_S", 1.0)
        monkeypatch.setattr(codec, "SURROUNDINGS_S", 0.2)

    @pytest.mark.parametrize("n_samples", [1, 511, 512, 30_000, 100_001])
    def test_parts_give_what_the_whole_gives(self, n_samples: int) -> None:
        model = FakeModel()
        calls: list[None] = []
        latents = codec.encode(model, "bass", noise(0, n_samples), lambda: calls.append(None))
        padded = np.zeros((1, -(-n_samples // 512) * 512), np.float32)
        padded[0, :n_samples] = noise(0, n_samples)
        np.testing.assert_array_equal(latents, model.encode("bass", padded)[0])
        assert len(calls) == (5 if n_samples > 100_000 else 1 + (n_samples > 29_000 and 1))

    @pytest.mark.parametrize("n_samples", [1, 511, 30_000, 100_001])
    def test_decoded_parts_join_to_the_exact_length(self, n_samples: int) -> None:
        n_frames = -(-n_samples // 512)
        latents = np.random.default_rng(0).uniform(0, 1, (8, n_frames)).astype(np.float32)
        sound = codec.decode(FakeModel(), "bass", latents, n_samples, lambda: None)
        assert sound.shape == (n_samples,)
        steady = np.full((8, n_frames), 1.0, np.float32)
        tone = codec.decode(FakeModel(), "bass", steady, n_samples, lambda: None)
        whole = FakeModel().decode("bass", steady[None])[0, :n_samples]
        assert np.sqrt(np.mean(tone**2)) == pytest.approx(np.sqrt(np.mean(whole**2)), rel=0.05)

    def test_a_decoder_that_gives_nothing_sensible_is_an_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = FakeModel()
        broken = np.full((1, 512), np.nan, np.float32)
        monkeypatch.setattr(model, "decode", lambda *_: broken)
        with pytest.raises(StembridgeError, match="no sound for bass"):
            codec.decode(model, "bass", np.zeros((8, 1), np.float32), 512, lambda: None)


def test_paths_are_unknown_to_it() -> None:
    source = Path(__file__).parents[2] / "stembridge" / "pipeline" / "generate.py"
    assert "pathlib" not in source.read_text() and "soundfile" not in source.read_text()


def test_chords_hold_the_windows_of_a_long_request_together() -> None:
    """Told chords, all windows take each step; else each is finished before the next begins."""

    class Noting(FakeModel):
        def __init__(self) -> None:
            super().__init__()
            self.levels: list[float] = []

        def denoise(self, x, sigma, conditions):  # type: ignore[no-untyped-def]
            self.levels.append(float(sigma.max()))
            return super().denoise(x, sigma, conditions)

    def levels(**wishes: Any) -> list[float]:
        model = Noting()
        request = request_for(bars=8, steps=3, **wishes)  # 16 s: four windows
        takes_of(request, context_of(request), model)
        return model.levels

    alone, together = levels(), levels(chords="Am F")
    assert len(alone) == 12
    assert alone[0] > alone[1] > alone[2] < alone[3] == alone[0]
    assert together == alone[:3]  # four windows in each call
