"""A take's MIDI files in the hands of readers that nobody here wrote: FluidSynth's player, mido.

FluidSynth reads the file itself, plays it on a General MIDI SoundFont (TimGM6mb), and tells every
event as it plays it; it runs by samples, not by a clock, so a busy machine changes nothing.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from stembridge.errors import StembridgeError
from stembridge.parts import Part
from stembridge.paths import pretrained_dir
from stembridge.pipeline.events import StemFile
from stembridge.pipeline.run import arrange
from stembridge.pipeline.take_state import load_state
from stembridge.request import parse_request
from stembridge.runtime.load import load_model

RATE, BLOCK, BPM = 44_100, 64, 97.3
NOTE_ON = 0x90
DRUM_CHANNEL = 9
STEMS = ("bass", "drums", "guitar", "piano")

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.weights,
    pytest.mark.skipif(
        not (pretrained_dir() / "manifest.json").is_file(),
        reason="the default model is not built in",
    ),
]


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> list[StemFile]:
    """All four stems of the built-in model, with their notes."""
    told = {"generate": STEMS, "bpm": BPM, "bars": 3, "time_signature": "7/8", "seed": 3,
            "midi": True, "style": "funk"}  # fmt: skip
    folder = tmp_path_factory.mktemp("take")
    return arrange(parse_request(told), load_model(None, "cpu"), folder)


def part_of(stem: StemFile) -> Part:
    return load_state(stem.path.parent, 0).parts[stem.stem]


class FluidPlayer:
    """FluidSynth's own MIDI player, offline."""

    def __init__(self) -> None:
        fs = pytest.importorskip("fluidsynth", reason="FluidSynth or its binding is not installed")
        from stembridge.dataset.soundfonts import find_soundfont

        try:
            font = find_soundfont("TimGM6mb.sf2")
        except StembridgeError as error:
            pytest.skip(reason=str(error))
        self._fs = fs
        self._synth = fs.Synth(gain=0.5, samplerate=float(RATE))
        self._synth.sfload(str(font))

    def play(self, path: Path) -> tuple[list[tuple[float, int, int, int]], np.ndarray]:
        """(s, channel, pitch, velocity) of each note that begins, and the sound [n, 2]."""
        fs, synth = self._fs, self._synth.synth
        heard: list[tuple[float, int, int, int]] = []
        blocks: list[np.ndarray] = []

        def handle(data: Any, event: Any) -> int:
            kind = fs.fluid_midi_event_get_type(event)
            key, velocity = (
                fs.fluid_midi_event_get_key(event),
                fs.fluid_midi_event_get_velocity(event),
            )
            if kind == NOTE_ON and velocity:
                channel = fs.fluid_midi_event_get_channel(event)
                heard.append((len(blocks) * BLOCK / RATE, channel, key, velocity))
            return int(fs.fluid_synth_handle_midi_event(data, event))

        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(handle)
        player = fs.new_fluid_player(synth)
        fs.fluid_player_set_playback_callback(player, callback, synth)
        assert fs.fluid_player_add(player, str(path).encode()) == 0
        fs.fluid_player_play(player)
        while fs.fluid_player_get_status(player) == 1:
            blocks.append(fs.fluid_synth_write_s16_stereo(synth, BLOCK))
        fs.delete_fluid_player(player)
        return heard, np.concatenate(blocks).reshape(-1, 2) / 32768


@pytest.mark.parametrize("stem", STEMS)
def test_fluidsynth_plays_the_notes_of_the_part(take: list[StemFile], stem: str) -> None:
    (file,) = (one for one in take if one.stem == stem)
    assert file.midi is not None
    heard, sound = FluidPlayer().play(file.midi)
    told = [(n.start_beats * 60 / BPM, n.pitch, n.velocity) for n in part_of(file).notes]
    assert len(told) > 3
    assert_same(heard, told)
    assert {channel for _, channel, _, _ in heard} == {DRUM_CHANNEL if stem == "drums" else 0}
    assert np.sqrt(np.mean(sound**2)) > 1e-3


def test_fluidsynth_plays_the_whole_take(take: list[StemFile]) -> None:
    assert take[0].take_midi is not None
    heard, _ = FluidPlayer().play(take[0].take_midi)
    told = [(n.start_beats * 60 / BPM, n.pitch, n.velocity) for s in take for n in part_of(s).notes]
    assert_same(heard, told)
    assert len({channel for _, channel, _, _ in heard}) == len(STEMS)


def assert_same(
    heard: list[tuple[float, int, int, int]], told: list[tuple[float, int, int]]
) -> None:
    """The same pitches and velocities, each within 5 ms (a block, and a tick of the file)."""
    found = sorted((pitch, velocity, at_s) for at_s, _, pitch, velocity in heard)
    wanted = sorted((pitch, velocity, at_s) for at_s, pitch, velocity in told)
    assert [one[:2] for one in found] == [one[:2] for one in wanted]
    assert np.abs(np.subtract([a[2] for a in found], [b[2] for b in wanted])).max() < 5e-3


def test_mido_reads_tempo_metre_tracks_and_notes(take: list[StemFile]) -> None:
    assert take[0].take_midi is not None
    file = mido.MidiFile(take[0].take_midi)
    assert (file.type, [track.name for track in file.tracks]) == (1, list(STEMS))
    first = {message.type: message for message in file.tracks[0]}
    assert mido.tempo2bpm(first["set_tempo"].tempo) == pytest.approx(BPM, abs=1e-3)
    assert (first["time_signature"].numerator, first["time_signature"].denominator) == (7, 8)
    for stem, track in zip(take, file.tracks, strict=True):
        tick, found = 0, []
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                found.append((tick / file.ticks_per_beat, message.note, message.velocity))
        told = sorted((n.pitch, n.start_beats, n.velocity) for n in part_of(stem).notes)
        found = sorted((pitch, start, velocity) for start, pitch, velocity in found)
        assert [one[::2] for one in found] == [one[::2] for one in told]
        starts = np.subtract([one[1] for one in found], [one[1] for one in told])
        assert np.abs(starts).max() <= 0.5 / file.ticks_per_beat + 1e-9
