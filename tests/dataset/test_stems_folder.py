"""A folder of the user's own stems becomes training songs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.audio.loudness import integrated_loudness
from stembridge.chords import parse_progression
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.augment import NOMINAL_LUFS
from stembridge.dataset.pieces import cut_pieces, recording_of
from stembridge.dataset.stems_folder import read_stems_folder
from stembridge.errors import BadArgsError, BadAudioError, NoSuchFileError
from stembridge.musical_time import TimeSignature

RATE = 8000


def write_song(folder: Path, seconds: float, stems: dict[str, float], **facts: Any) -> Path:
    """Stems as tones of a frequency each, in stereo at 16 kHz."""
    folder.mkdir(parents=True)
    t = np.arange(int(seconds * 16000)) / 16000
    for name, frequency in stems.items():
        tone = 0.3 * np.sin(2 * np.pi * frequency * t)
        soundfile.write(folder / name, np.stack([tone, tone], 1), 16000)
    if facts:
        (folder / "song.json").write_text(json.dumps(facts))
    return folder


def test_songs_are_read_resampled_mixed_to_mono_and_levelled(tmp_path: Path) -> None:
    write_song(tmp_path / "two", 6, {"Bass.wav": 100, "drums.flac": 900}, bpm=120, style="funk")
    write_song(tmp_path / "one", 4, {"piano.wav": 400})
    (tmp_path / "notes").mkdir()  # no song
    first, second = read_stems_folder(tmp_path, RATE)
    assert (first.name, first.bpm, first.style) == ("one", None, None)
    assert (second.name, second.bpm, second.style) == ("two", 120, "funk")
    assert second.audio.shape == (4, 6 * RATE)
    assert second.audio.dtype == np.float32
    assert not second.audio[2:].any()
    spectrum = np.abs(np.fft.rfft(second.audio[0]))
    assert int(spectrum.argmax()) == 600  # 100 Hz in bins of 1/6 Hz
    for song in (first, second):
        loudness = integrated_loudness(song.audio.sum(0), RATE)
        assert loudness == pytest.approx(NOMINAL_LUFS, abs=0.3)
    # One gain for all stems: their balance is the user's.
    assert np.abs(second.audio[0]).max() == pytest.approx(np.abs(second.audio[1]).max(), rel=0.02)


def test_one_songs_folder_will_do(tmp_path: Path) -> None:
    folder = write_song(tmp_path / "only", 4, {"bass.wav": 80})
    assert [song.name for song in read_stems_folder(folder, RATE)] == ["only"]


def test_long_songs_are_cut_on_bar_lines(tmp_path: Path) -> None:
    write_song(tmp_path / "long", 70, {"bass.wav": 80}, bpm=90, time_signature="3/4",
               chords="Am F C G E")  # fmt: skip
    pieces = list(read_stems_folder(tmp_path, RATE))
    # A bar lasts 2 s; three phrases of four bars come closest to 24 s; 22 s are left.
    assert [piece.audio.shape[1] for piece in pieces] == [24 * RATE, 24 * RATE, 22 * RATE]
    assert [piece.name for piece in pieces] == [f"long-part{i:03d}" for i in range(3)]
    assert {recording_of(piece.name) for piece in pieces} == {"long"}
    # Bar 12 is the third of the five chords.
    assert [(c.start_beats, c.symbol) for c in pieces[1].chords][:3] == [
        (0.0, "C"), (3.0, "G"), (6.0, "E"),
    ]  # fmt: skip


def test_the_first_bar_may_lie_later(tmp_path: Path) -> None:
    folder = write_song(tmp_path / "late", 5, {"bass.wav": 80}, bpm=60, first_bar_s=1.5)
    silence = np.zeros(int(1.5 * 16000))
    tone = np.concatenate([silence, 0.5 * np.ones(16000)])
    soundfile.write(folder / "bass.wav", tone, 16000)
    (song,) = read_stems_folder(tmp_path, RATE)
    assert song.audio.shape[1] == RATE
    assert np.abs(song.audio[0, 100:-100]).min() > 0.01


def whole(seconds: float, bpm: float | None, chords: str = "") -> AnnotatedSong:
    audio = np.full((4, int(seconds * RATE)), 0.1, np.float32)
    spans = parse_progression(chords, 4, 400) if chords else ()
    return AnnotatedSong("song", audio, RATE, bpm, TimeSignature(), spans)


def test_pieces_cover_the_song_without_overlap() -> None:
    song = whole(100.0, 97.3)
    song.audio[0] = np.arange(100 * RATE)
    pieces = list(cut_pieces(song))
    found = np.concatenate([piece.audio[0] for piece in pieces])
    np.testing.assert_array_equal(found, song.audio[0, : found.size])
    assert found.size > 98 * RATE  # what is left is too short for a piece
    bar_s = 4 * 60 / 97.3
    for i, piece in enumerate(pieces):
        at = piece.audio[0, 0] / RATE / bar_s
        assert at == pytest.approx(round(at), abs=1e-3)
        assert round(at) % 4 == 0, i


def test_pieces_without_tempo_short_ends_and_silence() -> None:
    assert [p.audio.shape[1] for p in cut_pieces(whole(60.0, None))] == [24 * RATE, 24 * RATE]
    assert [p.name for p in cut_pieces(whole(3.0, None))] == ["song"]
    silent = whole(72.0, None)
    silent.audio[:, 24 * RATE : 48 * RATE] = 0
    assert [p.name for p in cut_pieces(silent)] == ["song-part000", "song-part002"]


def test_a_chord_that_sounds_on_is_kept() -> None:
    pieces = list(cut_pieces(whole(48.0, 120.0, "Am@0 F@40 C@50")))
    starts = [[(c.start_beats, c.symbol) for c in piece.chords] for piece in pieces]
    assert starts == [[(0.0, "Am"), (40.0, "F")], [(0.0, "F"), (2.0, "C")]]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"bpm": "fast"}, "bpm"),
        ({"bpm": 0}, "bpm"),
        ({"bpm": True}, "bpm"),
        ({"first_bar_s": -1}, "first_bar_s"),
        ({"bpm": 100, "time_signature": "four"}, "time signature"),
        ({"bpm": 100, "chords": "Xyz"}, "chord"),
        ({"chords": 7}, "chords"),
        ({"tempo": 100}, "fields"),
    ],
)
def test_a_wrong_song_json_is_named(tmp_path: Path, facts: dict[str, Any], said: str) -> None:
    write_song(tmp_path / "song", 2, {"bass.wav": 80}, **facts)
    with pytest.raises(BadArgsError, match=said) as caught:
        list(read_stems_folder(tmp_path, RATE))
    assert "song.json" in str(caught.value)


def test_a_song_json_that_is_no_json_is_named(tmp_path: Path) -> None:
    folder = write_song(tmp_path / "song", 2, {"bass.wav": 80})
    (folder / "song.json").write_text("bpm: 120")
    with pytest.raises(BadArgsError, match="not JSON"):
        list(read_stems_folder(tmp_path, RATE))


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError, match="no folder"):
        read_stems_folder(tmp_path / "nowhere")
    with pytest.raises(NoSuchFileError, match=r"bass\.wav"):
        read_stems_folder(tmp_path)
    (tmp_path / "song").mkdir()
    (tmp_path / "song" / "bass.wav").write_bytes(b"not audio")
    with pytest.raises(BadAudioError, match=r"bass\.wav"):
        list(read_stems_folder(tmp_path))
