"""What a rework changes of a take's request; what else moves when its notes do.

In another key, at another tempo, its chords follow, and its latents, which what is made anew later
hears: they are encoded anew from how it sounds now.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stembridge.audio.resample import resample
from stembridge.chords import transposed
from stembridge.context import Context
from stembridge.inference import codec
from stembridge.pipeline.choice import Choice
from stembridge.pipeline.take_files import SoundedTake
from stembridge.request import GenerationRequest, Rework, parse_request, request_to_mapping
from stembridge.runtime.model import StemModel


def new_key(wish: Rework) -> int:
    """Semitones by which the harmony moves: of the whole take, and not by octaves alone."""
    whole = not (wish.stems or wish.keep or wish.bars)
    return wish.semitones if whole and wish.semitones % 12 else 0


def new_request(old: GenerationRequest, wish: Rework) -> GenerationRequest:
    """The request of a take, with what changes."""
    asked = _moved(old, request_to_mapping(old), wish)
    asked |= {"request_id": wish.request_id, "variations": 1, "best": 1}
    # Of stems one by one: what is said of one leaves the others as they are.
    asked |= {k: {**asked[k], **v} if isinstance(v, dict) else v for k, v in wish.changes.items()}
    if wish.more_bars:
        asked["length_beats"] = old.length_beats + wish.more_bars * old.time_signature.beats_per_bar
    if wish.asks_the_model:
        asked["seed"] = wish.seed if wish.seed is not None else (old.seed + 1) % 2**31
    return parse_request(asked | {"timbres": {**dict(old.timbres), **dict(wish.timbres)}})


def _moved(old: GenerationRequest, asked: dict[str, Any], wish: Rework) -> dict[str, Any]:
    """The request `asked` with chords in the new key, and files told their own tempo."""
    if key := new_key(wish):
        asked = asked | {"chords": [transposed(chord, key) for chord in old.chords]}
    if "bpm" in wish.changes:
        own = [clip | {"source_bpm": clip["source_bpm"] or old.bpm} for clip in asked["context"]]
        asked["context"] = own
    return asked


def moved_choice(choice: Choice, wish: Rework) -> Choice:
    """What a take was made with, in its new key."""
    if not (key := new_key(wish)):
        return choice
    return replace(choice, chords=tuple(transposed(chord, key) for chord in choice.chords))


def reheard(
    made: SoundedTake, request: GenerationRequest, context: Context, model: StemModel
) -> SoundedTake:
    """The take with latents of its stems as they sound now."""
    manifest, n_samples = model.manifest, context.samples.shape[-1]
    shape = (manifest.n_stems, manifest.latent_channels, -(-n_samples // manifest.hop))
    latents = np.zeros(shape, np.float32)
    for stem, sound in made.audio.items():
        mono = (sound if sound.ndim == 1 else sound.mean(axis=0)) / np.float32(made.gain)
        rate = manifest.sample_rate * context.pace.slower
        audio = resample(mono, request.session_rate, rate, n_samples)
        latents[manifest.stem_index(stem)] = codec.encode(model, stem, audio)
    take = made.take
    return replace(made, take=replace(take, state=replace(take.state, latents=latents)))
