"""Bass notes: where they start (`audio.onsets`), and what pitch they have (YIN).

A bass plays one note at a time, so the pitch between two onsets is one number: the median of the
frames' fundamental frequencies. Where a player slides or slurs there is no onset; a pitch that
changes by more than half a tone and stays begins a note too.

Source: de Cheveigné and Kawahara, "YIN, a fundamental frequency estimator for speech and music",
JASA 111(4), 2002, eq. 6 and 8 (steps 1 to 5; here with the whole batch of frames at once).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.buffer import FloatArray
from stembridge.audio.onsets import detect_onsets
from stembridge.audio.resample import resample
from stembridge.transcription.notes import TimedNote

PITCH_RATE = 4000
"""Hz; the highest bass notes lie below 400 Hz."""

LOWEST_HZ, HIGHEST_HZ = 28.0, 420.0
WINDOW, HOP = 288, 32
"""Integration window (72 ms, two periods of the lowest note) and hop (8 ms), at PITCH_RATE."""

APERIODIC = 0.25
SURELY, NEARLY = 0.2, 0.15
"""The first dip below SURELY, or within NEARLY of the deepest, is the period: later ones are its
multiples, which slap bass makes deeper than the first."""

ATTACK_S = 0.03
"""Left out at the start of a note: the attack has noise and, on slap bass, another pitch."""

QUIET_DB = -38.0
"""Below the loud frames: nothing sounds."""

SLUR_S = 0.07
MIN_NOTE_S = 0.04

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _PitchTrack:
    """Per frame: MIDI pitch as a float (NaN where there is none), and level in dB."""

    pitch: Floats
    level_db: Floats

    def at(self, time_s: float) -> int:
        return max(0, min(len(self.pitch), round(time_s * PITCH_RATE / HOP)))


def transcribe_bass(samples: FloatArray, rate: int) -> list[TimedNote]:
    """Notes of a monophonic bass `[n]`, by start; empty for silence."""
    onsets = detect_onsets(samples, rate)
    if not len(onsets):
        return []
    track = pitch_track(samples, rate)
    loud_db = float(np.percentile(track.level_db, 95))
    end_s = len(samples) / rate
    notes: list[TimedNote] = []
    for start_s, stop_s in zip(onsets, [*onsets[1:], end_s], strict=True):
        notes += _between(track, float(start_s), float(stop_s), loud_db)
    return notes


def pitch_track(samples: FloatArray, rate: int) -> _PitchTrack:
    """Fundamental frequency and level of frames centred every 8 ms."""
    slow = resample(samples, rate, PITCH_RATE).astype(np.float64)
    longest = int(PITCH_RATE / LOWEST_HZ) + 2
    span = WINDOW + longest
    padded = np.pad(slow, (span // 2, span))
    n_frames = len(slow) // HOP + 1
    starts = np.arange(n_frames) * HOP
    frames = np.lib.stride_tricks.sliding_window_view(padded, span)[starts]
    difference = _difference(frames, longest)
    lag, aperiodicity = _first_dip(_normalised(difference))
    hz = PITCH_RATE / np.maximum(lag, 1e-9)
    level = np.sqrt(np.mean(frames**2, axis=1))
    with np.errstate(divide="ignore"):
        level_db = 20 * np.log10(np.maximum(level, 1e-9))
    pitch = 69 + 12 * np.log2(hz / 440.0)
    return _PitchTrack(np.where(aperiodicity < APERIODIC, pitch, np.nan), level_db)


def _difference(frames: Floats, longest: int) -> Floats:
    """YIN's d(tau) for each frame `[F, span]` -> `[F, longest]` (eq. 6), by FFT."""
    n = frames.shape[1] + WINDOW
    size = 1 << (n - 1).bit_length()
    head = frames[:, :WINDOW]
    spectrum = np.fft.rfft(frames, size) * np.conj(np.fft.rfft(head, size))
    correlation = np.fft.irfft(spectrum, size)[:, :longest]
    power = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    energy = power[:, WINDOW : WINDOW + longest] - power[:, :longest]
    return np.maximum(energy[:, :1] + energy - 2 * correlation, 0.0)


