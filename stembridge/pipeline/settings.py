"""What a request means for a model: how it is sampled, and what the model is told."""

from __future__ import annotations

from dataclasses import replace

from stembridge.chords import ChordSpan
from stembridge.conditions import Conditions, frame_beats, frame_conditions, names_pitches
from stembridge.context import stem_index
from stembridge.errors import BadArgsError
from stembridge.inference.settings import Settings, settings_of
from stembridge.musical_time import frames_for_samples
from stembridge.pipeline.choice import Choice
from stembridge.request import GenerationRequest
from stembridge.runtime.manifest import Manifest


def settings_for(request: GenerationRequest, manifest: Manifest) -> Settings:
    """Resolve what the request leaves open.

    Raises:
        BadArgsError: a stem, style or timbre the model does not have.
    """
    _check_vocabulary(request, manifest)
    purpose = "partial" if request.context else "generate"
    if manifest.is_told_stems and purpose == "generate" and len(request.generate) > 1:
        purpose = "coupled"
    settings = settings_of(
        manifest, request.sampler, request.steps, request.guidance, purpose=purpose
    )
    procedure = "coupled" if manifest.is_told_stems else settings.procedure
    return shifted(replace(settings, procedure=procedure, loop=request.loop), request, manifest)


def shifted(settings: Settings, request: GenerationRequest, manifest: Manifest) -> Settings:
    """Settings that tell noise as it is of stems whose notes alone are wanted.

    Told less of it, a network makes onsets that it is not sure of: sound needs them, while notes
    have a threshold that lets pass as many as there are in true parts.
    """
    sounding = decoded_stems(request, manifest)
    shift = {stem: share for stem, share in settings.shift.items() if stem in sounding}
    return replace(settings, shift=shift)


def conditions_for(
    request: GenerationRequest,
    manifest: Manifest,
    n_samples: int,
    choice: Choice | None = None,
) -> Conditions:
    """The conditions [1, K, F] of the whole request; by default only what it names itself."""
    chosen = choice or wishes_of(request)
    n_frames = frames_for_samples(n_samples, manifest.hop)
    frames = frame_conditions(
        manifest.layout,
        n_frames,
        hop=manifest.hop,
        model_rate=manifest.sample_rate,
        bpm=request.bpm,
        time_signature=request.time_signature,
        start_beats=request.start_beats,
        chords=chosen.chords,
        style=chosen.style,
        timbres=chosen.timbres,
        use_grid=request.use_grid,
    )
    beats = frame_beats(n_frames, manifest.hop, manifest.sample_rate, request.bpm)
    harmony = names_pitches(manifest.layout, beats, chosen.chords)
    return Conditions(frames[None], harmony=harmony)


def wishes_of(request: GenerationRequest, heard: tuple[ChordSpan, ...] = ()) -> Choice:
    """What a request names; chords `heard` stand in for none named."""
    return Choice(request.style, dict(request.timbres), request.chords or heard)


def _check_vocabulary(request: GenerationRequest, manifest: Manifest) -> None:
    for stem in request.generate:
        stem_index(manifest, stem)
    if request.style is not None and request.style not in manifest.styles:
        known = ", ".join(manifest.styles) or "none"
        raise BadArgsError(f'The model has no style "{request.style}"; it has {known}.')
    for stem, timbre in request.timbres:
        names = manifest.timbres.get(stem, ())
        if timbre not in names:
            known = ", ".join(names) or "none"
            raise BadArgsError(f'The model has no {stem} timbre "{timbre}"; it has {known}.')


def is_played(request: GenerationRequest, manifest: Manifest, stem: str) -> bool:
    """Whether an instrument plays this stem.

    Raises:
        BadArgsError: it is to be played, and the model cannot read its notes.
    """
    if request.sound == "model":
        return False
    readable = stem in manifest.note_readers
    if request.sound == "played" and not readable:
        raise BadArgsError(
            f"The model '{manifest.name}' cannot read the notes of {stem}, so no instrument can "
            "play them; use --sound model."
        )
    return readable


def decoded_stems(request: GenerationRequest, manifest: Manifest) -> tuple[str, ...]:
    """The stems of which the model's own sound is wanted."""
    return tuple(stem for stem in request.generate if not is_played(request, manifest, stem))
