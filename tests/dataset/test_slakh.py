"""Slakh2100's layout, on a made-up track."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from stembridge.dataset.slakh import parse_metadata, read_slakh, read_stems, read_tempo
from stembridge.errors import BadAudioError, NoSuchFileError

RATE = 8000
METADATA = """\
UUID: 1a81ae09_2
audio_dir: stems
lmd_midi_dir: lmd_matched/O/O/O/TROOO.mid
normalization_factor: -16.0
normalized: true
stems:
  S00:
    audio_rendered: true
    inst_class: Guitar
    is_drum: false
    midi_program_name: 'Distortion Guitar: lead'
    plugin_name: elektrik_guitar.nkm
    program_num: 30
  S01:
    inst_class: Guitar
    program_num: 27
  S02:
    inst_class: Drums
    is_drum: true
  S03:
    inst_class: Strings (continued)
  S04:
    inst_class: Bass
target_peak: -1.0
"""


def tone(frequency: float, seconds: float = 6.0) -> np.ndarray:
    return 0.2 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)


def write_midi(path: Path, tempos: tuple[float, ...], metres: tuple[tuple[int, int], ...]) -> None:
    midi = mido.MidiFile()
    track = mido.MidiTrack()
    midi.tracks.append(track)
    for bpm in tempos:
        track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm), time=480))
    for numerator, denominator in metres:
        track.append(
            mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)
        )
    midi.save(path)


@pytest.fixture(params=[".flac", ".wav"])
def track(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path / "slakh" / "train" / "Track00001"
    (folder / "stems").mkdir(parents=True)
    (folder / "metadata.yaml").write_text(METADATA)
    # S04, the bass, was never rendered.
    for name, sound in (("S00", tone(500)), ("S01", tone(700, 4)), ("S02", tone(90)),
                        ("S03", tone(900))):  # fmt: skip
        soundfile.write(folder / "stems" / f"{name}{request.param}", sound, RATE)
    write_midi(folder / "all_src.mid", (100.0,), ((3, 4),))
    return folder


def test_instruments_are_summed_to_our_stems(track: Path) -> None:
    stems = read_stems(track, RATE)
    assert set(stems) == {"guitar", "drums"}
    expected = tone(500)
    expected[: 4 * RATE] += tone(700, 4)
    np.testing.assert_allclose(stems["guitar"], expected, atol=1e-3)
    np.testing.assert_allclose(stems["drums"], tone(90), atol=1e-3)


def test_tracks_become_songs_and_omitted_ones_do_not(track: Path) -> None:
    root = track.parent.parent
    omitted = root / "omitted" / "Track00002"
    omitted.mkdir(parents=True)
    (omitted / "metadata.yaml").write_text(METADATA)
    for place in (root, root / "train", track):
        (song,) = read_slakh(place, RATE)
        assert (song.name, song.bpm, str(song.time_signature)) == ("Track00001", 100.0, "3/4")
        assert song.audio.shape == (4, 6 * RATE)
        assert not song.audio[0].any()
        assert not song.audio[3].any()
        assert song.chords == ()


def test_metadata_is_nested_mappings() -> None:
    facts = parse_metadata(METADATA)
    assert facts["audio_dir"] == "stems"
    assert facts["stems"]["S00"]["midi_program_name"] == "Distortion Guitar: lead"
    assert list(facts["stems"]) == ["S00", "S01", "S02", "S03", "S04"]
    assert facts["target_peak"] == "-1.0"
    with pytest.raises(BadAudioError, match="key: value"):
        parse_metadata("stems:\n  - S00\n")


@pytest.mark.parametrize(
    ("tempos", "metres", "bpm", "metre"),
    [
        ((92.5,), ((4, 4),), 92.5, "4/4"),
        ((92.5, 92.6), (), 92.5, "4/4"),
        ((92.5, 120.0), ((4, 4),), None, "4/4"),
        ((92.5,), ((4, 4), (3, 4)), None, "4/4"),
        ((), ((6, 8),), None, "6/8"),
    ],
)
def test_the_tempo_is_known_only_where_it_stays(
    tmp_path: Path, tempos: tuple[float, ...], metres: tuple[tuple[int, int], ...],
    bpm: float | None, metre: str,
) -> None:  # fmt: skip
    write_midi(tmp_path / "all_src.mid", tempos, metres)
    found, signature = read_tempo(tmp_path / "all_src.mid")
    assert found == (pytest.approx(bpm, abs=0.01) if bpm else None)
    assert str(signature) == metre


def test_a_missing_or_broken_midi_file_tells_nothing(tmp_path: Path) -> None:
    assert read_tempo(tmp_path / "all_src.mid")[0] is None
    (tmp_path / "all_src.mid").write_bytes(b"MThd")
    assert read_tempo(tmp_path / "all_src.mid")[0] is None


def test_a_folder_without_tracks_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NoSuchFileError, match="no Slakh2100 track"):
            read_slakh(place)
