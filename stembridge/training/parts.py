"""The note readers of an artifact: fitted to songs whose notes are known, and put into it.

    known_songs(songs, model)   songs rendered and annotated; they are encoded here
    encoded_songs(paths)        songs that were encoded before (`training.encoded_songs`)
    fit_parts(known, artifact)  all four readers, exported

The latents are those of the artifact's own encoders; with `generated`, also what its denoiser
makes of them when they are given to it under noise: the same notes, as it would play them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stembridge.dataset.annotated import AnnotatedSong, load_song
from stembridge.dataset.song import STEMS
from stembridge.errors import BadArgsError
from stembridge.nn.exporting import export_note_reader, update_manifest
from stembridge.runtime.load import load_model
from stembridge.runtime.manifest import read_manifest
from stembridge.runtime.model import StemModel
from stembridge.training.note_reader import FittedReader, ReaderTraining, Say, fit_note_reader
from stembridge.training.note_rolls import Rolls, heard_drum, make_rolls, timed
from stembridge.training.start import encoded
from stembridge.transcription.notes import TimedNote

KEPT_OUT = 0.1
SHORTEST_S = 10.0
"""Rendered songs are cut somewhere beyond it: a take ends while its notes sound, songs never do."""

_ALL = slice(None)


@dataclass(frozen=True)
class KnownSongs:
    """Songs as the readers take them.

    Attributes:
        latents: float16 `[N, S, C, F]`, padded.
        lengths: frames of every song `[N]`.
        notes: stem -> the notes of every song, in seconds.
    """

    latents: NDArray[np.float16]
    lengths: NDArray[np.int32]
    notes: dict[str, list[list[TimedNote]]]


def known_songs(songs: Iterable[AnnotatedSong], model: StemModel, generated: float) -> KnownSongs:
    """Encodes songs; each once more as generated if that is above 0 (deviation of the noise)."""
    layout, rng = model.manifest.layout, np.random.default_rng(0)
    heard: list[NDArray[np.float16]] = []
    notes: dict[str, list[list[TimedNote]]] = {stem: [] for stem in STEMS}
    for song in songs:
        if song.bpm is None or not song.notes:
            continue
        own = encoded(cut_anywhere(song, rng), model, layout)
        versions = [own.latents]
        if generated > 0:
            versions.append(regenerated(model, own.latents, own.conditions, generated, rng))
        for latents in versions:
            heard.append(latents)
            for stem in STEMS:
                notes[stem].append(timed(song.notes.get(stem, ()), song.bpm, stem))
    return _padded(heard, notes)


def cut_anywhere(song: AnnotatedSong, rng: np.random.Generator) -> AnnotatedSong:
    """The song up to a random place; its notes stay as they are, later ones are not entered."""
    n_samples = song.audio.shape[1]
    end = int(rng.uniform(min(SHORTEST_S * song.rate, n_samples), n_samples + 1))
    return replace(song, audio=song.audio[:, :end])


def encoded_songs(paths: Iterable[Path]) -> KnownSongs:
    """Songs that `training.encoded_songs.save` wrote; those without a stem count as silent there.

    Raises:
        BadArgsError: fewer than two have notes.
    """
    heard: list[NDArray[np.float16]] = []
    notes: dict[str, list[list[TimedNote]]] = {stem: [] for stem in STEMS}
    for path in paths:
        with np.load(path) as file:
            tables = {stem: file.get(f"notes.{stem}") for stem in STEMS}
            if all(table is None for table in tables.values()):
                continue
            heard.append(file["latents"])
        for stem, table in tables.items():
            rows = [] if table is None else table.tolist()
            notes[stem].append(
                [
                    TimedNote(on, off - on, heard_drum(stem, int(p)), int(v))
                    for on, off, p, v in rows
                ]
            )
    return _padded(heard, notes)


def _padded(
    heard: list[NDArray[np.float16]], notes: dict[str, list[list[TimedNote]]]
) -> KnownSongs:
    if len(heard) < 2:
        raise BadArgsError("Note readers learn from songs whose notes are known; there are none.")
    lengths = np.array([latents.shape[2] for latents in heard], np.int32)
    latents = np.zeros((len(heard), *heard[0].shape[:2], int(lengths.max())), np.float16)
    for row, song in zip(latents, heard, strict=True):
        row[..., : song.shape[2]] = song
    return KnownSongs(latents, lengths, notes)


def regenerated(
    model: StemModel,
    latents: NDArray[np.float16],
    conditions: NDArray[np.float16],
    sigma: float,
    rng: np.random.Generator,
) -> NDArray[np.float16]:
    """Latents `[S, C, F]` as the denoiser sees them through noise of deviation `sigma`."""
    window, n_frames = model.manifest.window_frames, latents.shape[2]
    pieces = []
    for first in range(0, n_frames, window):
        piece = latents[None, :, :, first : first + window].astype(np.float32)
        noisy = piece + np.float32(sigma) * rng.standard_normal(piece.shape, np.float32)
        level = np.full((1, len(latents), piece.shape[3]), sigma, np.float32)
        around = conditions[None, :, first : first + window].astype(np.float32)
        pieces.append(model.denoise(noisy, level, around)[0])
    return np.concatenate(pieces, axis=2).astype(np.float16)


def rolls_of(songs: KnownSongs, stem: str, frame_s: float, at: slice = _ALL) -> Rolls:
    """A stem of some of the songs, as its reader is trained."""
    latents = songs.latents[at, STEMS.index(stem)]
    return make_rolls(latents, songs.lengths[at], songs.notes[stem][at], stem, frame_s)


def split_rolls(songs: KnownSongs, stem: str, frame_s: float) -> tuple[Rolls, Rolls]:
    """A stem's songs to train on, and the last tenth, kept out."""
    count = len(songs.lengths)
    cut = count - max(1, round(KEPT_OUT * count))
    train, kept_out = (
        rolls_of(songs, stem, frame_s, at) for at in (slice(0, cut), slice(cut, count))
    )
    return train, kept_out


