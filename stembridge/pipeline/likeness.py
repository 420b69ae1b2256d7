"""What a reference file is like in a model's terms: style, instrument, mode, density.

The file is heard as context is: at its own tempo, as the stem that its name tells, else as the one
stem that is made, else as a whole mix, of which only style and mode are heard.

Instruments are told apart by a diffusion classifier: latents of one stem are noised to some middle
level, and the model is asked for them back, told one timbre after the other; with the one that fits
it errs least (Li et al., "Your Diffusion Model Is Secretly a Zero-Shot Classifier", 2023). All
other stems are pure noise; the timbres go into one call with the same noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.chords.key import key_of
from stembridge.context import load_context
from stembridge.context.hearing import heard_chords
from stembridge.context.probe import open_context
from stembridge.context.tempo import tempo_of_files
from stembridge.errors import BadArgsError
from stembridge.inference import codec
from stembridge.parts import ReaderFacts, read_part
from stembridge.parts.groove import groups
from stembridge.pipeline.choice import Choice, style_chances
from stembridge.pipeline.settings import conditions_for
from stembridge.remarks import Remark
from stembridge.request import ContextClip, GenerationRequest
from stembridge.roles import is_pitched, role_of
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel
from stembridge.stages import between

SIGMAS = (1.5, 3.0)
LONGEST_S = 24.0
SURE_STYLE, SURE_TIMBRE = 0.3, 0.5
"""What is less likely is not followed.

