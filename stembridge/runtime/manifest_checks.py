"""What a manifest must fulfil beyond the types of its fields; each check raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stembridge.chords import parse_chord
from stembridge.errors import BadArgsError
from stembridge.runtime.manifest_fields import ManifestFields

# One plain name in the artifact's own folder: no separators, no drive, no "..", no hidden file.
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


MAX_WINDOW_S = 15 * 60
MAX_LATENTS = 2**26


def check_sizes(manifest: ManifestFields) -> None:
    """A window's sound and latents can be held in memory."""
    window_s = manifest.window_frames * manifest.hop / manifest.sample_rate
    if window_s > MAX_WINDOW_S:
        raise ValueError(f"window_frames and hop make windows of {window_s:.0f} s")
    latents = manifest.n_stems * manifest.latent_channels * manifest.window_frames
    if latents > MAX_LATENTS or manifest.condition_channels * manifest.window_frames > MAX_LATENTS:
        raise ValueError("window_frames times channels is more than any model needs")


def check_stems(manifest: ManifestFields) -> None:
    """Stems are unique, and nothing is said of others."""
    if len(set(manifest.stems)) != len(manifest.stems):
        raise ValueError("stems are not unique")
    for role, table in (("encoders", manifest.encoders), ("decoders", manifest.decoders)):
        missing = [stem for stem in manifest.stems if stem not in table]
        if missing:
            raise ValueError(f"{role} lacks {', '.join(missing)}")
    tables: list[Mapping[str, object]] = [
        manifest.encoders, manifest.decoders, manifest.timbres, manifest.note_readers
    ]  # fmt: skip
    tables += [habit.shift for habit in (manifest.sampler, *manifest.habits.values())]
    unknown = {stem for table in tables for stem in table} - set(manifest.stems)
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))} is not among the stems")


def check_styles(manifest: ManifestFields) -> None:
    """What is to be chosen exists, and the network can be told of it."""
    blocks = [(block.name, block.channels) for block in manifest.condition_layout]
    takes_style = manifest.styles and ("style", 1 + len(manifest.styles)) in blocks
    if manifest.style_classifier is not None and not (takes_style and blocks[0][0] == "grid"):
        raise ValueError("a style_classifier needs styles, a grid block first, and a style block")
    if not {*manifest.style_timbres, *manifest.style_chords} <= set(manifest.styles):
        raise ValueError("style_timbres or style_chords name a style that is not among the styles")
    _check_progressions(manifest, [name for name, _ in blocks])
    for stems in manifest.style_timbres.values():
        for stem, timbres in stems.items():
            if not set(timbres) <= set(manifest.timbres.get(stem, ())):
                raise ValueError(f"style_timbres names a {stem} timbre that the model lacks")


def _check_progressions(manifest: ManifestFields, blocks: list[str]) -> None:
    progressions = [text for texts in manifest.style_chords.values() for text in texts]
    if progressions and "chords" not in blocks:
        raise ValueError("style_chords needs a chords block")
    try:
        for symbol in (word for text in progressions for word in text.split() or [""]):
            parse_chord(symbol)
    except BadArgsError as error:
        raise ValueError(f"style_chords: {error}") from error


def check_files(manifest: ManifestFields, reserved: str) -> None:
    """Plain names in the folder, none `reserved`, and a hash of every file that is opened."""
    for name in manifest.files:
        if not FILE_NAME.fullmatch(name) or name == reserved:
            raise ValueError(f"file name {name!r} is not a plain name inside the model folder")
    unvouched = manifest.network_files - set(manifest.files)
    if unvouched:
        raise ValueError(f"no SHA-256 for {', '.join(repr(name) for name in sorted(unvouched))}")
