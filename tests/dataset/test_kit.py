"""Kits: notes at their pitch, level, time and touch; built from SFZ libraries and SoundFonts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from toy_kit import RATE, noise, tone, toy_kit

from stembridge.dataset import kit_build
from stembridge.dataset.kit import Kit
from stembridge.dataset.kit_build import build_kit, entries, trimmed, tuning_of
from stembridge.dataset.sampler import PartPlayer, resampled
from stembridge.dataset.song import STEMS, Note
from stembridge.dataset.styles import TIMBRES
from stembridge.errors import NoSuchFileError


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    return toy_kit(tmp_path_factory.mktemp("kit"))


def played(kit: Kit, stem: str, *notes: Note, cents: float = 0.0, seconds: float = 2.0):
    player = PartPlayer(kit, f"toy-{stem}", np.random.default_rng(0), cents)
    return player.play(notes, 60.0, round(seconds * RATE), RATE)


def hertz(audio: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 19))
    return float(np.argmax(spectrum) * RATE / (1 << 19))


def decibels(audio: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(audio**2) + 1e-20))


@pytest.mark.parametrize(("pitch", "cents"), [(40, 0), (42, 0), (45, 30), (57, -50)])
def test_notes_have_their_pitch(kit: Kit, pitch: int, cents: float) -> None:
    audio = played(kit, "bass", Note(0.0, 1.0, pitch, 90), cents=cents)
    expected = 440 * 2 ** ((pitch - 69 + cents / 100) / 12)
    assert 1200 * np.log2(hertz(audio[:RATE]) / expected) == pytest.approx(0, abs=6)


def test_notes_begin_in_time_and_end_when_let_go(kit: Kit) -> None:
    audio = played(kit, "piano", Note(0.5, 0.25, 60, 90))
    assert np.abs(audio[: RATE // 2]).max() < 1e-6
    assert np.argmax(np.abs(audio) > 0.02) == pytest.approx(RATE // 2, abs=60)
    assert np.abs(audio[round(0.81 * RATE) :]).max() == 0


def test_harder_is_louder_by_the_measured_curve(kit: Kit) -> None:
    soft, hard = (played(kit, "piano", Note(0.0, 1.0, 60, v)) for v in (1, 127))
    assert decibels(hard) - decibels(soft) == pytest.approx(40, abs=4)


def test_damped_notes_are_short_with_zones_of_their_own_and_without(kit: Kit) -> None:
    for stem in ("guitar", "bass"):
        plain = played(kit, stem, Note(0.0, 1.0, 52, 90))
        muted = played(kit, stem, Note(0.0, 1.0, 52, 90, "mute"))
        late = slice(RATE // 3, RATE)
        assert decibels(muted[late]) < decibels(plain[late]) - 15


def test_a_closing_hat_chokes_the_open_one(kit: Kit) -> None:
    open_hat = played(kit, "drums", Note(0.0, 0.25, 46, 90))
    choked = played(kit, "drums", Note(0.0, 0.25, 46, 90), Note(0.1, 0.25, 42, 1))
    late = slice(round(0.15 * RATE), round(0.3 * RATE))
    assert decibels(choked[late]) < decibels(open_hat[late]) - 15


def test_a_drum_the_kit_lacks_is_played_on_another_and_an_unknown_one_not_at_all(
    kit: Kit,
) -> None:
    assert np.abs(played(kit, "drums", Note(0.0, 0.25, 49, 90))).max() > 0.1
    assert np.abs(played(kit, "drums", Note(0.0, 0.25, 75, 90))).max() == 0


def test_what_rings_beyond_the_end_is_cut(kit: Kit) -> None:
    assert len(played(kit, "piano", Note(1.9, 4.0, 60, 90))) == 2 * RATE
    assert np.abs(played(kit, "piano", Note(2.5, 1.0, 60, 90))).max() == 0


def test_reading_faster_raises_the_pitch() -> None:
    octave = resampled(tone(57), 2.0)
    assert hertz(octave) == pytest.approx(440, abs=1)


def test_no_kit_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError, match="no kit of instruments"):
        Kit(tmp_path)


# --- building ----------------------------------------------------------------------------------


def test_trimming_cuts_before_the_attack_and_after_the_tail() -> None:
    sound = np.concatenate([np.zeros(3000), tone(60), np.zeros(9000)]).astype(np.float32)
    kept = trimmed(sound)
    assert np.argmax(np.abs(kept) > 0.1) < 150
    assert len(kept) <= RATE + RATE // 50
    assert abs(kept[-1]) < 1e-3
    assert len(trimmed(np.zeros(1000, np.float32))) == 0


@pytest.mark.parametrize("sharp", [-0.3, 0.0, 0.15])
def test_tuning_is_heard(sharp: float) -> None:
    for pitch in (33, 52, 76):
        assert tuning_of(tone(pitch + sharp), pitch) == pytest.approx(sharp, abs=0.03)
    assert tuning_of(noise(3, 1.0), 50) == 0.0


def test_the_table_names_timbres_licences_and_held_out_libraries() -> None:
    table = entries()
    assert len({entry.name for entry in table}) == len(table)
    trained = {entry.library for entry in table if not entry.held_out}
    assert not trained & {entry.library for entry in table if entry.held_out}
    assert {entry.stem for entry in table if entry.held_out} == set(STEMS)
    for entry in table:
        assert set(entry.timbres) <= set(TIMBRES[entry.stem]), entry.name
        assert entry.licence in {"CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "public domain", "MIT"}
    for stem in STEMS:
        known = {t for e in table if e.stem == stem and not e.held_out for t in e.timbres}
        assert known == set(TIMBRES[stem])


LIBRARY = """
[kinds.plucked]
stem = "bass"
keys = [40, 52, 6]
velocities = [60, 110]
held_s = 0.5

