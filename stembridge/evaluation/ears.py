"""Do ears hear the chords? The model's own against the estimator by templates and basic-pitch.

Every song is heard once without one of its pitched stems, in turn another one, as a request for
that stem would hear it. A chord counts every half beat, where the song's own has a root.

basic-pitch (Spotify, Apache-2.0) is a file of the user's, `nmp.onnx` of its repository: its notes,
folded to pitch classes bar by bar, against plain major and minor triads.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.resample import resample
from stembridge.chords import ChordSpan, estimate_chords, parse_chord
from stembridge.context.hearing import heard_chords
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.evaluation.songs import Songs
from stembridge.roles import is_pitched
from stembridge.runtime.model import StemModel

Audio = NDArray[np.float32]
Ears = Callable[[Mapping[str, Audio], AnnotatedSong, float], Sequence[ChordSpan]]
"""From pitched stems, their song's tempo and metre, and its length in beats, to chords."""

STEP_BEATS = 0.5
PITCH_RATE, PITCH_WINDOW, PITCH_HOP, PITCH_OVERLAP = 22_050, 43_844, 256, 30
_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True)
class EarFigures:
    """Shares of the time.

    Attributes:
        root: the root is right.
        third: root and third are right, or the song's chord has none.
        returned: any chord was returned.
    """

    root: float
    third: float
    returned: float


def evaluate_ears(
    model: StemModel, songs: Songs, basic_pitch: Path | None, say: Callable[[str], None]
) -> dict[str, EarFigures]:
    """Figures of every kind of ears on the same sound.

    Args:
        model: whose ears are heard.
        songs: with chords.
        basic_pitch: file of basic-pitch's network, or None.
        say: told the progress.
    """
    ears: dict[str, Ears] = {"own": _own(model), "templates": _templates}
    if basic_pitch is not None:
        ears["basic-pitch"] = PitchEars(basic_pitch)
    counts = {name: np.zeros(4) for name in ears}
    for number in range(len(songs)):
        song = songs[number]
        pitched = [stem for stem in song.stems if is_pitched(stem)]
        target = pitched[number % len(pitched)]
        stems = {stem: song.stem(stem) for stem in pitched if stem != target}
        length_beats = song.audio.shape[1] / song.rate * (song.bpm or 120.0) / 60
        for name, hear in ears.items():
            counts[name] += _right(hear(stems, song, length_beats), song.chords, length_beats)
        if (number + 1) % 10 == 0:
            say(f"{number + 1} of {len(songs)} songs")
    shares = {name: count[:3] / max(1.0, count[3]) for name, count in counts.items()}
    return {name: EarFigures(*(float(x) for x in share)) for name, share in shares.items()}


def _own(model: StemModel) -> Ears:
    def hear(
        stems: Mapping[str, Audio], song: AnnotatedSong, length_beats: float
    ) -> Sequence[ChordSpan]:
        bpm, metre = song.bpm or 120.0, song.time_signature
        return heard_chords(
            stems, model.manifest, bpm, metre, length_beats, ears=model.chord_chances
        )

    return hear


def _templates(
    stems: Mapping[str, Audio], song: AnnotatedSong, length_beats: float
) -> Sequence[ChordSpan]:
    return estimate_chords(stems, song.rate, song.bpm or 120.0, song.time_signature, length_beats)


class PitchEars:
    """basic-pitch's notes, and crude templates bar by bar.

    Args:
        path: its network, `nmp.onnx`.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._network = onnxruntime.InferenceSession(path.read_bytes(), options)
        outputs = self._network.get_outputs()
        # Three posteriorgrams; that of the contours is finer, that of the notes comes second.
        self._note = next(o.name for o in outputs if o.name.endswith(":1"))

    def __call__(
        self, stems: Mapping[str, Audio], song: AnnotatedSong, length_beats: float
    ) -> Sequence[ChordSpan]:
        """A chord a bar."""
        mixed = np.sum(list(stems.values()), axis=0)
        n_samples = round(len(mixed) * PITCH_RATE / song.rate)
        notes = self.notes(resample(mixed, song.rate, PITCH_RATE, n_samples))
        classes = notes @ np.eye(12, dtype=np.float32)[(np.arange(88) + 21) % 12]
        bar = song.time_signature.beats_per_bar
        per_beat = PITCH_RATE / PITCH_HOP * 60 / (song.bpm or 120.0)
        spans = []
        for start in np.arange(0, length_beats, bar):
            inside = classes[round(start * per_beat) : round((start + bar) * per_beat)]
            spans.append(parse_chord(_triad(inside.sum(axis=0)), float(start)))
        return spans

    def notes(self, audio: Audio) -> NDArray[np.float32]:
        """How likely each of the piano's 88 keys sounds, `[T, 88]`, of audio at 22,050 Hz."""
        half, hop = PITCH_OVERLAP * PITCH_HOP // 2, PITCH_WINDOW - PITCH_OVERLAP * PITCH_HOP
        padded = np.concatenate([np.zeros(half, np.float32), audio])
        pieces = []
        for first in range(0, len(padded), hop):
            window = np.zeros((1, PITCH_WINDOW, 1), np.float32)
            piece = padded[first : first + PITCH_WINDOW]
            window[0, : len(piece), 0] = piece
            given = {self._network.get_inputs()[0].name: window}
            (found,) = self._network.run([self._note], given)
            pieces.append(found[0, PITCH_OVERLAP // 2 : -PITCH_OVERLAP // 2])
        heard: NDArray[np.float32] = np.concatenate(pieces)[: len(audio) // PITCH_HOP]
        return heard


def _triad(classes: NDArray[np.float32]) -> str:
    """The major or minor triad with most in it."""
    sums = {
        _NAMES[root] + kind: classes[root] + classes[(root + third) % 12] + classes[(root + 7) % 12]
        for root in range(12)
        for kind, third in (("", 4), ("m", 3))
    }
    return max(sums, key=lambda name: float(sums[name]))


def _right(
    heard: Sequence[ChordSpan], true: Sequence[ChordSpan], length_beats: float
) -> NDArray[np.float64]:
    """Counts: root right, root and third right, anything returned, all."""
    counts = np.zeros(4)
    for beats in np.arange(STEP_BEATS / 2, length_beats, STEP_BEATS):
        own, found = _at(true, beats), _at(heard, beats)
        if own is None or own.root is None:
            continue
        root = found is not None and found.root == own.root
        third = root and found is not None and _third(own) in (None, _third(found))
        counts += [root, third, found is not None and found.root is not None, 1]
    return counts


def _at(chords: Sequence[ChordSpan], beats: float) -> ChordSpan | None:
    index = bisect_right([chord.start_beats for chord in chords], beats + 1e-6) - 1
    return chords[index] if index >= 0 else None


def _third(chord: ChordSpan) -> int | None:
    """3 or 4 semitones above the root; None where it has neither or both."""
    found = [third for third in (3, 4) if ((chord.root or 0) + third) % 12 in chord.pitch_classes]
    return found[0] if len(found) == 1 else None
