"""A reference file: heard as context is, followed where nothing else is told, never silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.daemon.cluster_worker import _paths_of
from stembridge.daemon.files_gate import check_context
from stembridge.errors import BadArgsError, NoSuchFileError, PathDeniedError
from stembridge.pipeline import likeness
from stembridge.pipeline.events import Event, StageProgress
from stembridge.pipeline.likeness import Likeness, hear_likeness, timbre_chances
from stembridge.pipeline.receipt_reading import read_receipt
from stembridge.pipeline.run import arrange
from stembridge.pipeline.wording import NO_WORDING, Wording, beside
from stembridge.request import GenerationRequest, parse_request, request_to_mapping
from stembridge.runtime.manifest import NoteReaderEntry
from stembridge.testing import FakeModel, hearing_manifest
from stembridge.words import Wishes

from .test_choice import hearing

READER = NoteReaderEntry(file="fake", lowest=40, threshold=0.5)


class Slapping(FakeModel):
    """What it denoises is nearer if it is told that the bass is slapped."""

    def denoise(self, x, sigma, conditions, tokens=None):  # type: ignore[no-untyped-def]
        made = super().denoise(x, sigma, conditions, tokens)
        slap = self.manifest.layout.slices()["timbre"].start + 1
        return made * (1 - 0.5 * conditions[:, slap, :1, None, None])


@pytest.fixture
def pulses(tmp_path: Path) -> Path:
    """Sixteen seconds of eighths at 120 bpm."""
    t = np.arange(16 * 22_050) / 22_050
    path = tmp_path / "my_bass.wav"
    soundfile.write(path, 0.3 * np.sin(440 * t) * np.exp(-((t * 4) % 1) * 6), 22_050)
    return path


def request_for(like: Path | None, **more: Any) -> GenerationRequest:
    told = {"generate": "bass", "bpm": 120, "bars": 2, "steps": 2, "seed": 1, "request_id": "x"}
    return parse_request(told | ({"like": str(like)} if like else {}) | more)


def heard(like: Path, model: FakeModel | None = None, **more: Any) -> Likeness:
    model = model or FakeModel(hearing(note_readers={"bass": READER}))
    found = hear_likeness(request_for(like, **more), model, AllowedRoots.anywhere())
    assert found is not None
    return found


def test_a_file_is_heard_as_its_name_says_at_its_own_tempo(pulses: Path) -> None:
    found = heard(pulses, bpm=93)
    assert (found.stem, found.style) == ("bass", "house")  # one given stem: the second style
    assert found.bpm == pytest.approx(120, abs=1)
    assert found.onsets == pytest.approx(2, abs=0.3)
    assert heard(pulses, generate="bass,drums").stem == "bass"
    assert heard(pulses, generate="drums").onsets is None


def test_without_a_name_it_is_the_only_stem_or_a_mix(pulses: Path, tmp_path: Path) -> None:
    nameless = pulses.rename(tmp_path / "take 7.wav")
    assert heard(nameless).stem == "bass"
    mix = heard(nameless, generate="bass,drums")
    assert (mix.stem, mix.timbres, mix.style) == (None, {}, "house")
    assert "heard as a mix" in mix.remarks[0].words


def test_silence_and_files_that_are_none(tmp_path: Path) -> None:
    silent = tmp_path / "bass.wav"
    soundfile.write(silent, np.zeros(44_100), 44_100)
    assert heard(silent).remarks[0].code == "like_silent"
    soundfile.write(silent, np.r_[np.zeros(44_000), np.full(100, 0.1)], 44_100)
    assert heard(silent).bpm is None
    with pytest.raises(NoSuchFileError):
        heard(tmp_path / "none.wav")


def test_instruments_are_told_apart_and_the_usual_goes_before() -> None:
    model = Slapping(hearing())
    latents = np.zeros((8, 60), np.float32)
    chances = timbre_chances(model, "bass", latents, {})
    assert sum(chances.values()) == pytest.approx(1)
    assert max(chances, key=lambda name: chances[name]) == "slap"
    usual = timbre_chances(FakeModel(hearing()), "bass", latents, {"house": 1.0})
    assert usual["synth"] == pytest.approx(1.1 / 1.3)  # nothing is heard: only the style counts
    assert timbre_chances(FakeModel(hearing()), "piano", latents, {}) == {}


@pytest.mark.parametrize("takes", [1, 4])
@pytest.mark.parametrize("mix", [True, False])
def test_progress_goes_on_while_a_reference_is_heard(
    pulses: Path, tmp_path: Path, takes: int, mix: bool
) -> None:
    """The reference lasts 0.8 takes; a mix, which comes before it, five."""
    told: list[tuple[str, float]] = []

    def on_event(event: Event) -> None:
        if isinstance(event, StageProgress):
            told.append((event.stage, event.fraction))

    manifest = hearing_manifest() if mix else hearing()
    request = request_for(pulses, variations=takes, **{"context.mix": str(pulses)} if mix else {})
    arrange(request, FakeModel(manifest), tmp_path, on_event)
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions) and fractions[0] < 0.02 and fractions[-1] == 1
    before, like = (5.0 if mix else 0.0), [f for stage, f in told if stage == "like"]
    whole = takes + before + 0.8
    assert like[0] == pytest.approx((0.02 + before) / whole)
    assert like[-1] > (0.02 + before + 0.15) / whole and len(set(like)) >= 3
    first = next(fraction for stage, fraction in told if stage == "sample")
    assert first == pytest.approx((0.05 + before + 0.8) / whole)


LIKE = Likeness("/x/bass.wav", "bass", 100.0, {"funk": 0.8}, {"slap": 0.9}, "minor", 2.0)


def test_a_reference_is_followed_where_nothing_else_is_told() -> None:
    free = beside(NO_WORDING, LIKE, request_for(None), "")
    assert (free.wishes.style, free.wishes.timbres, free.wishes.mode) == (
        "funk", {"bass": ("slap",)}, "minor"
    )  # fmt: skip
    assert free.wishes.playing["bass"].onsets == 2.0
    assert free.idle == ()
    named = request_for(None, style="house", timbres={"bass": "synth"})
    told = beside(NO_WORDING, LIKE, named, "the chords are told by name")
    assert (told.wishes.style, told.wishes.timbres, told.wishes.mode) == (None, {}, None)
    assert told.idle == (
        "its style, since house is asked for", "its bass, since synth is asked for",
        "its mode, since the chords are told by name",
    )  # fmt: skip
    avoided = Wishes(
        avoided_styles=frozenset({"funk"}), avoided_timbres={"bass": frozenset({"slap"})}
    )
    refused = beside(Wording(avoided), LIKE, request_for(None), "")
    assert refused.wishes.style is None
    assert refused.idle[:2] == (
        "its style, since funk is not wanted", "its bass, since slap is not wanted",
    )  # fmt: skip
    doubtful = Likeness("/x/a.wav", None, None, {"funk": 0.2, "house": 0.1})
    assert doubtful.style is None
    assert doubtful.remarks[0].code == "like_unclear"


def test_a_take_follows_its_reference_and_says_so(
    pulses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "timbre_errors", lambda *_: {"slap": 0.5, "synth": 1.0})
    model = FakeModel(hearing(note_readers={"bass": READER}))
    (stem,) = arrange(request_for(pulses, prompt="house"), model, tmp_path / "out")
    assert (stem.style, stem.timbre) == ("house", "slap")
    told = read_receipt(stem.path.parent)["prompt"]["like"]
    assert told["heard_as"] == "bass"
    assert told["timbres"]["slap"] > 0.5
    assert any(words.startswith("my_bass.wav is heard as bass") for words in stem.verdict.warnings)
    kept = request_for(pulses)
    assert parse_request(request_to_mapping(kept)) == kept


def test_a_reference_is_read_only_where_files_may_be_read(pulses: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    roots = AllowedRoots.of([tmp_path / "other"])
    with pytest.raises(PathDeniedError):
        check_context(request_for(pulses), roots)
    with pytest.raises(PathDeniedError):
        arrange(request_for(pulses), FakeModel(hearing()), tmp_path / "out", roots=roots)
    with pytest.raises(BadArgsError, match="cluster"):
        _paths_of(request_to_mapping(request_for(pulses)), roots)
