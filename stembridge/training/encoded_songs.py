"""Songs as the networks are trained on them: made, encoded, and kept as one file each.

    song -> latents, conditions, mixtures, notes, and what the chord network hears

One file serves every network, so that a song is composed and rendered once. Files appear whole,
in any order, while other processes already train on those that are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stembridge.chords.spectrum import log_spectrum
from stembridge.conditions import HEARD, Layout
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import STEMS
from stembridge.nn.linear_codec import LinearCodec
from stembridge.training.latents import Encoded, song_conditions

_SOUNDING = 1e-4  # peak, -80 dB: below it a stem counts as absent
_BASS_ALONE = 0.08
_PITCHED = tuple(i for i, stem in enumerate(STEMS) if stem not in ("drums", "bass"))


@dataclass(frozen=True)
class MadeSong:
    """A song to be encoded.

    Attributes:
        song: four stems, clean: what is to be written.
        heard: `[S, n_samples]`, the same stems as users hand them in; None: as they are.
        other: what else sounds, `[n_samples]`, such as a voice: it is in the mixtures only.
    """

    song: AnnotatedSong
    heard: NDArray[np.float32] | None = None
    other: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class EncodedSong:
    """One song.

    Attributes:
        encoded: latents, conditions, present stems, mixtures and worn stems, frames last.
        spectra: `[2, T, 252]` float16, what the chord network hears of two choices of stems.
        notes: stem -> `[n, 4]` float32: start and end in s, pitch, velocity.
    """

    encoded: Encoded
    spectra: NDArray[np.float16]
    notes: Mapping[str, NDArray[np.float32]]


def prepare(
    made: MadeSong,
    codecs: Mapping[str, LinearCodec],
    layout: Layout,
    rng: np.random.Generator,
) -> EncodedSong:
    """Encodes a song.

    Args:
        made: the song.
        codecs: stem -> codec.
        layout: of the conditions; its block of mixtures is left out.
        rng: chooses the stems of mixtures.
    """
    song = made.song
    hop = codecs[STEMS[0]].config.hop
    n_samples = song.audio.shape[1] // hop * hop
    stems = song.audio[:, :n_samples]
    worn = stems if made.heard is None else made.heard[:, :n_samples]
    other = np.zeros(n_samples, np.float32) if made.other is None else made.other[:n_samples]
    present = np.abs(stems).max(1) > _SOUNDING
    mixed = np.stack([present, present & (rng.random(len(STEMS)) < 0.5)])
    mixtures = [sound[row].sum(0) + other for sound, row in zip((stems, worn), mixed, strict=True)]
    with torch.no_grad():
        latents, handed_in = (
            torch.stack([_heard(sound[i], {s: codecs[s]}) for i, s in enumerate(STEMS)])
            for sound in (stems, worn)
        )
        by_all = [_heard(mixture, codecs) for mixture in mixtures]
    conditions = song_conditions(song, _without_heard(layout), n_samples // hop, hop)
    encoded = Encoded(
        latents.half().numpy(), conditions.astype(np.float16), present,
        torch.stack(by_all).half().numpy(), mixed, handed_in.half().numpy(),
    )  # fmt: skip
    choices = [_choice(present, rng), _choice(present, rng)]
    spectra = [log_spectrum(worn[row].sum(0) + use * other, song.rate) for row, use in choices]
    return EncodedSong(encoded, np.stack(spectra).astype(np.float16), _notes(song))


def _heard(audio: NDArray[np.float32], codecs: Mapping[str, LinearCodec]) -> torch.Tensor:
    """What each codec, in the order of the stems, makes of the same audio, `[S·C, F]`."""
    samples, patches = torch.from_numpy(audio)[None], dict[int, torch.Tensor]()
    heard = []
    for codec in (codecs[stem] for stem in STEMS if stem in codecs):
        n_fft = codec.config.n_fft
        if n_fft not in patches:  # the costly part, which codecs of one window length share
            patches[n_fft] = codec.fast_patches(samples)
        heard.append(codec.project(patches[n_fft])[0])
    return torch.cat(heard)


def _without_heard(layout: Layout) -> Layout:
    blocks = tuple(block for block in layout.blocks if block[0] != HEARD)
    return Layout(blocks, layout.styles, layout.timbres)


def _choice(
    present: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[NDArray[np.bool_], float]:
    """Stems that are heard together, and whether the lead is: chords, or now and then a bass."""
    chosen = present & (rng.random(len(STEMS)) < 0.55)
    alone = rng.random() < _BASS_ALONE
    if alone:
        chosen[:] = [stem == "bass" for stem in STEMS]
    elif not chosen[list(_PITCHED)].any():
        chosen[rng.choice(_PITCHED)] = True
    return chosen, float(rng.random() < 0.3)


def _notes(song: AnnotatedSong) -> dict[str, NDArray[np.float32]]:
    beat_s = 60.0 / (song.bpm or 120.0)
    return {
        stem: np.array(
            [(n.start_beats * beat_s, (n.start_beats + n.length_beats) * beat_s, n.pitch,
              n.velocity) for n in notes], np.float32,
        ).reshape(-1, 4)
        for stem, notes in song.notes.items()
    }  # fmt: skip


def save(song: EncodedSong, path: Path) -> None:
    """Writes one `.npz`; it appears whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {k: v for k, v in song.encoded._asdict().items() if v is not None}
    arrays |= {f"notes.{stem}": notes for stem, notes in song.notes.items()}
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, spectra=song.spectra, **arrays)
    partial.replace(path)


def load(path: Path) -> EncodedSong:
    """Reads a song that `save` wrote."""
    with np.load(path) as file:
        encoded = Encoded(*(file[name] for name in Encoded._fields))
        prefix = "notes."
        notes = {n.removeprefix(prefix): file[n] for n in file.files if n.startswith(prefix)}
        return EncodedSong(encoded, file["spectra"], notes)


def arriving(folder: Path, seen: set[str]) -> Iterator[Path]:
    """Files of a folder that were not `seen` yet; each is added to it."""
    for path in sorted(folder.glob("*.npz")):
        if path.name not in seen:
            seen.add(path.name)
            yield path
