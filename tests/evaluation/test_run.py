"""The whole evaluation on two songs and a model in closed form."""

from __future__ import annotations

import json
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pytest

from stembridge.chords import parse_progression
from stembridge.dataset.annotated import AnnotatedSong, save_song
from stembridge.dataset.song import STEMS
from stembridge.evaluation import run
from stembridge.evaluation.figures import measure
from stembridge.evaluation.heldout import Trial, cut, make
from stembridge.evaluation.report import html_report
from stembridge.evaluation.run import StemRow, evaluate
from stembridge.evaluation.songs import SongFolder
from stembridge.evaluation.summary import FRECHET, SUBJECTS, _deviation_ratio, summary
from stembridge.musical_time import TimeSignature
from stembridge.pool.jobs import Crew
from stembridge.runtime.manifest import ConditionBlock, NoteReaderEntry, SamplerDefaults
from stembridge.testing import FakeModel, fake_manifest

RATE, BPM = 22050, 120.0
TRIAL = Trial(steps=3)


def song(seed: int, chords: str, seconds: float = 7.0) -> AnnotatedSong:
    """Pulses on every beat, of noise for the drums and of the chord's root for the others."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    fade = np.exp(-((t * BPM / 60) % 1) * 6)
    spans = parse_progression(chords, 4, seconds * BPM / 60)
    roots = np.array([span.root or 0 for span in spans])
    starts = np.array([span.start_beats for span in spans])
    root = roots[np.searchsorted(starts, t * BPM / 60, side="right") - 1]
    audio = [0.2 * rng.standard_normal(t.size) * fade if stem == "drums"
             else 0.2 * fade * np.sin(2 * np.pi * 440 * 2 ** ((pitch + root - 69) / 12) * t)
             for stem, pitch in zip(STEMS, (36, 0, 60, 72), strict=True)]  # fmt: skip
    return AnnotatedSong(
        f"song{seed}", np.array(audio, np.float32), RATE, BPM, TimeSignature(), spans
    )


# The closed-form model brings no note readers: nothing is played.
_MEASURED = tuple(subject for subject in SUBJECTS if subject != "played")


@pytest.fixture(scope="module")
def songs() -> list[AnnotatedSong]:
    return [song(0, "C F G C"), song(1, "Eb Bb Ab F#")]


@pytest.fixture(scope="module")
def figures(songs: list[AnnotatedSong]) -> tuple[object, dict[str, object]]:
    results = evaluate(FakeModel, songs, TRIAL, n_examples=1)
    return results, summary(results)


def test_every_stem_is_compared_with_ceiling_truth_and_retrieval(figures: tuple) -> None:
    _, stems = figures
    assert tuple(stems) == STEMS
    for values in stems.values():
        for subject in _MEASURED:
            assert values[subject]["onsets_per_s"]["n"] == 2
        truth = values["truth"]
        assert truth["lsd_db"]["mean"] == 0.0
        assert truth["loudness_difference_lu"]["mean"] == 0.0
        assert truth["onset_f1"]["mean"] == 1.0
        assert truth["onsets_per_s"]["mean"] == pytest.approx(2.0, abs=0.2)
        assert truth["on_eighth"]["mean"] == pytest.approx(1.0, abs=0.1)
        assert values["seconds_per_audio_second"] > 0
        assert np.isfinite(values["latent_deviation_ratio"])
    assert stems["bass"]["truth"]["root"]["mean"] == 1.0
    assert stems["bass"]["truth"]["root_shuffled"]["mean"] < 0.5
    assert "root" not in stems["drums"]["truth"]
    json.dumps(stems, allow_nan=False)


def test_frechet_distances_know_the_own_stem(figures: tuple) -> None:
    _, stems = figures
    for values in stems.values():
        assert set(values[FRECHET]) == {
            "generated", "ceiling", "retrieval", "nearest_wrong_stem", "truth_halves"
        }  # fmt: skip
    drums = stems["drums"][FRECHET]
    assert drums["retrieval"] < drums["generated"]  # the fake model plays a tone for drums


def test_the_report_needs_nothing_else(figures: tuple) -> None:
    results, stems = figures
    page = html_report("A <model>", {"facts": {"songs": 2}, "stems": stems}, results, RATE)
    assert "A &lt;model&gt;" in page
    assert page.count("<h2>") == 4
    assert page.count("<audio") == page.count("data:audio/ogg") == 8
    assert page.count("data:image/png;base64,") == 8
    assert "http" not in page.replace("http-equiv", "")


def test_songs_shorter_than_a_window_are_left_out(tmp_path: Path) -> None:
    mixed = [song(0, "C F"), song(1, "E", seconds=2.0), song(2, "D G"), song(3, "A")]
    for item in mixed:
        save_song(item, tmp_path)
    folder = SongFolder.of(tmp_path, 2, 6 * RATE)
    assert [folder[i].name for i in range(len(folder))] == ["song0", "song2"]


def test_only_the_ceiling_costs_no_generation(songs: list[AnnotatedSong]) -> None:
    models = []

    def opener() -> FakeModel:
        models.append(FakeModel())
        return models[-1]

    stems = summary(evaluate(opener, songs, Trial(ceiling_only=True)))
    assert models[0].n_calls == 0
    assert "generated" not in stems["bass"]
    assert stems["bass"]["ceiling"]["lsd_db"]["mean"] > 0
    assert {"ceiling", "retrieval", "nearest_wrong_stem", "truth_halves"} == set(
        stems["bass"][FRECHET]
    )


@pytest.mark.slow
def test_processes_and_groups_change_nothing(
    songs: list[AnnotatedSong], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [*songs, song(2, "A D")]
    alone = evaluate(FakeModel, many, TRIAL, n_examples=1)
    monkeypatch.setattr(run, "GROUP", 2)
    shared = evaluate(FakeModel, many, TRIAL, n_examples=1, crew=Crew(2))
    for stem in STEMS:
        assert [row.song for row in alone[stem]] == [item.name for item in many]
        for row, other in zip(alone[stem], shared[stem], strict=True):
            for subject in _MEASURED:
                ours, theirs = (
                    [nan if x is None else x for x in vars(r.figures[subject]).values()]
                    for r in (row, other)
                )
                np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)
            assert (row.example is None) == (other.example is None)


def test_the_latent_deviation_is_that_of_all_songs_together() -> None:
    rng = np.random.default_rng(0)
    made, true = rng.standard_normal((2, 6, 8, 500)) * np.array([0.8, 1.0])[:, None, None, None]
    made += np.arange(6)[:, None, None]  # songs that differ from each other deviate, too
    true = true + np.arange(6)[:, None, None]
    rows = [
        StemRow("", {}, {}, np.stack([run._moments(m), run._moments(t)]))
        for m, t in zip(made, true, strict=True)
    ]
    expected = made.std((0, 2)).mean() / true.std((0, 2)).mean()
    assert _deviation_ratio(rows) == pytest.approx(expected)


def test_a_stem_that_rests_is_not_measured(songs: list[AnnotatedSong]) -> None:
    resting = replace(songs[1], audio=songs[1].audio.copy())
    resting.audio[0] = 0.0
    results = evaluate(FakeModel, [songs[0], resting], TRIAL, n_examples=0)
    assert len(results["bass"]) == 1
    assert len(results["piano"]) == 2


def test_the_given_stems_stay_and_the_seed_makes_the_take(songs: list[AnnotatedSong]) -> None:
    model = FakeModel()
    short = cut(songs[0], model.manifest.window_frames * model.manifest.hop)
    first, again, other = (make(model, short, "bass", TRIAL, seed) for seed in (1, 1, 3))
    np.testing.assert_array_equal(first[0].latents, again[0].latents)
    np.testing.assert_array_equal(first[0].latents[1:], other[0].latents[1:])
    assert np.abs(first[0].latents[0] - other[0].latents[0]).max() > 1e-3


def test_notes_are_those_that_are_served(songs: list[AnnotatedSong]) -> None:
    calls = {}
    reader = NoteReaderEntry(file="fake", lowest=40, threshold=0.5)
    for shift in (1.0, 0.8):
        habit = SamplerDefaults(steps=3, shift={"bass": shift})
        model = FakeModel(fake_manifest(sampler=habit, note_readers={"bass": reader}))
        run._row(model, "bass", songs[0], songs[1], run._GroupTask(songs, range(1), TRIAL, 0, 0), 0)
        calls[shift] = model.n_calls
    # Sound is sampled with noise told as less, notes are not: they are read in a take of their own.
    assert calls[0.8] == 2 * calls[1.0] > 0


def told(model: FakeModel, song: AnnotatedSong, target: str, trial: Trial) -> np.ndarray:
    """Conditions [K, F] that a take is made with."""
    return make(model, cut(song, RATE), target, replace(trial, steps=1))[0].conditions.frames[0]


def test_conditions_follow_the_trial(songs: list[AnnotatedSong]) -> None:
    model = FakeModel()
    at = model.manifest.layout.slices()
    plain = told(model, songs[0], "bass", Trial())
    assert plain[at["grid"]].any()
    assert not plain[at["chords"]].any()
    named = told(model, songs[0], "bass", Trial(chords=True, grid=False))
    assert named[at["chords"]].any()
    assert not named[at["grid"]].any()


def test_style_and_instrument_are_chosen_as_in_serving(songs: list[AnnotatedSong]) -> None:
    manifest = fake_manifest(
        styles=("one", "two", "three"), timbres={"bass": ("finger",)}, style_classifier="fake",
        style_timbres={"three": {"bass": ("finger",)}},
        condition_layout=(
            ConditionBlock(name="grid", channels=16), ConditionBlock(name="style", channels=4),
            ConditionBlock(name="timbre", channels=1),
        ),
    )  # fmt: skip
    model = FakeModel(manifest)

    def chosen(song: AnnotatedSong, trial: Trial) -> list[float]:
        return told(model, song, "bass", trial)[16:, 0].tolist()

    # The fake's style is the number of stems it hears: all that sound but the one to be made.
    assert (np.abs(songs[0].audio[:, :RATE]).max(axis=1) > 0).all()
    assert chosen(songs[0], Trial()) == [1, 1, 0, 0, 0]  # three stems of three styles: the first
    resting = replace(songs[0], audio=songs[0].audio * np.array([[1], [0], [1], [1]], np.float32))
    assert chosen(resting, Trial()) == [1, 0, 0, 1, 1]
    assert chosen(resting, Trial(choose=False)) == [0, 0, 0, 0, 0]


def test_chords_are_heard_in_the_other_stems_as_in_serving(songs: list[AnnotatedSong]) -> None:
    t = np.arange(songs[0].audio.shape[1]) / RATE
    triad = [np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * t) for p in (60, 64, 67)]
    audio = np.zeros_like(songs[0].audio)
    audio[STEMS.index("piano")] = 0.1 * np.sum(triad, axis=0)
    vamp = replace(songs[0], audio=audio)
    model = FakeModel(fake_manifest(chords_from_context=True))
    at = model.manifest.layout.slices()["chords"]
    for_bass = told(model, vamp, "bass", Trial())[at]
    assert set(np.flatnonzero(for_bass[1:13, 10])) == {0, 4, 7}
    # What is to be made is not heard, and chords that are told go first.
    assert not told(model, vamp, "piano", Trial())[at].any()
    assert not told(model, vamp, "bass", Trial(grid=False))[at].any()
    named = told(model, replace(vamp, chords=songs[1].chords), "bass", Trial(chords=True))[at]
    assert set(np.flatnonzero(named[1:13, 10])) == {3, 7, 10}


def test_cutting_drops_what_begins_later(songs: list[AnnotatedSong]) -> None:
    short = cut(songs[0], 2 * RATE)
    assert short.audio.shape == (4, 2 * RATE)
    assert [chord.symbol for chord in short.chords] == ["C"]


def test_silence_is_measured_as_silence(songs: list[AnnotatedSong]) -> None:
    silent = np.zeros(songs[0].audio.shape[1], np.float32)
    found = measure(silent, songs[0], "bass", songs[1])
    assert found.silent == 1.0
    assert found.onsets_per_s == 0.0
    assert found.on_sixteenth is found.root is found.loudness_difference_lu is None


def test_a_model_that_says_nothing_still_gets_its_report(songs: list[AnnotatedSong]) -> None:
    class Mute(FakeModel):
        def decode(self, stem: str, latents: np.ndarray) -> np.ndarray:
            return np.zeros((len(latents), latents.shape[-1] * self.manifest.hop), np.float32)

    stems = summary(evaluate(Mute, songs, TRIAL, n_examples=0))
    assert stems["bass"]["generated"]["silent"]["mean"] == 1.0
    assert np.isnan(stems["bass"]["on_grid_share_of_ceiling"])
