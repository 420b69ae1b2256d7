"""From given stems to new ones: encode, choose, sample, decode. The page to read first.

Everything here is in the model's own terms (its rate, its level, its stems) and knows no files.
The evaluation makes its takes here as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from stembridge.audio.buffer import FloatArray
from stembridge.conditions import Conditions
from stembridge.context import Context
from stembridge.inference import Settings, codec, infer, shares
from stembridge.pipeline.choice import Bars, Choice, choose, style_chances
from stembridge.pipeline.events import Reporter
from stembridge.pipeline.settings import conditions_for, decoded_stems, wishes_of
from stembridge.request import GenerationRequest
from stembridge.roles import check_apart, is_pitched
from stembridge.runtime.model import StemModel


@dataclass(frozen=True)
class Take:
    """One variation.

    Attributes:
        variation: which, from 0.
        sounds: stem -> the model's own sound, at its rate and level, where it is wanted.
        choice: style, instruments and chords it was made with.
        latents: of all stems, given and made, [S, C, F].
        conditions: what the model was told.
    """

    variation: int
    sounds: dict[str, codec.Sound]
    choice: Choice
    latents: FloatArray
    conditions: Conditions

    @property
    def stems(self) -> dict[str, FloatArray]:
        """Stem -> audio [n_samples]."""
        return {stem: sound.audio for stem, sound in self.sounds.items()}


def generate(
    request: GenerationRequest,
    settings: Settings,
    context: Context,
    model: StemModel,
    report: Reporter,
) -> Iterator[Take]:
    """Make the takes of a request, each when it is asked for.

    The same request and model give the same samples; takes do not depend on how many are made.

    Args:
        request: what is asked for.
        settings: `settings_for` the request.
        context: what is given.
        model: an open model.
        report: told about every step; may raise CancelledError.

    Raises:
        BadArgsError: a stem is both given and asked for.
    """
    given = _given(request, context, model)
    n_samples = context.samples.shape[-1]
    told = partial(conditions_for, request, model.manifest, n_samples)
    hearing = partial(report, "encode")
    known = codec.hear(model, context.samples, context.given, hearing, loop=settings.loop)
    sounding = given - set(context.silent)
    chances = style_chances(model, known.latents[0], sounding, told)
    wishes, bars = wishes_of(request, context.chords), _bars_without_harmony(request, sounding)
    decoded = decoded_stems(request, model.manifest)
    for variation in range(request.variations):
        seed = request.seed + (variation << 32)
        choice = choose(model.manifest, chances, request.generate, seed, wishes, bars)
        sampling = partial(report, "sample", variation=variation)
        decoding = partial(report, "decode", variation=variation)
        conditions = told(choice)
        latents = infer(model, conditions, known, settings, [seed], callback=shares(sampling))[0]
        sounds = codec.sound(model, decoded, latents, n_samples, decoding, loop=settings.loop)
        yield Take(variation, sounds, choice, latents, conditions)


def _given(request: GenerationRequest, context: Context, model: StemModel) -> set[str]:
    """Stems that are given; none of them may be asked for."""
    stems = {s for s, given in zip(model.manifest.stems, context.given, strict=True) if given}
    check_apart(request.generate, stems)
    return stems


def _bars_without_harmony(request: GenerationRequest, sounding: set[str]) -> Bars | None:
    """The request's bars if its beats are known and nothing that sounds has a pitch."""
    if not request.use_grid or any(map(is_pitched, sounding)):
        return None
    bar = request.time_signature.beats_per_bar
    return Bars(bar, request.length_beats, request.start_beats)