def _normalised(difference: Floats) -> Floats:
    """The cumulative mean normalised difference (eq. 8)."""
    lags = np.arange(1, difference.shape[1])
    running = np.cumsum(difference[:, 1:], axis=1)
    ratio = difference[:, 1:] * lags / np.maximum(running, 1e-12)
    return np.concatenate([np.ones((len(difference), 1)), ratio], axis=1)


def _first_dip(normalised: Floats) -> tuple[Floats, Floats]:
    """Lag of the first dip below the threshold (else of the deepest), and its depth, per frame."""
    shortest = int(PITCH_RATE / HIGHEST_HZ)
    inner = normalised[:, 1:-1]
    is_dip = (inner <= normalised[:, :-2]) & (inner < normalised[:, 2:])
    is_dip[:, : shortest - 1] = False
    deepest = np.min(np.where(is_dip, inner, 2.0), axis=1, keepdims=True)
    good = is_dip & (inner <= np.maximum(SURELY, deepest + NEARLY))
    at = np.argmax(good, axis=1) + 1
    row = np.arange(len(normalised))
    left, middle, right = (normalised[row, at + k] for k in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.where(bend > 1e-12, 0.5 * (left - right) / np.maximum(bend, 1e-12), 0.0)
    found = good.any(axis=1)
    return np.where(found, at + np.clip(shift, -0.5, 0.5), 1.0), np.where(found, middle, 1.0)


def _between(track: _PitchTrack, start_s: float, stop_s: float, loud_db: float) -> list[TimedNote]:
    """Notes between two onsets: usually one."""
    first, last = track.at(start_s), track.at(stop_s)
    sounding = np.nonzero(track.level_db[first:last] > loud_db + QUIET_DB)[0]
    if not len(sounding):
        return []
    last = first + int(sounding[-1]) + 1
    body = min(first + round(ATTACK_S * PITCH_RATE / HOP), max(first, last - 3))
    pieces = _steady_pieces(track.pitch[body:last])
    notes = []
    for number, (begin, end, pitch) in enumerate(pieces):
        at_s = start_s if number == 0 else (body + begin) * HOP / PITCH_RATE
        until = last if number == len(pieces) - 1 else body + end
        length_s = until * HOP / PITCH_RATE - at_s
        if length_s >= MIN_NOTE_S:
            velocity = _velocity(float(track.level_db[body + begin : until].max()), loud_db)
            notes.append(TimedNote(at_s, length_s, pitch, velocity))
    return notes


def _steady_pieces(pitch: Floats) -> list[tuple[int, int, int]]:
    """(first frame, end, MIDI pitch) of stretches on one semitone, shorter ones ignored."""
    heard = np.nonzero(np.isfinite(pitch))[0]
    if not len(heard):
        return []
    shortest = round(SLUR_S * PITCH_RATE / HOP)
    centre = float(np.median(pitch[heard]))
    if np.mean(np.abs(pitch[heard] - centre) < 0.7) > 0.8 or len(heard) < 2 * shortest:
        return [(0, len(pitch), round(centre))]
    semitone = np.round(pitch[heard]).astype(int)
    begins = np.concatenate([[0], np.nonzero(np.diff(semitone))[0] + 1, [len(heard)]])
    pieces: list[tuple[int, int, int]] = []
    for begin, end in pairwise(begins):
        if end - begin >= shortest:
            piece = (int(heard[begin]), int(heard[end - 1]) + 1, int(semitone[begin]))
            _append(pieces, piece)
    return pieces or [(0, len(pitch), round(centre))]


def _append(pieces: list[tuple[int, int, int]], piece: tuple[int, int, int]) -> None:
    """Add a piece; an octave's jump without an onset is YIN's doubt, not the player's."""
    if not pieces or (pieces[-1][2] - piece[2]) % 12:
        pieces.append(piece)
        return
    before = pieces[-1]
    longer = piece if piece[1] - piece[0] > before[1] - before[0] else before
    pieces[-1] = (before[0], piece[1], longer[2])


def _velocity(level_db: float, loud_db: float) -> int:
    """Loud notes about 100, 20 dB quieter ones about 40."""
    return int(np.clip(round(100 + 3 * (level_db - loud_db)), 1, 127))
