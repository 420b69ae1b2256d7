"""The figures of one stem of one song: against the grid, the chords and the true stem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.loudness import integrated_loudness, is_silent
from stembridge.audio.onsets import detect_onsets, grid_report, onset_f1
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.evaluation.attacks import rise_ms
from stembridge.evaluation.harmony import harmony
from stembridge.evaluation.spectra import log_spectral_distance_db, treble_db
from stembridge.roles import is_pitched

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class StemFigures:
    """Everything measured on one stem; None where it does not apply (silence, drums' harmony).

    Attributes:
        on_eighth, on_sixteenth: share of onsets on that grid.
        offset_ms: median signed distance of onsets from the sixteenth grid.
        rise_ms: median time of the attacks from 10 to 70 % of their height.
        onsets_per_s: onset rate.
        onset_f1: against the true stem's onsets, 50 ms.
        root, in_chord, chroma: see `harmony.Harmony`.
        in_chord_shuffled, root_shuffled: the same against another song's chords.
        silent: 1 if the stem is silent.
        loudness_difference_lu: against the true stem.
        lsd_db: log-spectral distance to the true stem (a ceiling figure, for codecs).
        treble_db: power above 10 kHz relative to all.
    """

    on_eighth: float | None
    on_sixteenth: float | None
    offset_ms: float | None
    rise_ms: float | None
    onsets_per_s: float
    onset_f1: float
    root: float | None
    in_chord: float | None
    chroma: float | None
    root_shuffled: float | None
    in_chord_shuffled: float | None
    silent: float
    loudness_difference_lu: float | None
    lsd_db: float | None
    treble_db: float


def measure(audio: Audio, song: AnnotatedSong, stem: str, other: AnnotatedSong) -> StemFigures:
    """Measures `audio` in the role of `stem` of `song`; `other` lends its chords as control."""
    truth = song.stem(stem)
    bpm = song.bpm or 120.0
    onsets = detect_onsets(audio, song.rate)
    length_s = len(audio) / song.rate
    eighth, sixteenth = (grid_report(onsets, bpm, step, length_s) for step in (0.5, 0.25))
    own = shuffled = None
    if is_pitched(stem) and song.chords and not is_silent(audio):
        own = harmony(audio, song.rate, bpm, song.chords, stem)
        shuffled = harmony(audio, song.rate, other.bpm or 120.0, other.chords, stem)
    sounding = len(onsets) > 0
    return StemFigures(
        on_eighth=eighth.on_grid_share if sounding else None,
        on_sixteenth=sixteenth.on_grid_share if sounding else None,
        offset_ms=sixteenth.median_offset_ms,
        rise_ms=rise_ms(audio, song.rate, onsets),
        onsets_per_s=sixteenth.onsets_per_s,
        onset_f1=onset_f1(onsets, detect_onsets(truth, song.rate)),
        root=own.root if own else None,
        in_chord=own.in_chord if own else None,
        chroma=own.chroma if own else None,
        root_shuffled=shuffled.root if shuffled else None,
        in_chord_shuffled=shuffled.in_chord if shuffled else None,
        silent=float(is_silent(audio)),
        loudness_difference_lu=_difference(audio, truth, song.rate),
        lsd_db=log_spectral_distance_db(audio, truth),
        treble_db=treble_db(audio, song.rate),
    )


def _difference(audio: Audio, truth: Audio, rate: int) -> float | None:
    ours, true = (integrated_loudness(x, rate) for x in (audio, truth))
    return None if ours is None or true is None else ours - true