[[instruments]]
name = "plucked"
kind = "plucked"
library = "plucked"
sfz = "plucked.sfz"
define = "$sample_dir sound"
licence = "CC0-1.0"
timbres = {"finger" = ""}

[[instruments]]
name = "absent"
kind = "plucked"
library = "absent"
sfz = "absent.sfz"
licence = "CC0-1.0"
timbres = {"finger" = ""}
"""


def test_a_kit_is_built_of_the_libraries_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plucked" / "sound").mkdir(parents=True)
    soundfile.write(tmp_path / "plucked" / "sound" / "a.wav", tone(45.2), RATE)
    (tmp_path / "plucked" / "plucked.sfz").write_text(
        "<control>default_path=$sample_dir/\n<region>sample=a.wav pitch_keycenter=45"
    )
    (tmp_path / "table.toml").write_text(LIBRARY)
    table = entries(tmp_path / "table.toml")
    monkeypatch.setattr(kit_build, "entries", lambda: table)
    said = list(build_kit(tmp_path, tmp_path / "kit"))
    assert said[0].startswith("plucked: 6 notes")
    assert said[1].startswith("absent: left out")
    assert said[2] == "in all: 1, 0.0 MiB"
    kit = Kit(tmp_path / "kit")
    zones = kit.instruments["plucked"].zones
    assert [zone.pitch for zone in zones[::2]] == pytest.approx([40.2, 46.2, 52.2], abs=0.05)
    soft, hard = zones[0], zones[1]
    assert soft.gain < hard.gain
    # One recording, played softer and harder: it lies in the kit once.
    assert (soft.first, soft.length) == (hard.first, hard.length)
    assert len(kit.sound("plucked")) == sum(zone.length for zone in zones[::2])
    # Loaded before it is played: a note must not end where sfizz had not read on.
    loaded = next((tmp_path / "plucked").glob("*-stembridge-mended.sfz"))
    assert "hint_ram_based=1" in loaded.read_text()
    player = PartPlayer(kit, "plucked", np.random.default_rng(0))
    audio = player.play([Note(0.0, 0.4, 46, 100)], 60.0, RATE, RATE)
    assert hertz(audio) == pytest.approx(440 * 2 ** ((46 - 69) / 12), rel=0.004)
    # Built again, what is there stays.
    assert list(build_kit(tmp_path, tmp_path / "kit")) == said[1:]


def test_no_library_at_all_is_an_error_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError, match="none of the sample libraries"):
        list(build_kit(tmp_path, tmp_path / "kit"))
    assert not (tmp_path / "kit").exists()