Measured on 40 kept-out songs, one stem at a time: the style is right in .42, .62, .40 and .33
(bass, drums, guitar, piano; chance .08), in .42 of whole mixes; an instrument that is followed in
.72, .65, .80 and .33. Of 23 stems of instruments that no training had, one: there it is a guess.
"""
_FRAMES = 128
_TEMPO, _READ, _ENCODED, _COMPARED = 0.1, 0.2, 0.35, 0.85  # shares of the work that end with these
_STEEPNESS, _UNUSUAL = 30.0, 0.1
"""Of relative errors as chances of a timbre; chance before hearing of what no style has."""


@dataclass(frozen=True)
class Likeness:
    """What a reference is heard as; None and empty: nobody can tell.

    Attributes:
        path: of the file.
        stem: it was heard as; None: a mix.
        bpm: its tempo.
        styles: style -> chance.
        timbres: timbre of the stem -> chance.
        mode: "minor" or "major".
        onsets: notes a beat of the stem.
        silent: nothing sounds.
    """

    path: str
    stem: str | None = None
    bpm: float | None = None
    styles: Mapping[str, float] = field(default_factory=dict)
    timbres: Mapping[str, float] = field(default_factory=dict)
    mode: str | None = None
    onsets: float | None = None
    silent: bool = False

    @property
    def style(self) -> str | None:
        """The likeliest, if it is likely."""
        return _surest(self.styles, SURE_STYLE)

    @property
    def timbre(self) -> str | None:
        """The likeliest, if it is likely."""
        return _surest(self.timbres, SURE_TIMBRE)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """For the musician."""
        name = Path(self.path).name
        if self.silent:
            return (Remark("like_silent", {"file": name}),)
        heard = [f"style {self.style} ({self.styles[self.style]:.0%} sure)"] if self.style else []
        if self.stem and self.timbre:
            heard.append(f"{self.stem} {self.timbre} ({self.timbres[self.timbre]:.0%} sure)")
        heard += [f"{self.mode} chords"] if self.mode else []
        heard += [f"{self.onsets:.1f} notes a beat"] if self.onsets else []
        at = f" at {self.bpm:.4g} bpm" if self.bpm else ""
        said = {"file": name, "as_what": (self.stem or "a mix") + at}
        found = Remark("like_heard", said | {"heard": ", ".join(heard)})
        return (found if heard else Remark("like_unclear", said),)

    def to_mapping(self) -> dict[str, Any]:
        """For the receipt."""
        return {
            "file": self.path,
            "heard_as": self.stem or "mix",
            "bpm": self.bpm,
            "styles": {name: round(chance, 3) for name, chance in self.styles.items()},
            "timbres": {name: round(chance, 3) for name, chance in self.timbres.items()},
            "mode": self.mode,
            "notes_per_beat": self.onsets and round(self.onsets, 3),
            "silent": self.silent,
        }


def _surest(chances: Mapping[str, float], enough: float) -> str | None:
    best = max(chances, key=lambda name: chances[name], default=None)
    return best if best is not None and chances[best] >= enough else None


def hear_likeness(
    request: GenerationRequest,
    model: StemModel,
    roots: AllowedRoots,
    tell: Callable[[float], None] = codec.ignore_share,
) -> Likeness | None:
    """Listen to a request's reference; None if it names none.

    Args:
        request: names it.
        model: whose terms count.
        roots: the folders it may lie in.
        tell: told the share that is done, before each piece of work; may raise to stop.

    Raises:
        NoSuchFileError, PathDeniedError, BadAudioError: the file is no sound that may be read.
    """
    if request.like is None:
        return None
    manifest = model.manifest
    stem = _stem_of(request, manifest)
    heard_as = stem or ("drums" if "drums" in manifest.stems else manifest.stems[0])
    tell(0.0)
    own, bpm = _as_context(request, heard_as, roots)
    context = load_context(own, manifest, roots, partial(tell, _TEMPO), None)
    if context.silent:
        return Likeness(request.like, stem, silent=True)
    hearing, comparing = between(tell, _READ, _ENCODED), between(tell, _ENCODED, _COMPARED)
    known = codec.hear(model, context.samples, context.given, hearing)
    latents = known.latents[0]
    n_samples = context.samples.shape[-1]
    told = partial(conditions_for, own, manifest, n_samples, Choice())
    chances = style_chances(model, latents, {heard_as}, told)
    made = stem is not None and stem in request.generate
    sound = context.samples[manifest.stem_index(heard_as)]
    styles = {} if chances is None else dict(zip(manifest.styles, chances.tolist(), strict=True))
    alone = latents[manifest.stem_index(heard_as)]
    return Likeness(
        request.like,
        stem,
        bpm,
        styles,
        timbre_chances(model, heard_as, alone, styles, comparing) if made else {},
        None if stem == "drums" or bpm is None else _mode(sound, own, model),
        _onsets(model, heard_as, latents, own) if made and bpm is not None else None,
    )


def _stem_of(request: GenerationRequest, manifest: Manifest) -> str | None:
    """Which stem the file is: by its name, else the only one that is made."""
    named = role_of(Path(str(request.like)).stem)
    if named in manifest.stems:
        return named
    return request.generate[0] if len(request.generate) == 1 else None


def _as_context(
    request: GenerationRequest, stem: str, roots: AllowedRoots
) -> tuple[GenerationRequest, float | None]:
    """A request whose context is the middle of the file, from a bar line on; and its tempo."""
    path, bar = str(request.like), request.time_signature.beats_per_bar
    with open_context(path, roots) as file:
        duration_s = file.duration_s
    try:
        bpm: float | None = tempo_of_files({stem: path}, roots, bar).bpm
    except BadArgsError:  # nobody can tell
        bpm = None
    bar_s = bar * 60 / (bpm or request.bpm)
    first_s = max(0.0, (duration_s - LONGEST_S) / 2) // bar_s * bar_s
    length_s = min(LONGEST_S, duration_s - first_s)
    clip = ContextClip(stem, path, file_start_s=first_s)
    own = replace(
        request, generate=(), context=(clip,), chords=(), bpm=bpm or request.bpm, start_beats=0.0,
        length_beats=max(0.25, length_s * (bpm or request.bpm) / 60), use_grid=bpm is not None,
        style=None, timbres=(), instruments=(),
    )  # fmt: skip
    return own, bpm


def _mode(sound: FloatArray, own: GenerationRequest, model: StemModel) -> str | None:
    pitched = next((stem for stem in model.manifest.stems if is_pitched(stem)), None)
    if pitched is None:
        return None
    at = (own.bpm, own.time_signature, own.length_beats)
    chords = heard_chords({pitched: sound}, model.manifest, *at, ears=model.chord_chances)
    key = key_of(chords, own.length_beats)
    return None if key is None else "minor" if key.endswith("m") else "major"


def _onsets(
    model: StemModel, stem: str, latents: FloatArray, own: GenerationRequest
) -> float | None:
    """Notes a beat."""
    manifest = model.manifest
    reader, own_latents = manifest.note_readers.get(stem), latents[manifest.stem_index(stem)]
    if reader is None:
        return None
    facts = ReaderFacts(reader.lowest, reader.threshold, manifest.hop / manifest.sample_rate)
    answer = model.read_notes(stem, np.ascontiguousarray(own_latents[None]))[0]
    part = read_part(answer, stem, facts, own.bpm, own.length_beats)
    return len(groups(part)) / own.length_beats or None


def timbre_chances(
    model: StemModel,
    stem: str,
    latents: FloatArray,
    styles: Mapping[str, float],
    tell: Callable[[float], None] = codec.ignore_share,
) -> dict[str, float]:
    """Timbre -> chance, over latents [C, F] of the stem alone; usual ones of its styles before."""
    errors, usual = timbre_errors(model, stem, latents, tell), model.manifest.style_timbres
    if not errors:
        return {}
    least = max(min(errors.values()), 1e-9)
    weights = {}
    for name, error in errors.items():
        prior = sum(p for style, p in styles.items() if name in usual.get(style, {}).get(stem, ()))
        weights[name] = (_UNUSUAL + prior) * math.exp(-_STEEPNESS * (error / least - 1))
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def timbre_errors(
    model: StemModel,
    stem: str,
    latents: FloatArray,
    tell: Callable[[float], None] = codec.ignore_share,
) -> dict[str, float]:
    """Timbre -> mean square error of the model that was told it, over latents [C, F]."""
    manifest = model.manifest
    layout, index = manifest.layout, manifest.stem_index(stem)
    names = manifest.timbres.get(stem, ())
    column = layout.slices().get("timbre")
    if column is None or not names:
        return {}
    first = column.start + [s for s, own in layout.timbres for _ in own].index(stem)
    kept = latents[:, : min(_FRAMES, manifest.window_frames)]
    n_frames = -(-kept.shape[-1] // manifest.frame_multiple) * manifest.frame_multiple
    kept = np.pad(kept, ((0, 0), (0, n_frames - kept.shape[-1])))
    told = np.zeros((len(names), layout.channels, n_frames), np.float32)
    told[np.arange(len(names)), first + np.arange(len(names))] = 1.0
    noise = np.random.default_rng(0).standard_normal((manifest.n_stems, *kept.shape))
    errors = np.zeros(len(names))
    for number, sigma in enumerate(SIGMAS):
        tell(number / len(SIGMAS))
        sigmas = np.full((manifest.n_stems, n_frames), manifest.sigma_max, np.float32)
        sigmas[index] = sigma
        x = (sigmas[:, None] * noise).astype(np.float32)
        x[index] += kept
        repeated = [np.repeat(a[None], len(names), axis=0) for a in (x, sigmas)]
        denoised = model.denoise(repeated[0], repeated[1], told)
        errors += ((denoised[:, index] - kept) ** 2).mean(axis=(1, 2))
    return dict(zip(names, (errors / len(SIGMAS)).tolist(), strict=True))
