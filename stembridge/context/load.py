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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude, integrated_loudness, is_silent
from stembridge.audio.resample import resample
from stembridge.chords import ChordSpan
from stembridge.context.clipping import Clipping
from stembridge.context.hearing import Ears, chords_throughout
from stembridge.context.length import Lengths
from stembridge.context.mono import Downmix
from stembridge.context.pace import AS_IS, Pace, pace_for
from stembridge.context.probe import ContextFile, open_context
from stembridge.context.source import Check, MonoFile, Source
from stembridge.context.tempo import doubts
from stembridge.context.tuning import Tuning, hear_tuning
from stembridge.context.wholes import Apart, stems_of_mix
from stembridge.errors import BadArgsError
from stembridge.musical_time import beats_to_samples
from stembridge.pool.threads import both
from stembridge.remarks import Remark
from stembridge.request import ContextClip, GenerationRequest
from stembridge.roles import MIX, OTHER, check_known, is_pitched, role
from stembridge.runtime.manifest import Manifest

MAX_GAIN_DB = 40.0  # more would only lift the noise of a context that is silent in earnest


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
        remarks: what a musician should know of all this.
        pace: how much slower the model hears it.
        other: float32 [n_samples] of what sounds and is no stem, like `samples`; None if nothing.
        roots: the folders from which whatever else the request names may be read.
    """

    samples: FloatArray
    given: tuple[bool, ...]
    gain: float
    loudness_lufs: float | None
    silent: tuple[str, ...]
    chords: tuple[ChordSpan, ...] = ()
    remarks: tuple[Remark, ...] = ()
    pace: Pace = AS_IS
    roots: AllowedRoots = field(default_factory=AllowedRoots.anywhere)
    other: FloatArray | None = None


def load_context(
    request: GenerationRequest,
    manifest: Manifest,
    roots: AllowedRoots,
    check: Check = lambda: None,
    ears: Ears | None = None,
    apart: Apart | None = None,
) -> Context:
    """Read all clips of a request.

    Args:
        request: what is asked for.
        manifest: of the model that will hear it.
        roots: the folders context may come from.
        check: called before each piece of each clip; may raise to stop.
        ears: the model's chord network.
        apart: takes a given mixture apart; needed where there is one.

    Raises:
        NoSuchFileError, PathDeniedError, BadAudioError: a clip's file.
        BadArgsError: a clip's geometry does not fit its file, or the model lacks its stem.
    """
    rate = manifest.sample_rate
    n_samples = beats_to_samples(request.length_beats, request.bpm, rate)
    samples = np.zeros((manifest.n_stems, n_samples), np.float32)
    given = np.zeros(manifest.n_stems, bool)
    reader = _Reader(request, rate, roots, check)
    wholes: dict[str, FloatArray] = {}
    for clip in request.context:
        check()
        if clip.stem in (MIX, OTHER):
            reader.add(clip, wholes.setdefault(clip.stem, np.zeros(n_samples, np.float32)))
            continue
        index = stem_index(manifest, clip.stem)
        given[index] = True
        reader.add(clip, samples[index])
    remarks = (*reader.remarks, *reader.clipped(), *reader.lengths.remarks())
    if MIX in wholes and apart is not None:
        found, said = stems_of_mix(wholes[MIX], request, manifest, apart)
        remarks += said
        for stem, sound in found.items():
            samples[stem_index(manifest, stem)], given[stem_index(manifest, stem)] = sound, True
    stems = {stem: samples[i] for i, stem in enumerate(manifest.stems) if given[i]}
    other = wholes.get(OTHER)
    tuning = Tuning()
    if any(map(is_pitched, request.generate)):
        tuning = hear_tuning(stems | ({} if other is None else {OTHER: other}), rate)
    pace = pace_for(request, manifest, tuning.ratio)
    heard = pace.heard(request)
    if pace.slower != 1.0:
        length = beats_to_samples(heard.length_beats, heard.bpm, rate)
        samples = np.stack([resample(row, rate, rate * pace.slower, length) for row in samples])
        if other is not None:
            other = resample(other, rate, rate * pace.slower, length)
    context, doubted = both(
        partial(context_of, samples, given.tolist(), heard, manifest, ears=ears, other=other),
        partial(doubts, stems, rate, request.bpm, request.start_beats, request.time_signature)
        if request.use_grid
        else tuple[Remark, ...],
    )
    remarks = (*remarks, *doubted, *tuning.remarks, *context.remarks)
    return replace(context, remarks=remarks, pace=pace, roots=roots)


def context_of(
    samples: FloatArray,
    given: Sequence[bool],
    request: GenerationRequest,
    manifest: Manifest,
    remarks: Sequence[Remark] = (),
    ears: Ears | None = None,
    other: FloatArray | None = None,
) -> Context:
    """Brings given stems to the model's level and hears their chords.

    Args:
        samples: `[S, n_samples]` at the model's rate, zeros where nothing is given; not changed.
        given: for each of the S stems, whether it is given.
        request: says where the beats are, and whether chords are wanted.
        manifest: of the model that will hear it.
        remarks: what is known of it already.
        ears: the model's chord network.
        other: what sounds beside the stems, `[n_samples]`.
    """
    sounds = {s: row for s, row, is_given in zip(manifest.stems, samples, given, strict=True)
              if is_given}  # fmt: skip
    sounds |= {} if other is None else {OTHER: other}
    silent = tuple(s for s, row in sounds.items() if is_silent(row))
    rate = manifest.sample_rate
    loudness = integrated_loudness(np.sum(list(sounds.values()), axis=0), rate) if sounds else None
    sounding = [s for s in sounds if s not in silent]
    gain = np.float32(_normalising_gain(loudness, sounding, manifest))
    chords: tuple[ChordSpan, ...] = ()
    said = (*remarks, *(Remark("silent", {"stem": stem}) for stem in silent))
    # Without the grid nothing is known of beats either, and chords change on beats.
    if request.use_grid and not request.chords:
        chords, more = chords_throughout(
            {s: sounds[s] * gain for s in sounding}, manifest, request.bpm,
            request.time_signature, request.length_beats, request.start_beats, ears,
        )  # fmt: skip
        said += more
    return Context(
        samples * gain, tuple(given), float(gain), loudness, silent, chords, said,
        other=None if other is None else other * gain,
    )  # fmt: skip


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
    levels = manifest.stem_lufs and manifest.stem_lufs | {OTHER: role(OTHER).level_lufs}
    if not all(stem in levels for stem in stems):
        return manifest.mixture_lufs
    return float(10 * np.log10(sum(10 ** (levels[stem] / 10) for stem in stems)))


class _Reader:
    """Reads clips, one after the other, and takes notes."""

    def __init__(
        self, request: GenerationRequest, rate: int, roots: AllowedRoots, check: Check
    ) -> None:
        self._request, self._rate, self._roots, self._check = request, rate, roots, check
        self._downmixes: dict[str, Downmix] = {}  # the same for all clips of a file
        self._clipping: dict[tuple[str, str], Clipping] = {}  # of a stem's file
        self.lengths = Lengths(request)
        self.remarks: list[Remark] = []

    def add(self, clip: ContextClip, out: FloatArray) -> None:
        """Add one clip to `[n_samples]` in place."""
        bpm, rate = self._request.bpm, self._rate
        with open_context(clip.path, self._roots) as file:
            if clip.file_start_s >= file.duration_s and not clip.loop:
                raise BadArgsError(
                    f"A clip starts {clip.file_start_s:.3f} s into '{clip.path}', which lasts "
                    f"only {file.duration_s:.3f} s."
                )
            if clip.loop and clip.loop_end_s is None:
                # A whole file that goes round, as REAPER's do, may start in any of its turns.
                clip = replace(clip, file_start_s=clip.file_start_s % file.duration_s)
            clip = self.lengths.placed(clip, file.duration_s)
            start = beats_to_samples(clip.timeline_start_beats, bpm, rate)
            stop = out.size
            if clip.length_beats is not None:
                stop = beats_to_samples(clip.timeline_start_beats + clip.length_beats, bpm, rate)
            first, stop = max(start, 0), min(stop, out.size)
            if first < stop:
                clipping = self._clipping.setdefault((clip.stem, clip.path), Clipping())
                downmix = self._downmixes.get(clip.path)
                mono = MonoFile(file, rate, self._check, downmix, clipping)
                sound = Source(mono, file, clip, bpm, rate).cut(first - start, stop - first)
                out[first : first + sound.size] += np.float32(clip.gain) * sound
                self._note(clip, file, mono.downmix)

    def clipped(self) -> Iterator[Remark]:
        """What is to be said of files that were recorded too loud."""
        for (stem, path), clipping in self._clipping.items():
            yield from clipping.remarks(stem, path)

    def _note(self, clip: ContextClip, file: ContextFile, downmix: Downmix | None) -> None:
        known = clip.path in self._downmixes
        if downmix is not None:
            self._downmixes[clip.path] = downmix
        if known:
            return
        if downmix is not None and downmix.cancels:
            self.remarks.append(Remark("out_of_phase", {"stem": clip.stem}))
        if file.fault is not None:
            data = {"stem": clip.stem, "seconds": file.duration_s}
            promised_s = file.fault.promised_s
            self.remarks.append(
                Remark(
                    file.fault.code, data | ({} if promised_s is None else {"promised": promised_s})
                )
            )
