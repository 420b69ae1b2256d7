"""Chords that the given stems play: the one place where the pipeline hears them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import ceil, floor

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.chords import ChordSpan, estimate_chords
from stembridge.chords.melody import one_note_share
from stembridge.chords.network import chords_of
from stembridge.chords.spectrum import frame_s, log_spectrum
from stembridge.chords.symbols import with_lengths
from stembridge.musical_time import TimeSignature, beats_to_samples, samples_to_beats
from stembridge.remarks import Remark
from stembridge.roles import OTHER, is_pitched
from stembridge.runtime.manifest import Manifest

Ears = Callable[[FloatArray], FloatArray | None]
"""A model's chord network (`StemModel.chord_chances`)."""

SURE = 0.6
"""Of 60 real songs' guitars less certain ones had 52 % of their chords right, others 95 %."""

MELODY = 0.72
"""Share of the strongest pitch class, above which one note sounds at a time.

Of 84 guitars and pianos of the real set that play chords one has more, and all eleven guitars do
that play single notes; of melodies all of a voice's and a piano's, and 15 of 24 on strings that
ring on. Chords heard in such lines, or in a bass alone, were wrong a third of the time.
"""

BESIDE = 0.3
"""Level of a voice or horns beside a guitar or piano: tunes pass through notes of no chord.

On a band with horns the root is right 64 instead of 47 % of the time, on one with a voice 59
instead of 52.
"""

AUDIBLE = 10 ** (-50 / 20)  # below the peak: quieter is a tail, or noise


def heard_chords(
    stems: Mapping[str, FloatArray],
    manifest: Manifest,
    bpm: float,
    time_signature: TimeSignature,
    length_beats: float,
    start_beats: float = 0.0,
    ears: Ears | None = None,
) -> tuple[ChordSpan, ...]:
    """Chords that given stems `[n_samples]` play, if the model is to be told of them.

    A model's own ears make a guess of everything with a pitch, and say how sure they are; without
    them chords are estimated, and nothing is said where the evidence is weak.
    """
    takes_chords = any(block.name == "chords" for block in manifest.condition_layout)
    if not (manifest.chords_from_context and takes_chords):
        return ()
    rate = manifest.sample_rate
    pitched = _pitched(stems)
    if ears is None or not manifest.chord_ears or not pitched:
        return estimate_chords(stems, rate, bpm, time_signature, length_beats, start_beats)
    spectra = log_spectrum(_harmony(pitched), rate)
    chances = ears(spectra[None]) if len(spectra) else None
    if chances is None:
        return ()
    return chords_of(
        chances[0], spectra, frame_s(rate), bpm, time_signature, length_beats, start_beats
    )


def _pitched(stems: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    return {stem: audio for stem, audio in stems.items() if is_pitched(stem)}


def _harmony(pitched: Mapping[str, FloatArray]) -> FloatArray:
    """Pitched stems together, those that play chords in front."""
    beside = BESIDE if set(pitched) - {"bass", OTHER} else 1.0
    mixed: FloatArray = np.sum(
        [audio * np.float32(beside if stem == OTHER else 1.0) for stem, audio in pitched.items()],
        axis=0,
    )
    return mixed


def chords_throughout(
    stems: Mapping[str, FloatArray],
    manifest: Manifest,
    bpm: float,
    time_signature: TimeSignature,
    length_beats: float,
    start_beats: float = 0.0,
    ears: Ears | None = None,
) -> tuple[tuple[ChordSpan, ...], tuple[Remark, ...]]:
    """As `heard_chords`; where the music fills only some of the bars, these are repeated.

    Returns:
        Spans over the whole request, and what is to be said about them.
    """
    bar = time_signature.beats_per_bar
    bars = _bars_with_music(stems, manifest, bpm, bar, length_beats, start_beats)
    if bars is None or bars[1] - bars[0] >= length_beats - bar / 2:
        at = (time_signature, length_beats, start_beats)
        heard = heard_chords(stems, manifest, bpm, *at, ears)
        return heard, _unsure(heard, length_beats, stems, manifest.sample_rate)
    first, stop = bars
    begin, end = (beats_to_samples(beats, bpm, manifest.sample_rate) for beats in bars)
    part = {stem: audio[begin:end] for stem, audio in stems.items()}
    at = (time_signature, stop - first, start_beats + first)
    heard = heard_chords(part, manifest, bpm, *at, ears)
    if not heard:
        return (), ()
    number = (start_beats % bar + first) / bar
    remark = Remark(
        "chords_repeated",
        {"first": floor(number + 1e-6) + 1, "last": ceil(number + (stop - first) / bar - 1e-6)},
    )
    remarks = (remark, *_unsure(heard, stop - first, part, manifest.sample_rate))
    return _repeated(heard, first, stop - first, length_beats), remarks


def _unsure(
    spans: tuple[ChordSpan, ...], length_beats: float, stems: Mapping[str, FloatArray], rate: int
) -> tuple[Remark, ...]:
    """A remark where chords over so many beats are little more than guessed."""
    if not spans:
        return ()
    lasting = with_lengths(spans, length_beats)
    sure = sum(span.confidence * beats for span, beats in lasting) / length_beats
    pitched = np.sum([*_pitched(stems).values()], axis=0)
    is_melody = one_note_share(pitched, rate) > MELODY
    code = "chords_of_melody" if is_melody else "chords_unsure" if sure < SURE else None
    return (Remark(code, {"sure": round(sure, 2)}),) if code else ()


def _bars_with_music(
    stems: Mapping[str, FloatArray],
    manifest: Manifest,
    bpm: float,
    bar: float,
    length_beats: float,
    start_beats: float,
) -> tuple[float, float] | None:
    """First and last beat of the session's whole bars in which a pitched stem sounds."""
    pitched = _pitched(stems).values()
    sounding = np.concatenate(
        [np.flatnonzero(np.abs(audio) > AUDIBLE * np.abs(audio).max(initial=1e-9))[[0, -1]]
         for audio in pitched if audio.any()] or [np.zeros(0, np.int64)]
    )  # fmt: skip
    if not sounding.size:
        return None
    rate, inside = manifest.sample_rate, start_beats % bar
    first, last = (samples_to_beats(int(at), bpm, rate) + inside
                   for at in (sounding.min(), sounding.max()))  # fmt: skip
    # A note that rings a little into a bar, or starts a little before it, does not make it music.
    begin = floor((first + bar / 8) / bar) * bar - inside
    end = ceil((last - bar / 8) / bar) * bar - inside
    begin, end = max(0.0, begin), min(length_beats, end)
    return (begin, end) if end > begin else None


def _repeated(
    spans: tuple[ChordSpan, ...], first: float, period: float, length_beats: float
) -> tuple[ChordSpan, ...]:
    """Spans over `period` beats from beat `first` on, again and again over the whole request."""
    turns = range(-ceil(first / period - 1e-9), ceil((length_beats - first) / period - 1e-9))
    placed = [
        replace(span, start_beats=span.start_beats + first + turn * period)
        for turn in turns
        for span in spans
    ]
    kept = [span for span in placed if span.start_beats < length_beats - 1e-9]
    begins = max((i for i, span in enumerate(kept) if span.start_beats <= 1e-9), default=0)
    head = replace(kept[begins], start_beats=0.0)
    return (head, *kept[begins + 1 :])
