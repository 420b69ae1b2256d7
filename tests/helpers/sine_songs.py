"""Songs of a few sine tones, for trainings that shall run without SoundFonts."""

from __future__ import annotations

import numpy as np

from stembridge.chords import parse_chord
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import Note
from stembridge.musical_time import TimeSignature
from stembridge.training.encoded_songs import MadeSong

RATE = 44100
_ROOTS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def sine_song(split: str, index: int) -> MadeSong:
    """Two bars at 120 bpm of a chord on one of twelve roots, and a voice in every other song."""
    root, t = (
        int(np.random.default_rng([index, len(split)]).integers(12)),
        np.arange(4 * RATE) / RATE,
    )
    pitches = {"bass": 36 + root, "drums": 36, "guitar": 52 + root, "piano": 55 + root}
    tones = [0.1 * np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * t) for p in pitches.values()]
    audio = np.stack(tones).astype(np.float32)
    notes = {stem: (Note(0, 4, p, 90), Note(4, 4, p, 90)) for stem, p in pitches.items()}
    song = AnnotatedSong(
        f"{split}-{index}", audio, RATE, 120.0, TimeSignature.parse("4/4"),
        (parse_chord(_ROOTS[root]),), "pop", {}, notes,
    )  # fmt: skip
    voice = audio[2, ::-1].copy() if index % 2 else None
    return MadeSong(song, 0.5 * audio, voice)
