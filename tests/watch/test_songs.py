"""What names tell, and what is passed over in words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from watch_bench import Bench

from stembridge.errors import BadArgsError
from stembridge.watch import WatchedSong, find_songs, tempo_of


def song(folder: str, *files: str) -> WatchedSong:
    return WatchedSong(Path(folder), {"drums": tuple(Path(folder) / file for file in files)})


def test_names_tell_the_tempo() -> None:
    assert tempo_of(song("/x/Night 87.3bpm", "Drums.wav"), "120") == ("87.3", "87.3 bpm")
    names = {"Night 87,3 BPM": "87.3", "Night": "120", "Fast 1200bpm": "1200"}
    names["Slow 5bpm"] = "5"  # refused, not 120 instead
    for name, bpm in names.items():
        assert tempo_of(song(f"/x/{name}", "Drums.wav"), "120")[0] == bpm
    with pytest.raises(BadArgsError, match="At what tempo"):
        tempo_of(song("/x/Night", "Drums.wav"), "")
    with pytest.raises(BadArgsError, match="different tempi"):
        tempo_of(song("/x/A 90bpm", "Drums 93 BPM.wav"), "")


def test_what_is_passed_over_is_said(bench: Bench) -> None:
    folder = bench.drop("Night 120bpm/Drums.wav", "Night 120bpm/Vocals.wav")
    (folder / "Gtr.m4a").write_bytes(b"x")
    (folder / "Keys.CAF").write_bytes(b"x")
    (folder / "Bass.wav").symlink_to(folder / "Drums.wav")
    os.mkfifo(folder / "Piano.wav")
    (folder / "Guitar.wav").mkdir()
    (folder / "notes.txt").write_text("not audio")
    (folder / ".Drums.wav").write_text("a Mac's resource fork")
    bench.look()
    bench.look()
    told = " ".join(bench.said)
    for words in (
        "Vocals.wav is passed over: its name tells no stem",
        "Gtr.m4a is passed over: .m4a cannot be read. Export it as WAV",
        "Keys.CAF is passed over",
        "Bass.wav is passed over: it is a link, or no file",
        "Piano.wav is passed over: it is a link, or no file",
        "Guitar.wav is passed over: it is a link, or no file",
    ):
        assert told.count(words) == 1, told
    assert "notes.txt" not in told and ".Drums" not in told


def test_a_song_without_a_single_known_name_is_refused(bench: Bench) -> None:
    folder = bench.drop("Choir 120bpm/Vox.wav")
    assert bench.look() == []
    assert folder in bench.refused
    assert any("Vox.wav is passed over" in line for line in bench.said)


def test_several_files_of_a_stem_are_heard_together(bench: Bench) -> None:
    bench.drop("A 120bpm/Drums kick.wav", "A 120bpm/Drums snare.wav", "A 120bpm/Bass.wav")
    bench.start(make=("piano",))
    bench.look()
    clips = bench.client.asked[0]["clips"]
    heard = [(clip["stem"], Path(clip["path"]).name) for clip in clips]
    assert heard == [
        ("bass", "Bass.wav"), ("drums", "Drums kick.wav"), ("drums", "Drums snare.wav")
    ]  # fmt: skip
    assert any("are all drums and are heard together" in line for line in bench.said)


def test_only_folders_with_audio_are_songs(bench: Bench) -> None:
    (bench.root / "empty").mkdir()
    (bench.root / "texts").mkdir()
    (bench.root / "texts" / "bass.txt").write_text("x")
    bench.drop("made/bass.wav", ".hidden/bass.wav", "A/bass.wav", "drums.wav")
    assert [one.folder.name for one in find_songs(bench.root)] == ["songs", "A"]


def test_a_bass_guitar_is_a_bass(bench: Bench) -> None:
    bench.drop("A 120bpm/Bass Guitar.wav", "A 120bpm/808 Kick.wav", "A 120bpm/Drums1.wav")
    assert bench.look() == ["A 120bpm_guitar.wav", "A 120bpm_piano.wav"]
