"""What a request leaves open is chosen by what is heard, and nothing that was told is changed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge.chords import parse_progression
from stembridge.conditions import Conditions, chord_block, frame_beats
from stembridge.musical_time import TimeSignature
from stembridge.pipeline.choice import Bars, Choice, choose, style_chances
from stembridge.pipeline.receipt_reading import read_receipt, request_of
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.runtime.manifest import (
    YOUNGER_FIELDS,
    YOUNGER_SAMPLER_FIELDS,
    ConditionBlock,
    Manifest,
)
from stembridge.testing import FakeModel, fake_manifest

STYLES = ("funk", "house", "waltz")


def hearing(**changes: object) -> Manifest:
    """A model that hears styles: as many given stems, that style (`FakeModel.style_chances`)."""
    fields = {
        "styles": STYLES,
        "timbres": {"bass": ("finger", "slap", "synth"), "drums": ("room", "808")},
        "style_classifier": "fake",
        "style_timbres": {
            "funk": {"bass": ("finger", "slap"), "drums": ("room",)},
            "house": {"bass": ("synth",), "drums": ("808",)},
        },
        "style_chords": {"house": ("Am F C G", "Cm7")},
        "condition_layout": (
            ConditionBlock(name="grid", channels=16),
            ConditionBlock(name="style", channels=4),
            ConditionBlock(name="timbre", channels=5),
            ConditionBlock(name="chords", channels=25),
        ),
    }
    return fake_manifest(**(fields | changes))


SURE = np.array([0.0, 1.0, 0.0], np.float32)


def test_styles_come_as_often_as_they_are_likely_and_timbres_evenly() -> None:
    chances = np.array([0.7, 0.1, 0.2], np.float32)
    chosen = [choose(hearing(), chances, ["bass"], seed, Choice()) for seed in range(3000)]
    styles = Counter(choice.style for choice in chosen)
    for style, chance in zip(STYLES, chances, strict=True):
        assert styles[style] / 3000 == pytest.approx(chance, abs=0.03)
    funky = Counter(c.timbres["bass"] for c in chosen if c.style == "funk")
    assert funky["slap"] / funky.total() == pytest.approx(0.5, abs=0.04)
    assert all(c.timbres == {"bass": "synth"} for c in chosen if c.style == "house")
    assert all(c.timbres == {} for c in chosen if c.style == "waltz")  # has no usual timbres


def test_no_style_of_another_metre_is_chosen() -> None:
    class Undecided(FakeModel):
        def style_chances(self, *_: np.ndarray) -> np.ndarray:
            return np.full((1, len(styles)), 1 / len(styles), np.float32)

    styles = ("pop", "waltz", "six_eight")
    plain = {"style_timbres": {}, "style_chords": {}}

    def chosen_from(metre: str | None) -> set[str]:
        told = Conditions(np.zeros((1, 0, 16), np.float32))
        latents = np.zeros((4, 8, 16), np.float32)
        model = Undecided(hearing(styles=styles, **plain))
        signature = None if metre is None else TimeSignature.parse(metre)
        chances = style_chances(model, latents, [], lambda: told, signature)
        assert chances is not None
        return {style for style, chance in zip(styles, chances, strict=True) if chance}

    assert chosen_from("4/4") == chosen_from("7/8") == chosen_from("9/8") == {"pop"}
    assert chosen_from("3/4") == chosen_from("6/4") == {"pop", "waltz"}
    assert chosen_from("6/8") == chosen_from("12/8") == {"pop", "six_eight"}
    assert chosen_from(None) == set(styles)


def test_what_was_told_stays_and_moves_nothing_else() -> None:
    manifest, both = hearing(), ["bass", "drums"]
    free = choose(manifest, SURE, both, 7, Choice())
    assert free == Choice("house", {"bass": "synth", "drums": "808"})
    told = choose(manifest, SURE, both, 7, Choice("funk", {"bass": "synth"}))
    assert told == Choice("funk", {"bass": "synth", "drums": "room"})
    for seed in range(20):
        alone = choose(manifest, SURE, ["bass"], seed, Choice("funk"))
        band = choose(manifest, None, both, seed, Choice("funk"))
        assert alone.timbres["bass"] == band.timbres["bass"]


def test_a_model_that_hears_no_styles_chooses_nothing() -> None:
    assert choose(fake_manifest(), None, ["bass"], 0, Choice()) == Choice()
    assert choose(hearing(), None, ["bass"], 0, Choice()) == Choice()


def test_chances_that_add_up_to_nothing_never_leave_the_list() -> None:
    nothing = np.zeros(3, np.float32)
    assert choose(hearing(), nothing, [], 1, Choice()).style in STYLES


def test_a_told_instrument_is_played_in_a_style_that_has_it() -> None:
    chances = np.array([0.1, 0.8, 0.1], np.float32)
    for seed in range(50):
        slap = choose(hearing(), chances, ["bass"], seed, Choice(None, {"bass": "slap"}))
        assert slap == Choice("funk", {"bass": "slap"})
    # No style has both: then the ear decides alone.
    both = Choice(None, {"bass": "slap", "drums": "808"})
    styles = {choose(hearing(), chances, ["bass"], s, both).style for s in range(50)}
    assert styles == set(STYLES)


def test_chords_are_chosen_where_there_is_no_harmony() -> None:
    bars, both = Bars(4.0, 12.0), ["bass", "drums"]
    chosen = [choose(hearing(), SURE, both, seed, Choice(), bars) for seed in range(300)]
    shapes = Counter(tuple((c.root - s.chords[0].root) % 12 for c in s.chords) for s in chosen)
    assert shapes.keys() == {(0, 8, 3), (0,)}  # three bars of "Am F C G", or "Cm7"
    assert shapes[(0,)] / 300 == pytest.approx(0.5, abs=0.1)
    assert len({s.chords[0].root for s in chosen}) == 12
    assert {c.symbol for s in chosen for c in s.chords} >= {"C#m7", "Ebm", "B"}
    assert all([c.start_beats for c in s.chords] in ([0, 4, 8], [0]) for s in chosen)
    # On the session's bars: from the middle of bar 3 on, "C G" of the same four bars are left.
    later = [
        choose(hearing(), SURE, both, s, Choice(), Bars(4.0, 6.0, 10.0)).chords for s in range(40)
    ]
    assert {tuple(c.start_beats for c in chords) for chords in later} == {(0.0, 2.0), (0.0,)}
    for chords, whole in zip(later, chosen, strict=False):
        if len(chords) == 2:
            assert chords[0].root == whole.chords[2].root
    # Nothing is chosen where chords are told, cannot be placed, are played by nobody, or unknown.
    told = Choice(chords=parse_progression("G", 4.0, 12.0))
    assert choose(hearing(), SURE, both, 1, told, bars).chords == told.chords
    assert choose(hearing(), SURE, both, 1, Choice(), None).chords == ()
    assert choose(hearing(), SURE, ["drums"], 1, Choice(), bars).chords == ()
    assert choose(hearing(), SURE, both, 1, Choice("funk"), bars).chords == ()


def test_only_a_context_without_pitch_leaves_the_chords_open(drums: Path, tmp_path: Path) -> None:
    model = FakeModel(hearing())
    wishes = {"generate": "bass", "bpm": 120, "bars": 2, "steps": 2, "style": "house", "seed": 1}

    def chosen(name: str, **more: object) -> str | None:
        (stem,) = arrange(parse_request(wishes | more), model, tmp_path / name)
        written = read_receipt(stem.path.parent)["stems"][0]["chords_chosen"]
        assert written == (stem.chords if stem.chords_from == "chosen" else None)
        return written

    beat = chosen("beat", **{"context.drums": str(drums)})
    assert beat is not None
    assert beat.split()[0].endswith("@0")
    assert chosen("beat again", **{"context.drums": str(drums)}) == beat
    assert chosen("nothing") is not None
    assert chosen("pitched", **{"context.piano": str(drums)}) is None  # noise has no chords
    assert chosen("told", chords="Am") is None
    assert chosen("free", use_grid=False) is None


@pytest.fixture
def drums(tmp_path: Path) -> Path:
    path = tmp_path / "drums.wav"
    noise = 0.1 * np.random.default_rng(0).standard_normal(4 * 22050)
    soundfile.write(path, noise, 22050, subtype="FLOAT")
    return path


def test_the_choice_reaches_the_model_and_the_receipt(drums: Path, tmp_path: Path) -> None:
    class Noting(FakeModel):
        told = np.zeros(0, np.float32)

        def denoise(self, x, sigma, conditions):  # type: ignore[no-untyped-def]
            self.told = conditions[0].copy()
            return super().denoise(x, sigma, conditions)

    wishes = {"generate": "bass", "bpm": 120, "bars": 2, "steps": 2, "request_id": "r"}
    wishes["context.drums"] = str(drums)
    model = Noting(hearing())
    (stem,) = arrange(parse_request(wishes), model, tmp_path / "a")
    assert (stem.style, stem.timbre) == ("house", "synth")  # one stem given: style 1
    np.testing.assert_array_equal(model.told[16:25, 0], [1, 0, 1, 0, 0, 0, 1, 0, 0])
    # Nothing given has a pitch: the chords are chosen, and told, too.
    assert stem.chords is not None
    spans = parse_progression(stem.chords, 4.0, 8.0)
    n_frames = -(-4 * 22050 // 512)
    expected = chord_block(frame_beats(n_frames, 512, 22050, 120.0), spans)
    np.testing.assert_array_equal(model.told[25:, :n_frames], expected)
    receipt = read_receipt(stem.path.parent)
    assert (receipt["stems"][0]["style"], receipt["stems"][0]["timbre"]) == ("house", "synth")
    # The request stays as it was asked; making it again chooses the same.
    assert receipt["request"]["style"] is None
    assert arrange(request_of(receipt), model, tmp_path / "b")[0].sha256 == stem.sha256


def test_an_empty_track_is_not_listened_to(drums: Path, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(4 * 22050), 22050, subtype="FLOAT")
    wishes = {"generate": "bass", "bpm": 120, "bars": 2, "steps": 2}
    wishes |= {"context.drums": str(drums), "context.piano": str(silence)}
    (stem,) = arrange(parse_request(wishes), FakeModel(hearing()), tmp_path)
    assert stem.style == "house"


def test_takes_of_a_request_may_be_in_different_styles(tmp_path: Path) -> None:
    class Unsure(FakeModel):
        def style_chances(self, latents, given, conditions):  # type: ignore[no-untyped-def]
            return np.full((len(latents), 3), 1 / 3, np.float32)

    wishes = {"generate": "bass", "bpm": 120, "bars": 1, "steps": 2, "variations": 8, "seed": 1}
    stems = arrange(parse_request(wishes), Unsure(hearing()), tmp_path)
    assert len({stem.style for stem in stems}) > 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"style_timbres": {"polka": {"bass": ("finger",)}}}, "among the styles"),
        ({"style_timbres": {"funk": {"bass": ("tuba",)}}}, "bass timbre"),
        ({"style_classifier": "style.ts"}, "SHA-256"),
        ({"styles": (), "style_timbres": {}, "style_chords": {}}, "needs styles"),
        ({"style_chords": {"polka": ("C",)}}, "among the styles"),
        ({"style_chords": {"funk": ("C Xyz",)}}, "Xyz"),
        ({"style_chords": {"funk": ("",)}}, "not a chord symbol"),
        ({"style_chords": {"funk": ("C | F",)}}, "not a chord symbol"),
        ({"condition_layout": hearing().condition_layout[:3]}, "chords block"),
        ({"condition_layout": (ConditionBlock(name="style", channels=4),)}, "a grid block first"),
    ],
)
def test_a_manifest_must_know_what_it_names(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        hearing(**changes)


def test_older_artifacts_keep_their_identity() -> None:
    plain = fake_manifest()
    before = {k: v for k, v in plain.to_mapping().items() if k not in YOUNGER_FIELDS}
    for name in YOUNGER_SAMPLER_FIELDS:
        del before["sampler"][name]
    text = json.dumps(before, sort_keys=True, separators=(",", ":"))
    assert plain.artifact_sha256 == hashlib.sha256(text.encode()).hexdigest()
    deaf = hearing(style_classifier=None, style_timbres={}, style_chords={})
    assert len({m.artifact_sha256 for m in (plain, deaf, hearing())}) == 3
