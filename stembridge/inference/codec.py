"""Audio to latents and back, long pieces in parts.

A part brings a second of its surroundings along, so that its edges sound as if the whole had been
done at once; parts bound the memory a request may take, and between two parts it can be cancelled.
Encoded parts are cut to their own frames; decoded parts cross-fade, because a decoder that makes up
phases makes them up anew in each part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.resample import fit_length
from stembridge.audio.windows import overlap_add
from stembridge.diffusion.inpaint import Known
from stembridge.errors import StembridgeError
from stembridge.inference.level import levelled, role_gain_db
from stembridge.musical_time import frames_for_samples
from stembridge.pool.threads import side_by_side
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemCodec, StemModel

PART_S, SURROUNDINGS_S, CROSSFADE_S = 60.0, 1.0, 0.05
SEAM_S = 0.02  # over which a loop's end becomes what leads into its start
AHEAD_S = 0.01  # what leads into it: codecs let a note sound a little ahead


def _frames(seconds: float, model: StemCodec) -> int:
    manifest = model.manifest
    return max(1, round(seconds * manifest.sample_rate / manifest.hop))


def _parts(n_frames: int, model: StemCodec) -> Iterator[tuple[int, int, int, int]]:
    """(first, stop) of each part and of the frames around it that are computed with it."""
    length, around = _frames(PART_S, model), _frames(SURROUNDINGS_S, model)
    if n_frames <= length + around:  # no short remainder
        length = n_frames
    for first in range(0, n_frames, length):
        stop = min(first + length, n_frames)
        yield first, stop, max(0, first - around), min(n_frames, stop + around)


def ignore_share(share: float) -> None:
    """For callers that neither listen nor stop."""


def hear(
    model: StemModel,
    samples: FloatArray,
    given: Sequence[bool],
    report: Callable[[float], None] = ignore_share,
    *,
    loop: bool = False,
) -> Known:
    """Latents of the given stems, and the mask that says which these are.

    Args:
        model: the model.
        samples: [S, n_samples] at its rate and level.
        given: for each of the S stems, whether it is given.
        report: told the share that is done before each network call; may raise to stop.
        loop: what is given goes on at its start when it ends.
    """
    manifest = model.manifest
    n_frames = frames_for_samples(samples.shape[-1], manifest.hop)
    latents = np.zeros((1, manifest.n_stems, manifest.latent_channels, n_frames), np.float32)
    around = _frames(SURROUNDINGS_S, model) if loop else 0
    one_call = n_frames + 2 * around <= _frames(PART_S, model)

    def heard(index: int) -> FloatArray:
        check = partial(report, index / manifest.n_stems)
        audio = _wrapped(samples[index], around * manifest.hop, n_frames * manifest.hop)
        made = encode(model, manifest.stems[index], audio, _unasked if one_call else check)
        return made[:, around : around + n_frames]

    wanted = [index for index, is_given in enumerate(given) if is_given]
    for index in wanted if one_call else ():
        report(index / manifest.n_stems)
    # An encoder fills one core; between the parts of a long piece somebody may stop it.
    found = side_by_side(heard, wanted, None if one_call else 1)
    for index, made in zip(wanted, found, strict=True):
        latents[0, index] = made
    return known_stems(manifest, latents, given)


def _unasked() -> None:
    """For what was asked before."""


def _wrapped(audio: FloatArray, around: int, length: int) -> FloatArray:
    """`[n]` as a loop: `around` samples before its start, and so many behind `length`."""
    if not around:
        return audio
    return audio[np.arange(-around, length + around) % audio.size]


def known_stems(manifest: Manifest, latents: FloatArray, given: Sequence[bool]) -> Known:
    """Latents [B, S, C, F] of which whole stems are given."""
    mask = np.zeros((*latents.shape[:2], latents.shape[-1]), np.float32)
    mask[:, list(given)] = 1.0
    return Known(latents, mask, manifest.context_mode, manifest.sigma_context)


@dataclass(frozen=True)
class Sound:
    """A made stem.

    Attributes:
        audio: [n_samples] at the model's rate, at the loudness of its role.
        levelled_db: by how much it was moved to that.
    """

    audio: FloatArray
    levelled_db: float


def sound(
    model: StemModel,
    stems: Sequence[str],
    latents: FloatArray,
    n_samples: int,
    report: Callable[[float], None] = ignore_share,
    *,
    loop: bool = False,
) -> dict[str, Sound]:
    """The sound of some stems.

    Args:
        model: the model.
        stems: which.
        latents: of all stems of the model, [S, C, F].
        n_samples: length of the audio.
        report: told the share that is done before each network call; may raise to stop.
        loop: the end flows into the start.
    """
    made = {}
    for i, stem in enumerate(stems):
        own = latents[model.manifest.stem_index(stem)]
        decoded = decode_loop if loop else decode
        audio = decoded(model, stem, own, n_samples, partial(report, i / len(stems)))
        gain_db = role_gain_db(audio, stem, model.manifest)
        made[stem] = Sound(levelled(audio, gain_db), gain_db)
    return made


def encode(
    model: StemCodec, stem: str, audio: FloatArray, check: Callable[[], None] = lambda: None
) -> FloatArray:
    """Latents [C, F] of audio [n_samples], the last frame padded with silence.

    Args:
        model: the model.
        stem: which stem this is.
        audio: float32 [n_samples] at the model's rate.
        check: called before each network call; may raise to stop.
    """
    hop = model.manifest.hop
    n_frames = frames_for_samples(audio.size, hop)
    padded = fit_length(audio, n_frames * hop)
    pieces = []
    for first, stop, low, high in _parts(n_frames, model):
        check()
        latents = model.encode(stem, np.ascontiguousarray(padded[None, low * hop : high * hop]))
        pieces.append(latents[0, :, first - low : stop - low])
    return np.concatenate(pieces, axis=-1)


def decode(
    model: StemCodec,
    stem: str,
    latents: FloatArray,
    n_samples: int,
    check: Callable[[], None] = lambda: None,
) -> FloatArray:
    """Audio [n_samples] of latents [C, F], as loud as the model makes it.

    Raises:
        StembridgeError: the decoder gave something that is no sound.
    """
    hop = model.manifest.hop
    fade = min(_frames(CROSSFADE_S, model), _frames(SURROUNDINGS_S, model)) * hop
    pieces = []
    for first, stop, low, high in _parts(latents.shape[-1], model):
        check()
        sound = model.decode(stem, np.ascontiguousarray(latents[None, :, low:high]))[0]
        sound = fit_length(sound, (high - low) * hop)
        start = (first - low) * hop - (fade if first else 0)
        pieces.append(sound[start : (stop - low) * hop])
    audio = fit_length(overlap_add(pieces, fade), n_samples)
    if not np.isfinite(audio).all():
        raise StembridgeError(
            f"The model gave no sound for {stem} (not a number). Try another seed or the CPU."
        )
    return audio


def decode_loop(
    model: StemModel,
    stem: str,
    latents: FloatArray,
    n_samples: int,
    check: Callable[[], None] = lambda: None,
) -> FloatArray:
    """As `decode`, for latents [C, F] whose last frame goes on into the first; n is F hop.

        sound  ......|0 ......................... n|...   as the network made it
        loop          0 .................###
        lead                          ...###..... 0       what leads into the start, at the end

    A decoder makes up other phases each time, so what it made before the first note is put before
    the end: it fades in a little ahead, and nothing is joined at the seam itself.
    """
    manifest, n_frames = model.manifest, latents.shape[-1]
    around = _frames(SURROUNDINGS_S, model)
    circle = np.arange(-around, n_frames + around) % n_frames
    sound = decode(model, stem, latents[:, circle], len(circle) * manifest.hop, check)
    start = around * manifest.hop
    fade, lead = (
        min(round(seconds * manifest.sample_rate), n_samples // 4) for seconds in (SEAM_S, AHEAD_S)
    )
    pieces = [sound[start : start + n_samples - lead], sound[start - lead - fade : start]]
    return overlap_add(pieces, fade, "equal_power")
