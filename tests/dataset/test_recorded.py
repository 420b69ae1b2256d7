"""Recorded songs: the same anywhere, annotated, splits apart, kept as files."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_kit import toy_kit

from stembridge.chords import ChordSpan
from stembridge.dataset.annotated import load_song
from stembridge.dataset.kit import Kit
from stembridge.dataset.real import RealSongs
from stembridge.dataset.recorded import (
    KitSongs,
    build,
    choose,
    heard,
    loop_of,
    make_song,
    voice_for,
)
from stembridge.dataset.song import STEMS
from stembridge.dataset.theory import pitch_classes


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    return toy_kit(tmp_path_factory.mktemp("kit"))


def test_a_song_is_reproducible_and_knows_everything(kit: Kit) -> None:
    one, other = (make_song("train", 2, kit, length_s=4.0) for _ in "ab")
    assert np.array_equal(one.audio, other.audio)
    assert one.audio.shape == (4, round(one.audio.shape[1]))
    assert one.audio.dtype == np.float32
    assert one.chords
    assert set(one.instruments) == set(one.timbres) == set(one.notes) == set(STEMS)
    for stem, audio in zip(STEMS, one.audio, strict=True):
        assert (np.abs(audio).max() > 0.01) == bool(one.notes[stem])
    assert np.array_equal(heard(one), heard(other))


def test_test_songs_are_other_people(kit: Kit) -> None:
    train, test = (make_song(split, 0, kit, length_s=4.0) for split in ("train", "test"))
    assert train.notes != test.notes


def test_an_instrument_of_the_timbre_is_chosen_or_any(kit: Kit) -> None:
    rng = np.random.default_rng(0)
    assert choose(kit, "guitar", "overdrive", rng).name == "toy-guitar"
    assert choose(kit, "bass", "synth", rng).name == "toy-bass"


@pytest.mark.parametrize("workers", [1, 2])
def test_songs_are_kept_as_files_and_building_goes_on(
    kit: Kit, tmp_path: Path, workers: int
) -> None:
    made = list(build(tmp_path, "train", 2, kit, length_s=2.0, workers=workers))
    assert made == ["band-train-00000", "band-train-00001"]
    assert not list(build(tmp_path, "train", 2, kit, length_s=2.0))
    kept, fresh = load_song(tmp_path / f"{made[1]}.json"), make_song("train", 1, kit, length_s=2.0)
    assert np.allclose(kept.audio, fresh.audio, atol=1e-4)
    assert kept.instruments == fresh.instruments
    assert kept.notes == fresh.notes


def test_training_gets_both_composers_and_a_voice_to_some(kit: Kit) -> None:
    songs = KitSongs(kit.folder, length_s=3.0)
    made = [songs("train", index) for index in range(6)]
    assert [song.name.startswith("band") for song, _ in made] == [True, True, False] * 2
    voices = [voice for _, voice in made if voice is not None]
    assert 0 < len(voices) < 6
    again = pickle.loads(pickle.dumps(songs))("train", 1)
    assert np.array_equal(again[0].audio, made[1][0].audio)
    for song, sung in made:
        assert sung is None or len(sung) == song.audio.shape[1]


def test_a_voice_sings_to_the_chords(kit: Kit) -> None:
    song = replace(make_song("train", 0, kit, length_s=8.0), chords=(
        ChordSpan(0.0, pitch_classes(2, "maj"), 2, "maj"),))  # fmt: skip
    sung = voice_for(song, np.random.default_rng(3))
    spectrum = np.abs(np.fft.rfft(sung * np.hanning(len(sung))))
    hz = np.fft.rfftfreq(len(sung), 1 / song.rate)
    inside = (hz > 110) & (hz < 660)
    classes = np.round(69 + 12 * np.log2(hz[inside] / 440)).astype(int) % 12
    energy = np.bincount(classes, spectrum[inside] ** 2, 12)
    in_scale = energy[[2, 4, 6, 9, 11]].sum() / energy.sum()
    assert in_scale > 0.8
    assert np.sqrt(np.mean(sung**2)) > 0.01


def test_real_songs_are_held_out_ones_through_more_than_a_studio(kit: Kit) -> None:
    songs = RealSongs(3, 44100, kit.folder, length_s=2.0)
    assert len(songs) == 3
    dry = [make_song("test", i, kit, length_s=2.0) for i in range(3)]
    one, clean = songs[1], dry[1]
    assert one.name == "real-00001"
    assert one.notes == clean.notes
    assert one.audio.shape == clean.audio.shape
    assert any(not np.allclose(song.audio, songs[i].audio) for i, song in enumerate(dry))


def test_loops_take_chords_and_notes_round_with_them(kit: Kit) -> None:
    song = make_song("train", 0, kit, length_s=8.0)
    loop = loop_of(song, 2)
    beats = 2 * song.time_signature.beats_per_bar
    length = round(beats * 60 / (song.bpm or 0) * song.rate)
    assert loop.audio.shape == song.audio.shape
    assert np.array_equal(loop.audio[:, length : 2 * length], loop.audio[:, :length])
    first = [c for c in loop.chords if c.start_beats < beats]
    second = [c for c in loop.chords if beats <= c.start_beats < 2 * beats]
    assert [c.symbol for c in first] == [c.symbol for c in second]
    assert [c.start_beats + beats for c in first] == [c.start_beats for c in second]
    for stem in STEMS:
        times = [n.start_beats for n in loop.notes[stem]]
        once = sum(time < beats for time in times)
        assert sum(beats <= time < 2 * beats for time in times) == once
    assert loop_of(song, 500) is song
