"""From clips to the audio the model hears.

    timeline   |bar 1      |bar 2      |bar 3      |bar 4      |   0 .. n_samples
    clip 1  ====[=========]                                        began before the bar line
    clip 2                  [==========][==========][====          looped
    context    |=========]  [==========][==========][====     |

Each clip is read where it is needed, mixed to mono, brought to the model's rate and the request's
tempo, and added at its place. All stems then get one common gain that brings their mixture to the
loudness the model was trained on; `render` takes the same gain back from what was generated, so
that new stems stand to the context as the model meant them to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.audio.conform import conform
from stembridge.audio.files import ContextFile, open_context
from stembridge.audio.loudness import amplitude, integrated_loudness, is_silent
from stembridge.audio.resample import fit_length, resample
from stembridge.chords import ChordSpan, estimate_chords
from stembridge.errors import BadArgsError
from stembridge.musical_time import TimeSignature, beats_to_samples, seconds_to_samples
from stembridge.request import ContextClip, GenerationRequest
from stembridge.roles import check_known
from stembridge.runtime.manifest import Manifest

MAX_GAIN_DB = 40.0  # more would only lift the noise of a context that is silent in earnest
MARGIN_S = 0.05  # read more on both sides, so that filters see what lies beyond a clip's edge
MIN_LOOP_S = 0.005


@dataclass(frozen=True)
class Context:
    """What is given.

    Attributes:
        samples: float32 [S, n_samples] at the model's rate, level-normalised; zeros where nothing
            is given.
        given: for each of the S stems, whether it is given.
        gain: the linear factor that was applied.
        loudness_lufs: loudness of the given mixture before the gain; None if absent or silent.
        silent: given stems that hold nothing in this stretch of time.
        chords: heard in the given stems where the request names none and the model wants them.
    """

    samples: FloatArray
    given: tuple[bool, ...]
    gain: float
    loudness_lufs: float | None
    silent: tuple[str, ...]
    chords: tuple[ChordSpan, ...] = ()


def load_context(
    request: GenerationRequest,
    manifest: Manifest,
    roots: AllowedRoots,
    check: Callable[[], None] = lambda: None,
) -> Context:
    """Read all clips of a request.

    Args:
        request: what is asked for.
        manifest: of the model that will hear it.
        roots: the folders context may come from.
        check: called before each clip; may raise to stop.

    Raises:
        NoSuchFileError, PathDeniedError, BadAudioError: a clip's file.
        BadArgsError: a clip's geometry does not fit its file, or the model lacks its stem.
    """
    rate = manifest.sample_rate
    n_samples = beats_to_samples(request.length_beats, request.bpm, rate)
    samples = np.zeros((manifest.n_stems, n_samples), np.float32)
    given = np.zeros(manifest.n_stems, bool)
    for clip in request.context:
        check()
        index = stem_index(manifest, clip.stem)
        given[index] = True
        _add_clip(samples[index], clip, request.bpm, rate, roots)
    return context_of(samples, given.tolist(), request, manifest)


def context_of(
    samples: FloatArray, given: Sequence[bool], request: GenerationRequest, manifest: Manifest
) -> Context:
    """Brings given stems to the model's level and hears their chords.

    Args:
        samples: `[S, n_samples]` at the model's rate, zeros where nothing is given; not changed.
        given: for each of the S stems, whether it is given.
        request: says where the beats are, and whether chords are wanted.
        manifest: of the model that will hear it.
    """
    stems = [s for s, is_given in zip(manifest.stems, given, strict=True) if is_given]
    silent = tuple(s for s in stems if is_silent(samples[stem_index(manifest, s)]))
    rate = manifest.sample_rate
    loudness = integrated_loudness(samples.sum(axis=0), rate) if stems else None
    sounding = [s for s in stems if s not in silent]
    gain = _normalising_gain(loudness, sounding, manifest)
    samples = samples * np.float32(gain)
    chords: tuple[ChordSpan, ...] = ()
    # Without the grid nothing is known of beats either, and chords change on beats.
    if request.use_grid and not request.chords:
        chords = heard_chords({s: samples[stem_index(manifest, s)] for s in sounding}, manifest,
                              request.bpm, request.time_signature,
                              request.length_beats, request.start_beats)  # fmt: skip
    return Context(samples, tuple(given), gain, loudness, silent, chords)


def heard_chords(
    stems: Mapping[str, FloatArray],
    manifest: Manifest,
    bpm: float,
    time_signature: TimeSignature,
    length_beats: float,
    start_beats: float = 0.0,
) -> tuple[ChordSpan, ...]:
    """Chords that given stems `[n_samples]` play, if the model is to be told of them."""
    takes_chords = any(block.name == "chords" for block in manifest.condition_layout)
    if not (manifest.chords_from_context and takes_chords):
        return ()
    rate = manifest.sample_rate
    return estimate_chords(stems, rate, bpm, time_signature, length_beats, start_beats)


def stem_index(manifest: Manifest, stem: str) -> int:
    """Position of a stem on axis S.

    Raises:
        BadArgsError: this model does not know the stem.
    """
    check_known([stem], manifest.stems, manifest.name)
    return manifest.stem_index(stem)


def _normalising_gain(
    loudness_lufs: float | None, sounding: Sequence[str], manifest: Manifest
) -> float:
    if loudness_lufs is None:
        return 1.0
    nominal = _nominal_lufs(sounding, manifest)
    return amplitude(float(np.clip(nominal - loudness_lufs, -MAX_GAIN_DB, MAX_GAIN_DB)))


def _nominal_lufs(stems: Sequence[str], manifest: Manifest) -> float:
    """Loudness at which the model knows these stems together, LUFS.

    Their powers add up: drums alone are quieter than the mixture they were trained in.
    """
    levels = manifest.stem_lufs
    if not all(stem in levels for stem in stems):
        return manifest.mixture_lufs
    return float(10 * np.log10(sum(10 ** (levels[stem] / 10) for stem in stems)))


def _add_clip(
    out: FloatArray, clip: ContextClip, bpm: float, rate: int, roots: AllowedRoots
) -> None:
    """Add one clip to `[n_samples]` in place."""
    start = beats_to_samples(clip.timeline_start_beats, bpm, rate)
    stop = out.size
    if clip.length_beats is not None:
        stop = beats_to_samples(clip.timeline_start_beats + clip.length_beats, bpm, rate)
    first, stop = max(start, 0), min(stop, out.size)
    with open_context(clip.path, roots) as file:
        if clip.file_start_s >= file.duration_s:
            raise BadArgsError(
                f"A clip starts {clip.file_start_s:.3f} s into '{clip.path}', which lasts only "
                f"{file.duration_s:.3f} s."
            )
        if first < stop:
            sound = _Source(file, clip, bpm, rate).cut(first - start, stop - first)
            out[first : first + sound.size] += np.float32(clip.gain) * sound


class _Source:
    """A clip's file as it sounds at the request's tempo and the model's rate."""

    def __init__(self, file: ContextFile, clip: ContextClip, bpm: float, rate: int) -> None:
        self._file, self._clip, self._bpm, self._rate = file, clip, bpm, rate
        self._source_bpm = clip.source_bpm or bpm
        self._per_second = rate * self._source_bpm / bpm  # samples per second of the file

    def cut(self, skip: int, n_samples: int) -> FloatArray:
        """`n_samples` from `skip` samples after the clip's start; shorter where the file ends."""
        loop = self._loop()
        if loop is None:
            start_s = self._clip.file_start_s + skip / self._per_second
            end_s = min(start_s + (n_samples + 1) / self._per_second, self._file.duration_s)
            return self._read(start_s, end_s)[:n_samples]
        loop_start_s, loop_end_s = loop
        first_s = min(self._clip.file_start_s, loop_start_s)
        sound = self._read(first_s, loop_end_s)
        # Exact (fractional) positions: repeats stay on the beat however often they come round.
        lead = (self._clip.file_start_s - first_s) * self._per_second
        begin = (loop_start_s - first_s) * self._per_second
        period = (loop_end_s - loop_start_s) * self._per_second
        at = np.arange(skip, skip + n_samples) + lead
        at = np.where(at < begin + period, at, begin + np.mod(at - begin, period))
        # Towards zero, so that a position just before the loop's end does not read beyond it.
        return sound[np.minimum((at + 1e-6).astype(np.int64), sound.size - 1)]

    def _loop(self) -> tuple[float, float] | None:
        """Start and end of the repeated part in s; None if the clip plays straight through."""
        if not self._clip.loop:
            return None
        end_s = min(self._clip.loop_end_s or self._file.duration_s, self._file.duration_s)
        start_s = self._clip.loop_start_s or 0.0
        if end_s - start_s < MIN_LOOP_S:
            raise BadArgsError(
                f"The loop of '{self._clip.path}' is empty: it starts at {start_s:.3f} s, and the "
                f"file or the loop ends at {end_s:.3f} s."
            )
        # As in Live: a clip that starts behind its loop never enters it.
        return (start_s, end_s) if self._clip.file_start_s < end_s else None

    def _read(self, start_s: float, end_s: float) -> FloatArray:
        """The file from `start_s` to `end_s`, stretched and resampled."""
        file = self._file
        first = max(0, seconds_to_samples(start_s - MARGIN_S, file.sample_rate))
        stop = seconds_to_samples(end_s + MARGIN_S, file.sample_rate)
        sound = resample(file.read_mono(first, stop - first), file.sample_rate, self._rate)
        sound = conform(sound, self._rate, self._source_bpm, self._bpm)
        lead = seconds_to_samples((start_s - first / file.sample_rate) * self._speed, self._rate)
        length = seconds_to_samples((end_s - start_s) * self._speed, self._rate)
        return fit_length(sound[lead:], length)

    @property
    def _speed(self) -> float:
        """Seconds of the session per second of the file."""
        return self._source_bpm / self._bpm
