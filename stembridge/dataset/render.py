"""Renders a song's parts to audio with FluidSynth, one dry mono stem each.

Conventions: samples are float32, mono, at `rate` Hz; the song's first bar line is sample 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.dataset.song import STEMS, Note, Program, Song
from stembridge.errors import MissingExtraError

Audio = NDArray[np.float32]

_DRUM_CHANNEL = 9
_BLOCK = 64  # samples; FluidSynth takes up notes only where a block of its own begins
_QUIET = 2 / 32768
_BEND_PER_CENT = 8192 / 200  # General MIDI's bend reaches two semitones


class Renderer:
    """A FluidSynth synthesiser with one SoundFont, used for song after song."""

    def __init__(self, soundfont: Path, rate: int = 44100) -> None:
        """Loads the SoundFont.

        Raises:
            MissingExtraError: FluidSynth or its Python binding is not installed.
        """
        try:
            import fluidsynth
        except ImportError as error:
            raise MissingExtraError(
                "Rendering training music needs FluidSynth: apt install libfluidsynth3 and "
                "pip install 'stembridge[train]'."
            ) from error
        self.rate = rate
        # Reverb and chorus blur attacks; rooms are added, and varied, by `augment`.
        settings = {"synth.reverb.active": 0, "synth.chorus.active": 0, "synth.polyphony": 128}
        self._synth: Any = fluidsynth.Synth(gain=0.4, samplerate=float(rate), **settings)
        self._font = self._synth.sfload(str(soundfont))
        self._taken = 0

    def close(self) -> None:
        """Frees the synthesiser."""
        self._synth.delete()

    def render(self, song: Song, detune_cents: float = 0.0) -> dict[str, Audio]:
        """All stems of a song, each `[n_samples]`, cut to the song's length.

        Args:
            song: what to play.
            detune_cents: how far everything but the drums is off concert pitch, within +-200.
        """
        n_samples = round(song.length_s * self.rate)
        bend, stems = round(detune_cents * _BEND_PER_CENT), {}
        for stem in STEMS:
            part = song.parts[stem], song.programs[stem]
            stems[stem] = self.render_part(*part, song.bpm, n_samples, bend)
        return stems

    def render_part(
        self, notes: tuple[Note, ...], program: Program, bpm: float, n_samples: int, bend: int = 0
    ) -> Audio:
        """One part, `[n_samples]`; silence where it has no notes. `bend` is MIDI's, +-8192."""
        channel = _DRUM_CHANNEL if program.bank == 128 else 0
        self._fall_silent()
        self._synth.program_select(channel, self._font, program.bank, program.number)
        if channel != _DRUM_CHANNEL:
            self._synth.pitch_bend(channel, bend)
        audio = np.zeros(n_samples, np.float32)
        position = 0
        for at, pitch, velocity in self._events(notes, bpm, n_samples):
            if at > position:
                audio[position:at] = self._samples(at - position)
                position = at
            if velocity:
                self._synth.noteon(channel, pitch, velocity)
            else:
                self._synth.noteoff(channel, pitch)
        if position < n_samples and notes:
            audio[position:] = self._samples(n_samples - position)
        return audio

    def _fall_silent(self) -> None:
        """Plays out what still rings, to a block's end: no part hears the one before it."""
        self._synth.system_reset()
        for _ in range(200):
            tail = self._samples(32 * _BLOCK - self._taken % _BLOCK)
            if np.abs(tail).max() <= _QUIET:
                return

    def _samples(self, count: int) -> Audio:
        self._taken += count
        stereo = np.asarray(self._synth.get_samples(count), np.float32).reshape(count, 2)
        return stereo.mean(axis=1) / 32768.0

    def _events(
        self, notes: tuple[Note, ...], bpm: float, n_samples: int
    ) -> list[tuple[int, int, int]]:
        """(sample, pitch, velocity; 0 = off), sorted so that offs precede ons."""
        events = []
        samples_per_beat = 60.0 / bpm * self.rate
        for note in notes:
            start = round(note.start_beats * samples_per_beat)
            stop = round((note.start_beats + note.length_beats) * samples_per_beat)
            if start < n_samples:
                events.append((start, note.pitch, note.velocity))
                events.append((min(max(stop, start + 1), n_samples), note.pitch, 0))
        return sorted(events, key=lambda event: (event[0], event[2] > 0))
