"""SFZ and SoundFont files as instruments, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge.dataset.soundfonts import HELD_OUT, find_soundfont
from stembridge.dataset.styles import TIMBRES
from stembridge.errors import BadArgsError, BadAudioError, NoSuchFileError
from stembridge.parts import Note, Part
from stembridge.players import own_instrument, play, shipped
from stembridge.players.sfz import read_sfz
from stembridge.players.soundfont import SoundFont

SFZ = """
// a comment
#define $low 30
<control> default_path=samples/
<global> ampeg_release=0.3
<group> lovel=1 hivel=80 volume=-3
<region> sample=soft tone.wav lokey=$low hikey=c5 pitch_keycenter=a4
<group> lovel=81 loop_mode=loop_continuous loop_start=10 loop_end=99 lfo01_freq=5
<region> sample=loud.wav key=60 tune=-20 group=2 off_by=3
<region> sample=missing.wav
"""


def folder(tmp_path: Path) -> Path:
    (tmp_path / "samples").mkdir()
    for name in ("soft tone.wav", "loud.wav"):
        soundfile.write(tmp_path / "samples" / name, np.full((200, 2), 0.5), 22_050)
    (tmp_path / "bass.sfz").write_text(SFZ)
    return tmp_path


def test_an_sfz_file_is_read(tmp_path: Path) -> None:
    sfz = read_sfz(folder(tmp_path) / "bass.sfz")
    soft, loud = sfz.instrument.zones
    assert (soft.keys, soft.velocities, soft.root, soft.gain_db) == ((30, 72), (1, 80), 69, -3.0)
    assert (loud.keys, loud.loop, loud.tune_cents, loud.root) == ((60, 60), (10, 100), -20.0, 60)
    assert (loud.group, loud.off_by, loud.envelope.release_s) == (2, 3, 0.3)
    assert sfz.unread == ("lfo01_freq",)
    assert soft.sound[0].shape == (2, 200)


def test_files_that_are_none_are_refused_in_words(tmp_path: Path) -> None:
    home = folder(tmp_path)
    (home / "empty.sfz").write_text("nothing")
    (home / "lost.sfz").write_text("<region> sample=nowhere.wav")
    (home / "odd.sf2").write_bytes(b"RIFF\x10\x00\x00\x00sfbkLIST\xff\xff\xff\xff")
    (home / "text.sf2").write_text("no sound font")
    for text, error in (
        ("empty.sfz", BadAudioError),
        ("lost.sfz", NoSuchFileError),
        ("odd.sf2", BadAudioError),
        ("text.sf2", BadAudioError),
        ("not-there.sfz", NoSuchFileError),
    ):
        with pytest.raises(error):
            own_instrument("bass", str(home / text))
    for text in ("bass.mp3", "", "gm.sf2x"):
        with pytest.raises(BadArgsError, match=r"gm\.sf2:33"):
            own_instrument("bass", text)


def test_an_include_does_not_leave_the_folder(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    folder(tmp_path)
    (inner / "spy.sfz").write_text('#include "../bass.sfz"\n#include "spy.sfz"')
    with pytest.raises(BadAudioError):
        read_sfz(inner / "spy.sfz")


def test_a_soundfont_plays_and_names_what_it_has(tmp_path: Path) -> None:
    font = find_soundfont(HELD_OUT)
    for text in (f"{font}", f"{font}:33", f"{font}:0:33"):
        instrument = own_instrument("bass", text)
        sound = play(Part("bass", (Note(0, 1, 40, 100),), 2.0), instrument, 120.0, 44100)
        assert 0.01 < np.abs(sound).max() < 2
    drums = own_instrument("drums", f"{font}")
    assert drums.answering(36, 100, 0)
    with pytest.raises(BadAudioError, match="has no program 99 in bank 7"):
        SoundFont(font).instrument(7, 99)
    with pytest.raises(BadArgsError, match="stands a program"):
        own_instrument("bass", f"{font}:slap")


@pytest.mark.parametrize("stem", list(TIMBRES))
def test_every_timbre_of_the_model_is_shipped(stem: str) -> None:
    pitches = {
        "bass": range(28, 60),
        "drums": (36, 38, 42, 46, 49, 51, 45),
        "guitar": range(40, 85),
    }
    for timbre in TIMBRES[stem]:
        instrument = shipped(stem, timbre)
        for pitch in pitches.get(stem, range(36, 97)):
            for velocity in (1, 64, 127):
                assert instrument.answering(pitch, velocity, 0), (timbre, pitch, velocity)
    assert shipped(stem, "never heard of").zones
