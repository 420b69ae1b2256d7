"""Chords, progressions and voice-leading for the composer.

A chord here is (semitones of its root above the tonic, quality); pitch classes are 0..11 from C.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stembridge.chords import name_chord

QUALITIES: dict[str, tuple[int, ...]] = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dim": (0, 3, 6),
    "sus4": (0, 5, 7),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "7": (0, 4, 7, 10),
    "m7b5": (0, 3, 6, 10),
    "add9": (0, 2, 4, 7),
    # The rest is heard in real charts only.
    "sus2": (0, 2, 7),
    "aug": (0, 4, 8),
    "dim7": (0, 3, 6, 9),
    "6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9),
    "7sus4": (0, 5, 7, 10),
    "9": (0, 2, 4, 7, 10),
    "min9": (0, 2, 3, 7, 10),
    "maj9": (0, 2, 4, 7, 11),
}
SEVENTHS = {"maj": "maj7", "min": "min7", "dim": "m7b5"}

# Degrees as written by musicians: case gives the third, "b" a lowered (borrowed) degree.
_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}

PROGRESSIONS: dict[str, tuple[str, ...]] = {
    "major": (
        "I V vi IV", "I vi IV V", "vi IV I V", "I IV V IV", "IV I V vi", "ii V I vi",
        "I bVII IV I", "I iii IV iv", "I IV vi V", "I V IV V", "I ii IV V", "I III vi IV",
        "IV V iii vi", "I bVI bVII I", "I vi ii V",
    ),
    "minor": (
        "i bVI bIII bVII", "i iv v i", "i bVII bVI V", "i iv bVII bIII", "i bVI iv V",
        "i v bVI bVII", "i i iv V", "i bIII bVII iv", "i bVII iv i", "bVI bVII i i",
        "i iv i V", "i bVII bVI bVII", "i bVI bVII v",
    ),
    "dominant": ("I7 IV7", "I7 I7 IV7 I7", "i7 IV7", "I7 bVII7 IV7 I7", "ii7 V7"),
}  # fmt: skip


def parse_degree(text: str) -> tuple[int, str]:
    """Reads a roman numeral such as "bVII", "iv" or "V7" as (semitones, quality)."""
    flat = text.startswith("b")
    numeral = text.lstrip("b").rstrip("7")
    root = _DEGREES[numeral.lower()] - flat
    quality = "maj" if numeral.isupper() else "min"
    if text.endswith("7"):
        quality = "7" if quality == "maj" else "min7"
    return root % 12, quality


def choose_progression(
    rng: np.random.Generator, mode: str, sevenths: float
) -> list[tuple[int, str]]:
    """Draws a progression; `sevenths` is the probability that it is played with sevenths."""
    text = PROGRESSIONS[mode][rng.integers(len(PROGRESSIONS[mode]))]
    chords = [parse_degree(degree) for degree in text.split()]
    if rng.random() < sevenths:
        chords = [(root, SEVENTHS.get(quality, quality)) for root, quality in chords]
    elif rng.random() < 0.1:
        chords = [(root, "add9" if q == "maj" and rng.random() < 0.5 else q) for root, q in chords]
    return chords


def progressions_in_c(modes: Sequence[str], sevenths: bool) -> list[str]:
    """Progressions as chord symbols in C, such as "C G Am F".

    As many of each mode as of any other, and of one that is named twice twice as many.
    """
    left = {mode: iter(PROGRESSIONS[mode]) for mode in modes}
    each = min(len(PROGRESSIONS[mode]) // modes.count(mode) for mode in modes)
    texts = [next(left[mode]) for mode in modes for _ in range(each)]
    return [" ".join(_symbol_in_c(degree, sevenths) for degree in text.split()) for text in texts]


def _symbol_in_c(degree: str, sevenths: bool) -> str:
    root, quality = parse_degree(degree)
    quality = SEVENTHS.get(quality, quality) if sevenths else quality
    return name_chord(pitch_classes(root, quality), root).symbol


def pitch_classes(root: int, quality: str) -> tuple[int, ...]:
    """Pitch classes of a chord, root first."""
    return tuple((root + interval) % 12 for interval in QUALITIES[quality])


def nearest_pitch(pitch_class: int, near: float) -> int:
    """The MIDI pitch of `pitch_class` closest to `near`."""
    return int(round((near - pitch_class) / 12) * 12 + pitch_class)


def lead_voices(classes: Sequence[int], previous: Sequence[int], centre: float) -> list[int]:
    """Close-position voicing that moves least from `previous`.

    Args:
        classes: pitch classes of the chord.
        previous: MIDI pitches of the last voicing; empty for the first chord.
        centre: MIDI pitch around which voicings are kept, so that the hand does not wander.
    """
    candidates = []
    for inversion in range(len(classes)):
        order = [*classes[inversion:], *classes[:inversion]]
        bottom = nearest_pitch(order[0], centre - 5)
        voicing = [bottom]
        for pitch_class in order[1:]:
            voicing.append(voicing[-1] + (pitch_class - voicing[-1]) % 12)
        candidates.append(voicing)

    def cost(voicing: list[int]) -> float:
        drift = abs(float(np.mean(voicing)) - centre)
        if not previous:
            return drift
        moves = [min(abs(pitch - old) for old in previous) for pitch in voicing]
        return float(np.sum(moves)) + 0.5 * drift

    return min(candidates, key=cost)
