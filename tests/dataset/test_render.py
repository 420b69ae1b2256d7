"""Rendering, mixing and keeping songs; needs FluidSynth and the small SoundFont."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stembridge.audio.loudness import integrated_loudness
from stembridge.audio.onsets import detect_onsets
from stembridge.dataset import soundfonts
from stembridge.dataset.annotated import load_song, save_song
from stembridge.dataset.render import Renderer
from stembridge.dataset.song import STEMS, Note, Program
from stembridge.dataset.soundfonts import HELD_OUT, find_soundfont
from stembridge.dataset.synthetic import build, make_song
from stembridge.errors import MissingExtraError
from stembridge.pool.jobs import Crew

RATE = 16000


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    pytest.importorskip("fluidsynth", reason="FluidSynth or its Python binding is not installed")
    try:
        return Renderer(find_soundfont(HELD_OUT), 44100)
    except MissingExtraError as error:
        pytest.skip(reason=str(error))


def test_note_onsets_lie_on_their_beats(renderer: Renderer) -> None:
    beats = [0.5, 1.0, 2.25, 3.0, 4.5]
    notes = tuple(Note(beat, 0.2, 37, 110) for beat in beats)
    audio = renderer.render_part(notes, Program(128, 0, "standard"), 100.0, 4 * 44100)
    found = detect_onsets(audio, 44100)
    assert len(found) == len(beats)
    np.testing.assert_allclose(found, np.array(beats) * 0.6, atol=2e-3)


def test_a_part_without_notes_is_silent_and_parts_do_not_leak(renderer: Renderer) -> None:
    grand = Program(0, 0, "grand")
    alone = renderer.render_part((Note(0.5, 0.2, 60, 100),), grand, 120.0, 22050)
    held = renderer.render_part((Note(0, 8, 60, 100),), grand, 120.0, 22050)
    rest = renderer.render_part((), grand, 120.0, 22050)
    late = renderer.render_part((Note(0.5, 0.2, 60, 100),), grand, 120.0, 22050)
    assert np.abs(held).max() > 0.01
    assert not rest.any()
    assert np.abs(late[:11000]).max() < 1e-4  # nothing of the note held before
    np.testing.assert_allclose(late, alone, atol=3 / 32768)


def test_a_note_sounds_at_its_pitch(renderer: Renderer) -> None:
    audio = renderer.render_part((Note(0, 4, 45, 100),), Program(0, 33, "finger"), 120.0, 44100)
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    peaks = np.flatnonzero(spectrum > 0.3 * spectrum.max())
    ratios = peaks / 110.0  # A2 and its overtones; a bin is 1 Hz
    assert np.abs(ratios - np.round(ratios)).max() < 0.03


def test_songs_are_mixed_to_the_nominal_loudness(renderer: Renderer) -> None:
    from stembridge.dataset.augment import NOMINAL_LUFS

    assert renderer.rate
    songs = [make_song("test", i, rate=RATE, soundfont=HELD_OUT, length_s=8.0) for i in range(4)]
    levels = []
    for song in songs:
        assert song.audio.shape[0] == len(STEMS)
        assert song.audio.dtype == np.float32
        assert np.isfinite(song.audio).all()
        assert 8.0 <= song.audio.shape[1] / RATE < 13.0
        levels.append(integrated_loudness(song.audio.sum(0), RATE) or -70.0)
    assert np.mean(levels) == pytest.approx(NOMINAL_LUFS, abs=2.5)


def test_building_is_resumable_and_songs_are_kept_as_they_are(
    renderer: Renderer, tmp_path: Path
) -> None:
    assert renderer.rate
    settings = {"rate": RATE, "length_s": 3.0}
    fonts = {"soundfonts": [HELD_OUT]}
    crew = Crew(2)
    made = build(tmp_path, "train", 2, **settings, **fonts, crew=crew)
    assert list(made) == ["train-00000", "train-00001"]
    first = (tmp_path / "train-00000.npy").stat().st_mtime_ns
    (tmp_path / "train-00001.json").unlink()
    assert list(build(tmp_path, "train", 2, **settings, **fonts)) == ["train-00001"]
    assert (tmp_path / "train-00000.npy").stat().st_mtime_ns == first
    kept, made = (
        load_song(tmp_path / "train-00001.json"),
        make_song("train", 1, **settings, soundfont=HELD_OUT),
    )
    np.testing.assert_allclose(kept.audio, made.audio.clip(-1, 1), atol=2e-3)  # FluidSynth dithers
    assert (kept.chords, kept.notes, kept.timbres) == (made.chords, made.notes, made.timbres)
    assert (kept.bpm, kept.style, kept.time_signature) == (
        made.bpm, made.style, made.time_signature,
    )  # fmt: skip
    save_song(kept, tmp_path / "again")
    assert load_song(tmp_path / "again" / "train-00001.json").notes == made.notes


def test_a_missing_soundfont_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(soundfonts, "FOLDERS", (tmp_path,))
    with pytest.raises(MissingExtraError, match=r"Nothing\.sf2"):
        find_soundfont("Nothing.sf2")
