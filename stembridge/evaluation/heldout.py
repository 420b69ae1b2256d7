"""Held-out songs through the pipeline: stems made for the others as serving would make them.

A song becomes a request and a context, and from there on it is the code that serves: the context
is brought to the model's level, its chords are heard, the model chooses style and instruments.
Only what an evaluation wants otherwise is told to it, by a `Trial`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.resample import resample
from stembridge.context import Context, context_of
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.inference.settings import settings_of
from stembridge.pipeline.events import Reporter, ignore
from stembridge.pipeline.generate import Take, generate
from stembridge.pipeline.settings import shifted
from stembridge.request import GenerationRequest
from stembridge.roles import check_known
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel

Array = NDArray[np.float32]

LENGTH_S, LEAST_WINDOW_S = 12.0, 10.0
_SOUNDING = 1e-3


@dataclass(frozen=True)
class Trial:
    """How stems are made in an evaluation.

    Attributes:
        sampler, steps, guidance: as in a request.
        chords: tell the model the true chords, where they are known.
        grid: tell it tempo and metre.
        ceiling_only: make nothing; measure only what the codec makes of the true stems.
        choose: let the model choose style and instrument as serving does, where it can.
        played_only: make notes for an instrument, and no sound of the model's own.
    """

    sampler: str | None = None
    steps: int | None = None
    guidance: float | None = None
    chords: bool = False
    grid: bool = True
    ceiling_only: bool = False
    choose: bool = True
    played_only: bool = False


def cut(song: AnnotatedSong, n_samples: int) -> AnnotatedSong:
    """The first `n_samples` of a song; chords that begin later are dropped."""
    limit = n_samples / song.rate * (song.bpm or 120.0) / 60
    chords = tuple(chord for chord in song.chords if chord.start_beats < limit)
    return replace(song, audio=song.audio[:, :n_samples], chords=chords)


def length_for(manifest: Manifest) -> int:
    """Samples of a clip: about 12 s, one window where the model's is about that long."""
    window = manifest.window_frames * manifest.hop
    twelve = round(LENGTH_S * manifest.sample_rate)
    return min(window, twelve) if window >= LEAST_WINDOW_S * manifest.sample_rate else twelve


def song_for(manifest: Manifest, song: AnnotatedSong) -> AnnotatedSong:
    """A clip of a song at the model's rate with its stems in its order.

    A model of one stem that no song has makes mixtures.
    """
    rate = manifest.sample_rate
    if song.rate != rate:
        rows = [resample(row, song.rate, rate) for row in song.audio]
        song = replace(song, audio=np.stack(rows), rate=rate)
    song = cut(song, min(length_for(manifest), song.audio.shape[1]))
    stems = manifest.stems
    if len(stems) == 1 and stems[0] not in song.stems:
        return replace(song, audio=song.audio.sum(0, keepdims=True), stems=stems)
    silence = np.zeros(song.audio.shape[1], np.float32)
    rows = [song.stem(stem) if stem in song.stems else silence for stem in stems]
    return replace(song, audio=np.stack(rows), stems=stems)


def sounds_throughout(song: AnnotatedSong) -> bool:
    """Whether no stem rests for the whole clip."""
    return bool((np.abs(song.audio).max(axis=1) >= _SOUNDING).all())


def request_of(
    song: AnnotatedSong, targets: Sequence[str], trial: Trial, seed: int
) -> GenerationRequest:
    """What serving would be asked for, had it the song without the stems `targets`."""
    bpm = song.bpm or 120.0
    return GenerationRequest(
        request_id=song.name,
        generate=tuple(targets),
        context=(),
        bpm=bpm,
        length_beats=song.audio.shape[1] / song.rate * bpm / 60,
        time_signature=song.time_signature,
        session_rate=song.rate,
        seed=seed,
        steps=trial.steps,
        sampler=trial.sampler,
        guidance=trial.guidance,
        chords=song.chords if trial.chords else (),
        use_grid=trial.grid and song.bpm is not None,
        sound="played" if trial.played_only else "model",
    )


def given_to(request: GenerationRequest, song: AnnotatedSong, model: StemModel) -> Context:
    """All stems of a song that are not asked for, as they reach the model."""
    manifest = model.manifest
    samples = np.zeros((manifest.n_stems, song.audio.shape[1]), np.float32)
    given = [stem in song.stems and stem not in request.generate for stem in manifest.stems]
    for index, stem in enumerate(manifest.stems):
        if given[index]:
            samples[index] = song.stem(stem)
    return context_of(samples, given, request, manifest, ears=model.chord_chances)


def make(
    model: StemModel, song: AnnotatedSong, target: str, trial: Trial, seed: int = 0
) -> tuple[Take, Array]:
    """A take of one stem for the rest of a song.

    Args:
        model: an open model.
        song: at its rate.
        target: the stem to be made; the song's own is not listened to.
        trial: how.
        seed: of the take.

    Returns:
        The take, and its audio `[n_samples]` at the song's level.
    """
    take, context = take_of(model, song, (target,), trial, seed)
    return take, take.stems[target] / np.float32(context.gain)


def take_of(
    model: StemModel, song: AnnotatedSong, targets: Sequence[str], trial: Trial, seed: int
) -> tuple[Take, Context]:
    """As `make`, of several stems, without their sound; and what the model heard."""
    if not trial.choose:
        model = cast(StemModel, _Unchoosing(model))
    check_known(targets, model.manifest.stems, model.manifest.name)
    request = request_of(song, targets, trial, seed)
    context = given_to(request, song, model)
    settings = settings_of(
        model.manifest, trial.sampler, trial.steps, trial.guidance,
        purpose="partial" if any(context.given) else "generate",
    )  # fmt: skip
    settings = shifted(settings, request, model.manifest)
    return next(generate(request, settings, context, model, Reporter(ignore, 1))), context


class _Unchoosing:
    """A model that leaves style and instruments open; everything else is another's."""

    def __init__(self, model: StemModel) -> None:
        self._model = model
        self.manifest = model.manifest.model_copy(
            update={"style_classifier": None, "style_timbres": {}, "style_chords": {}}
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
