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
from stembridge.inference import Settings, codec, shares
from stembridge.inference.of_stems import Chain, infer_stems
from stembridge.pipeline.choice import Choice, choose, style_chances
from stembridge.pipeline.events import Reporter
from stembridge.pipeline.hearing import with_other
from stembridge.pipeline.settings import conditions_for, decoded_stems, wishes_of
from stembridge.pipeline.wording import NO_WORDING, Wording, bars_to_fill, sounding
from stembridge.request import GenerationRequest
from stembridge.roles import check_apart
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
    wording: Wording = NO_WORDING,
    chains: tuple[Chain, ...] = (),
) -> Iterator[Take]:
    """Make the takes of a request, each when it is asked for.

    The same request and model give the same samples; takes do not depend on how many are made.

    Args:
        request: what is asked for.
        settings: `settings_for` the request.
        context: what is given.
        model: an open model.
        report: told about every step; may raise CancelledError.
        wording: what is asked for in words.
        chains: of a model of mixtures, see `infer_stems`.

    Raises:
        BadArgsError: a stem is both given and asked for.
    """
    _check_given(request, context, model)
    n_samples = context.samples.shape[-1]
    conditions_of = partial(conditions_for, request, model.manifest, n_samples)
    hearing = partial(report, "encode")
    known = codec.hear(model, context.samples, context.given, hearing, loop=settings.loop)
    heard = sounding(model.manifest, context)
    metre = request.time_signature if request.use_grid else None
    chances = style_chances(model, known.latents[0], heard, conditions_of, metre)
    named, bars = wishes_of(request, context.chords), bars_to_fill(request, heard)
    decoded = decoded_stems(request, model.manifest)
    for variation in range(request.variations):
        seed = request.seed + (variation << 32)
        choice = choose(
            model.manifest, chances, request.generate, seed, named, bars, wording.wishes
        )
        sampling = partial(report, "sample", variation=variation)
        decoding = partial(report, "decode", variation=variation)
        conditions = with_other(conditions_of(choice), context, model, report)
        latents = infer_stems(
            model, conditions, known, settings, [seed], request.generate, chains, shares(sampling)
        )[0]
        decoding(0.0)  # from here on it is made to sound, by whatever way
        sounds = codec.sound(model, decoded, latents, n_samples, decoding, loop=settings.loop)
        yield Take(variation, sounds, choice, latents, conditions)


def _check_given(request: GenerationRequest, context: Context, model: StemModel) -> None:
    """None of the given stems may be asked for."""
    given = zip(model.manifest.stems, context.given, strict=True)
    check_apart(request.generate, {stem for stem, is_given in given if is_given})