def fit_parts(
    known: KnownSongs,
    artifact: Path,
    training: ReaderTraining | None = None,
    *,
    device: str = "cpu",
    say: Say = print,
) -> dict[str, FittedReader]:
    """Fits all note readers and adds them to the artifact whose encoders made the latents.

    Args:
        known: songs; the last tenth is kept out, and says the F measure.
        artifact: it is changed.
        training: settings of each fit.
        device: torch's, of the fit.
        say: told what happens.
    """
    manifest = read_manifest(artifact)
    frame_s = manifest.hop / manifest.sample_rate
    fitted = {}
    for stem in STEMS:
        train, kept_out = split_rolls(known, stem, frame_s)
        fitted[stem] = fit_note_reader(
            stem, train, kept_out, frame_s, training, device=device, say=say
        )
        export_note_reader(artifact, stem, fitted[stem].module, fitted[stem].facts.threshold)
    scores = {stem: round(reader.score.f1, 4) for stem, reader in fitted.items()}
    facts = {"note_readers": {"songs": len(known.lengths), "note_f1": scores}}
    update_manifest(artifact, {"training": facts}, [])
    return fitted


def train_parts(
    artifact: Path,
    songs: Path,
    *,
    training: ReaderTraining | None = None,
    generated: float = 0.0,
    device: str = "cpu",
    say: Say = print,
) -> dict[str, FittedReader]:
    """`fit_parts` on a folder: of encoded songs (`.npz`), or of rendered ones (`.json`).

    Args:
        artifact: whose latents are read; it is changed.
        songs: the folder.
        training: settings of each fit.
        generated: deviation of the noise under which rendered songs are made anew; 0 does not.
        device: torch's, of the fit.
        say: told what happens.

    Raises:
        BadArgsError: no song has notes.
        ModelUntrustedError, NoSuchFileError: as `load_model`.
    """
    if encoded_before := sorted(songs.glob("*.npz")):
        known = encoded_songs(encoded_before)
    else:
        model = load_model(artifact, "cpu")
        known = known_songs(map(load_song, sorted(songs.glob("*.json"))), model, generated)
        model.close()
    say(f"{len(known.lengths)} songs with notes")
    return fit_parts(known, artifact, training, device=device, say=say)
