"""Long recordings cut into training pieces that begin on the first bar of a phrase."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.loudness import gain_to, is_silent
from stembridge.chords import ChordSpan
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.augment import NOMINAL_LUFS
from stembridge.musical_time import beats_to_samples, seconds_to_beats, seconds_to_samples

PIECE_S = 24.0
PHRASE_BARS = 4
_SHORTEST_SHARE = 0.55  # of a piece; a shorter end could not hold a model window


def at_training_level(audio: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Stems `[S, n]` with one common gain, so that their mixture is as loud as training songs.

    The same is done to a user's context before the model hears it. Silence stays silence.
    """
    gain = gain_to(NOMINAL_LUFS, audio.sum(0), rate) or 1.0
    return np.asarray(audio * np.float32(gain), np.float32)


def cut_pieces(song: AnnotatedSong, piece_s: float = PIECE_S) -> Iterator[AnnotatedSong]:
    """Pieces of about `piece_s` that begin every so many phrases of four bars.

    Without a tempo they are `piece_s` long. Silent pieces and a much shorter end are left out. A
    song that is one piece keeps its name, pieces are called "NAME-part003"; `recording_of` undoes
    that.
    """
    length = song.audio.shape[1]
    starts = [start for start in _starts(song, piece_s) if start[1] < length]
    for index, (beat, first) in enumerate(starts):
        stop = starts[index + 1][1] if index + 1 < len(starts) else length
        audio = song.audio[:, first:stop]
        is_short = index > 0 and (stop - first) / song.rate < _SHORTEST_SHARE * piece_s
        if is_short or is_silent(audio.sum(0)):
            continue
        name = song.name if len(starts) == 1 else f"{song.name}-part{index:03d}"
        beats = seconds_to_beats((stop - first) / song.rate, song.bpm or 120.0)
        chords = _chords_from(song.chords, beat, beat + beats)
        yield replace(song, name=name, audio=audio, chords=chords)


def recording_of(name: str) -> str:
    """Name of the song that a piece was cut from."""
    return re.sub(r"-part\d{3,}$", "", name)


def _starts(song: AnnotatedSong, piece_s: float) -> list[tuple[float, int]]:
    """(beat, sample) of every piece's start; beats are 0 where the tempo is unknown."""
    length_s = song.audio.shape[1] / song.rate
    if song.bpm is None:
        count = max(1, -int(-length_s // piece_s))
        return [(0.0, seconds_to_samples(i * piece_s, song.rate)) for i in range(count)]
    phrase_beats = PHRASE_BARS * song.time_signature.beats_per_bar
    phrases = max(1, round(piece_s * song.bpm / 60 / phrase_beats))
    step = phrases * phrase_beats
    count = max(1, -int(-length_s * song.bpm / 60 // step))
    return [(i * step, beats_to_samples(i * step, song.bpm, song.rate)) for i in range(count)]


def _chords_from(chords: tuple[ChordSpan, ...], beat: float, end: float) -> tuple[ChordSpan, ...]:
    """Chords before `end`, counted from `beat`; the one that sounds there begins at 0."""
    before = [chord for chord in chords if chord.start_beats <= beat]
    after = [chord for chord in chords if beat < chord.start_beats < end - 1e-3]
    sounding = [replace(before[-1], start_beats=0.0)] if before else []
    return (*sounding, *(replace(c, start_beats=c.start_beats - beat) for c in after))
