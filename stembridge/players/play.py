"""A part on an instrument: every note starts on its sample, and rings on.

Notes are added up in their order, without chance: the same part gives the same samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.errors import BadAudioError
from stembridge.musical_time import beats_to_samples, beats_to_seconds
from stembridge.parts.part import Note, Part
from stembridge.players.voice import Pitched, length_of, voice
from stembridge.players.zone import Instrument, Zone

_MOST_SAMPLES = 3 * 10**9
"""Of all voices of a part: minutes of computing, and far beyond what music asks for."""


def play(
    part: Part, instrument: Instrument, bpm: float, rate: int, *, loop: bool = False
) -> FloatArray:
    """Stereo samples `[2, round(beats * 60 / bpm * rate)]` of a part.

    Args:
        part: the notes.
        instrument: what plays them.
        bpm: tempo.
        rate: Hz.
        loop: what rings on after the end sounds at the beginning; otherwise it is cut.
    """
    part = part.as_written()
    n_samples = beats_to_samples(part.length_beats, bpm, rate)
    sound = np.zeros((2, n_samples), np.float32)
    known, spent = Pitched(), 0
    voices = list(_voices(part, instrument, bpm, loop=loop))
    for zone, note, held_s, cut_s in voices:
        key, n = (id(zone), note.pitch), length_of(zone, note.pitch, held_s, rate, cut_s)
        known.longest[key] = max(n, known.longest.get(key, 0))
        spent += n
        if spent > _MOST_SAMPLES:
            raise BadAudioError(
                f"The instrument '{instrument.name}' sounds too much at once: too many samples "
                "answer every note, or ring too long. Take a plainer one."
            )
    for zone, note, held_s, cut_s in voices:
        samples = voice(zone, note.pitch, note.velocity, held_s, rate, cut_s, known)
        _add(sound, samples, beats_to_samples(note.start_beats, bpm, rate), loop=loop)
    return sound


def _voices(
    part: Part, instrument: Instrument, bpm: float, *, loop: bool
) -> Iterator[tuple[Zone, Note, float, float | None]]:
    """Zone, note, how long its key is down and after which time it is cut, s."""
    counts: dict[int, int] = {}
    groups = _groups(part.notes, instrument)
    for index, note in enumerate(part.notes):
        count = counts.get(note.pitch, 0)
        counts[note.pitch] = count + 1
        for zone in instrument.answering(note.pitch, note.velocity, count):
            cut_s = _cut_s(zone, index, part, groups, bpm, loop=loop)
            yield zone, note, beats_to_seconds(note.length_beats, bpm), cut_s


def _groups(notes: Sequence[Note], instrument: Instrument) -> list[set[int]]:
    """The classes of what answers each note."""

    @cache
    def groups(pitch: int, velocity: int) -> set[int]:
        return {zone.group for zone in instrument.answering(pitch, velocity, 0)}

    return [groups(note.pitch, note.velocity) for note in notes]


def _cut_s(
    zone: Zone, index: int, part: Part, groups: Sequence[set[int]], bpm: float, *, loop: bool
) -> float | None:
    """How long after its start a note is cut by one of its class, s."""
    if not zone.off_by:
        return None
    start, n_notes = part.notes[index].start_beats, len(part.notes)
    # In a loop those before it follow in the next turn.
    for later in range(index + 1, n_notes + index if loop else n_notes):
        at = part.notes[later % n_notes].start_beats + part.length_beats * (later // n_notes)
        if at > start and zone.off_by in groups[later % n_notes]:
            return beats_to_seconds(at - start, bpm)
    return None


def _add(sound: FloatArray, samples: FloatArray, start: int, *, loop: bool) -> None:
    """Adds samples from `start` on; beyond the end they are dropped, or begin again in a loop."""
    n_samples = sound.shape[1]
    while samples.shape[1] and n_samples:
        room = min(n_samples - start, samples.shape[1])
        sound[:, start : start + room] += samples[:, :room]
        if not loop:
            return
        samples, start = samples[:, room:], 0
