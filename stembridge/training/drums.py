"""Fits the drum classifier of `stembridge.transcription.drums` and reports note F measures.

    python -m stembridge.training.drums            fit, write drums.json, report
    python -m stembridge.training.drums --report   report only

Logistic regression per drum with a small weight decay, on the onsets of the synthetic training
songs. Reported on the test songs, rendered with the training SoundFont and with one that nothing
was ever fitted to.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from stembridge.audio.onsets import detect_onsets
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import STEMS
from stembridge.dataset.soundfonts import HELD_OUT, TRAINING
from stembridge.dataset.synthetic import make_song
from stembridge.transcription.bass import transcribe_bass
from stembridge.transcription.drums import DRUM_OF, DRUMS, RATE, WEIGHTS, features, transcribe_drums
from stembridge.transcription.notes import TimedNote
from stembridge.transcription.score import TOLERANCE_S, NoteScore, note_score

N_TRAINING, N_TEST, SONG_S = 80, 24, 16.0
DECAY = 1e-3

Floats = NDArray[np.float64]


def songs(split: str, count: int, soundfont: str = TRAINING) -> Iterator[AnnotatedSong]:
    """The first songs of a split."""
    for index in range(count):
        yield make_song(split, index, rate=RATE, soundfont=soundfont, length_s=SONG_S)


def reference_notes(song: AnnotatedSong, stem: str) -> list[TimedNote]:
    """What was really played, in s; drums as the drum that stands for them, once per moment."""
    beat_s = 60.0 / (song.bpm or 120.0)
    notes = {
        (
            round(note.start_beats * beat_s, 3),
            DRUM_OF.get(note.pitch, note.pitch) if stem == "drums" else note.pitch,
        ): note
        for note in song.notes[stem]
        if note.start_beats * beat_s < song.audio.shape[-1] / song.rate
    }
    return [
        TimedNote(start_s, note.length_beats * beat_s, pitch, note.velocity)
        for (start_s, pitch), note in sorted(notes.items(), key=lambda item: item[0])
    ]


def labelled(song: AnnotatedSong) -> tuple[Floats, Floats]:
    """(features, labels [onsets, drums]) of a song's drum onsets."""
    audio = song.audio[STEMS.index("drums")]
    onsets = detect_onsets(audio, song.rate)
    labels = np.zeros((len(onsets), len(DRUMS)))
    for note in reference_notes(song, "drums") if len(onsets) else ():
        row = int(np.argmin(np.abs(onsets - note.start_s)))
        if abs(onsets[row] - note.start_s) <= TOLERANCE_S and note.pitch in DRUMS:
            labels[row, DRUMS.index(note.pitch)] = 1.0
    return (features(audio, onsets) if len(onsets) else np.zeros((0, 0))), labels


def fit(inputs: Floats, labels: Floats) -> dict[str, list[object]]:
    """Mean, scale and matrix, as `drums.json` holds them."""
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    design = np.concatenate([(inputs - mean) / scale, np.ones((len(inputs), 1))], axis=1)
    columns = [_fit_one(design, column) for column in labels.T]
    stored = {"mean": mean, "scale": scale, "matrix": np.stack(columns, axis=1)}
    return {name: np.round(values, 4).tolist() for name, values in stored.items()}


def _fit_one(design: Floats, label: Floats) -> Floats:
    def loss(weights: Floats) -> tuple[float, Floats]:
        odds = design @ weights
        decay = DECAY * np.append(weights[:-1], 0.0)
        value = np.mean(np.logaddexp(0.0, odds) - label * odds) + 0.5 * float(decay @ weights)
        slope = design.T @ (1.0 / (1.0 + np.exp(-odds)) - label) / len(label) + decay
        return float(value), slope

    start = np.zeros(design.shape[1])
    solved: Floats = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return solved


def report(soundfont: str) -> dict[str, float]:
    """Note F measure of bass and drums on the test songs."""
    scores = {"bass": NoteScore(), "drums": NoteScore()}
    for song in songs("test", N_TEST, soundfont):
        for stem, transcribe in (("bass", transcribe_bass), ("drums", transcribe_drums)):
            found = transcribe(song.audio[STEMS.index(stem)], song.rate)
            scores[stem] += note_score(found, reference_notes(song, stem))
    return {stem: round(score.f1, 3) for stem, score in scores.items()}


def main(arguments: list[str]) -> None:
    """Fit (unless told only to report) and report."""
    if "--report" not in arguments:
        pairs = [pair for pair in map(labelled, songs("train", N_TRAINING)) if len(pair[1])]
        inputs, labels = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        WEIGHTS.write_text(json.dumps(fit(inputs, labels)), encoding="utf-8")
    for soundfont in (TRAINING, HELD_OUT):
        sys.stdout.write(f"{soundfont}: note F measure {report(soundfont)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
