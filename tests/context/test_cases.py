"""Files that were once heard wrong, each for a kind (`tests/data/cases`, all synthetic)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.resample import resample
from stembridge.context import Context, load_context, tuning
from stembridge.context.probe import open_context
from stembridge.context.tuning import hear_tuning
from stembridge.request import parse_request
from stembridge.testing import fake_manifest

CASES = Path(__file__).parents[1] / "data" / "cases"
MANIFEST = fake_manifest(chords_from_context=True)
ANYWHERE = AllowedRoots.anywhere()


def load(bars: int, **stems: str) -> Context:
    return load_with(bars, {}, **stems)


def load_with(bars: int, wishes: dict[str, Any], **stems: str) -> Context:
    clips = {f"context.{stem}": str(CASES / name) for stem, name in stems.items()}
    asked = {"generate": "bass", "bpm": "120", "bars": bars} | wishes
    return load_context(parse_request(asked | clips), MANIFEST, ANYWHERE)


def symbols(context: Context) -> str:
    return " ".join(span.symbol for span in context.chords)


def codes(context: Context) -> list[str]:
    return [remark.code for remark in context.remarks]


def test_out_of_phase_stereo_is_heard() -> None:
    context = load(4, piano="piano_antiphase.flac", drums="drums_mono.flac")
    assert symbols(context) == "Am F C G" and context.silent == ()
    assert codes(context) == ["out_of_phase"]


def test_a_context_that_ends_early_is_said_and_its_chords_go_on() -> None:
    context = load(8, piano="piano_2bar.flac", drums="drums_2bar.flac")
    assert symbols(context) == "Am F Am F Am F Am F"
    assert codes(context) == ["ends_early_can_loop", "ends_early_can_loop", "chords_repeated"]
    assert context.remarks[0].words.startswith("piano ends after bar 2 of 8")
    assert not context.samples[:, context.samples.shape[1] // 2 :].any()


def test_it_is_repeated_on_request() -> None:
    context = load_with(8, {"loop_context": True}, piano="piano_2bar.flac", drums="drums_2bar.flac")
    assert symbols(context) == "Am F Am F Am F Am F"
    assert codes(context) == ["looped", "looped"]
    first, last = context.samples[..., :88_200], context.samples[..., -88_200:]
    assert first.any() and abs(first - last).max() < 1e-3 * abs(first).max()


def test_a_quarter_tone_is_heard_at_concert_pitch_and_given_back() -> None:
    context = load(4, piano="piano_quartertone.flac")
    assert codes(context) == ["tuning"] and "+49 cents" in context.remarks[0].words
    assert symbols(context) in ("Am F C G", "Bbm Gb Db Ab")  # a quarter tone is as near to either
    assert 1200 * np.log2(context.pace.tuned) == pytest.approx(49, abs=2)
    in_tune = hear_tuning({"piano": context.samples[3]}, MANIFEST.sample_rate)
    assert in_tune.cents == 0.0 and in_tune.remarks == ()
    assert load_with(4, {"generate": "drums"}, piano="piano_quartertone.flac").pace.tuned == 1.0


def test_notes_with_a_pitch_that_are_called_drums_are_remarked() -> None:
    misnamed = load(4, drums="piano_quartertone.flac")
    assert codes(misnamed) == ["pitch_unheard"] and misnamed.chords == ()
    assert codes(load(4, drums="drums_mono.flac")) == []


@pytest.mark.parametrize("cents", [-45, -20, 0, 12, 30])
def test_any_tuning_is_heard(tmp_path: Path, cents: int) -> None:
    audio, rate = soundfile.read(CASES / "piano_2bar.flac", dtype="float32")
    tuned = resample(audio, rate * 2 ** (cents / 1200), rate, audio.size)
    heard = hear_tuning({"piano": tuned}, rate)
    assert heard.cents == pytest.approx(cents, abs=3)
    assert [remark.code for remark in heard.remarks] == (["tuning"] if cents else [])


def test_stems_that_differ_share_no_tuning() -> None:
    audio, rate = soundfile.read(CASES / "piano_2bar.flac", dtype="float32")
    sharp = resample(audio, rate * 2 ** (40 / 1200), rate, audio.size)
    heard = hear_tuning({"piano": audio, "guitar": sharp}, rate)
    assert heard.cents == 0.0 and [remark.code for remark in heard.remarks] == ["tuning_unclear"]


SHARP, FLAT = 0.8 * np.exp(0.6j * np.pi), 0.8 * np.exp(-0.6j * np.pi)  # by 30 cents


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        ({"drums": 0.12}, []),
        ({"drums": 0.18}, ["pitch_unheard"]),
        ({"drums": 0.18, "piano": 0.8}, ["pitch_unheard"]),
        ({"piano": SHARP, "drums": 0.18}, ["pitch_unheard", "tuning"]),
        ({"piano": SHARP, "drums": 0.18, "guitar": FLAT}, ["pitch_unheard", "tuning_unclear"]),
        ({"piano": 0.12, "guitar": 0.18}, []),
    ],
)
def test_who_has_a_pitch_is_said_beside_what_is_tuned(
    monkeypatch: pytest.MonkeyPatch, vectors: dict[str, complex], said: list[str]
) -> None:
    heard = iter(vectors.values())
    monkeypatch.setattr(tuning, "tuning_vector", lambda *_: next(heard))
    remarks = hear_tuning({stem: np.ones(9000, np.float32) for stem in vectors}, 44_100).remarks
    assert [remark.code for remark in remarks] == said
    assert all(remark.data["stem"] == "drums" for remark in remarks if "heard" in remark.code)


@pytest.mark.parametrize(
    ("name", "length_s", "fault"),
    [
        ("vbr_noxing.mp3", 8.05, None),
        ("concat_xing.mp3", 16.07, "length_counted"),
        ("id3_zero_padding.mp3", 4.0, None),
        ("data_size_0.wav", 2.0, "header_damaged"),
    ],
)
def test_files_with_lying_headers_are_heard_whole(
    name: str, length_s: float, fault: str | None
) -> None:
    with open_context(str(CASES / name), ANYWHERE) as file:
        assert file.duration_s == pytest.approx(length_s, abs=0.02)
        assert (file.fault.code if file.fault else None) == fault
        n_samples = sum(piece.n_samples for piece in file.pieces(0, file.n_samples))
        assert n_samples == file.n_samples


def test_one_side_is_as_loud_as_both() -> None:
    left, both = (load(4, drums=f"drums_{which}.flac") for which in ("left_only", "dual"))
    assert left.loudness_lufs == pytest.approx(both.loudness_lufs, abs=0.05)
    assert left.remarks == both.remarks == ()


def test_a_tempo_that_was_not_told_rightly_is_remarked() -> None:
    context = load(4, drums="drums_117bpm.flac")
    (remark,) = context.remarks
    assert (remark.code, remark.data["heard"], remark.data["told"]) == ("tempo", 117.0, 120.0)
    assert load_with(4, {"bpm": "117"}, drums="drums_117bpm.flac").remarks == ()
