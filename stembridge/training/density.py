"""As many notes in takes as in true parts: the note readers calibrated on what the model makes.

What a denoiser makes is paler than encoded sound, so that onsets are read with less certainty. The
threshold is set where takes for held-out songs have as many notes a second as true parts. Songs
differ far more than takes do, so that the few that takes are made for say little of it: how many
notes true parts have is counted in many more songs, which need only be composed. On other
instruments takes are paler still: with the real set beside the composed songs the threshold is set
between the two, too many notes on one by as much as too few on the other. Drums have a few less.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.band import compose_band
from stembridge.dataset.compose import compose, song_seed
from stembridge.dataset.real import RealSongs
from stembridge.dataset.song import STEMS, Song
from stembridge.dataset.synthetic import perform
from stembridge.evaluation.heldout import Trial, cut, take_of
from stembridge.evaluation.parts import true_part
from stembridge.evaluation.songs import Songs
from stembridge.nn.exporting import update_manifest
from stembridge.parts.reader import ONSET, onset_mass
from stembridge.pipeline.performance import heard_notes
from stembridge.runtime.load import load_model
from stembridge.runtime.model import StemModel

REAL_FROM = 60
"""The real set's songs before this one are for evaluation."""

COMPOSED, LENGTH_S = 300, 24.0
"""Songs whose notes are counted, and how long the real set's are."""

FOLLOWED = 0.5
"""By how much a take has more notes where its song has one more than usual: measured, .1 to .5."""

WANTED = {"drums": 0.93}
"""Notes that takes are to have, of true parts', where not as many.

What drums gain last, as the threshold falls, is strokes off the grid: in takes for 35 songs of the
real set 96.0 % of the onsets are on it at .25, and 94.9 % at the .15 that gives as many.
"""

LOWEST_SHARE = 0.02
"""No threshold below: what is fainter is no note, however few there are."""

_SILENT = 1e-3  # peak of a stem that rests: songs without it have no notes to be compared with


class ValidationSongs:
    """Composed songs that are neither trained on nor evaluated."""

    def __init__(self, count: int, rate: int) -> None:
        self._count, self._rate = count, rate

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def __getitem__(self, index: int) -> AnnotatedSong:
        """Song `index`."""
        return perform(compose(song_seed("validation", index)), f"v{index}", self._rate)


Reading = tuple[NDArray[np.float32], float]
"""Shares of all onsets that are read in takes; how many notes true parts of that length have."""


@dataclass(frozen=True)
class Kind:
    """One kind of songs.

    Attributes:
        songs: that takes are made for.
        notes_per_s: stem -> of true parts.
    """

    songs: Songs
    notes_per_s: dict[str, float]


def composed_songs(count: int, rate: int, window_s: float) -> Kind:
    """Songs composed and played on a SoundFont."""
    known = (compose(song_seed("validation", i)) for i in range(COMPOSED))
    return Kind(ValidationSongs(count, rate), notes_per_s(known, window_s))


def real_songs(count: int, rate: int, window_s: float, kit: Path) -> Kind:
    """Songs of the real set on a kit of held-out instruments."""
    seeds = (song_seed("test", i) for i in range(REAL_FROM, REAL_FROM + COMPOSED))
    known = (compose_band(seed, "held-out", None, LENGTH_S) for seed in seeds)
    return Kind(RealSongs(count, rate, kit, first=REAL_FROM), notes_per_s(known, window_s))


def notes_per_s(songs: Iterable[Song], window_s: float) -> dict[str, float]:
    """Stem -> notes a second in the first `window_s` of songs, where the stem plays at all."""
    found: dict[str, list[int]] = {stem: [] for stem in STEMS}
    for song in songs:
        for stem, notes in song.parts.items():
            count = sum(note.start_beats < window_s * song.bpm / 60 for note in notes)
            found[stem] += [count] if count else []
    return {stem: float(np.mean(counts or [0])) / window_s for stem, counts in found.items()}


def calibrate(
    artifact: Path, count: int, kit: Path | None, say: Callable[[str], None]
) -> dict[str, float]:
    """Sets `made_threshold` of all readers of an artifact; stem -> threshold.

    Args:
        artifact: with note readers; its manifest is changed.
        count: songs of each kind that takes are made for.
        kit: held-out instruments of the real set, or None for composed songs alone.
        say: told what was found.
    """
    model = load_model(artifact, "cpu")
    manifest = model.manifest
    rate, window_s = (
        manifest.sample_rate,
        manifest.window_frames * manifest.hop / manifest.sample_rate,
    )
    kinds = [composed_songs(count, rate, window_s)]
    kinds += [] if kit is None else [real_songs(count, rate, window_s, kit)]
    found, entries = {}, json.loads((artifact / "manifest.json").read_text())["note_readers"]
    stems = [stem for stem in STEMS if stem in manifest.note_readers]
    read = [_read_takes(model, stems, kind) for kind in kinds]
    for stem in stems:
        readings = [one[stem] for one in read]
        found[stem] = threshold_for(readings, WANTED.get(stem, 1.0))
        entries[stem]["made_threshold"] = found[stem]
        say(f"{stem}: {told(readings, found[stem])}")
    model.close()
    update_manifest(artifact, {"note_readers": entries}, [])
    return found


def told(readings: Sequence[Reading], threshold: float) -> str:
    """A calibration in words."""
    shares = " and ".join(
        f"{(masses >= threshold).sum() / max(1, wanted):.2f} of {wanted:.0f}"
        for masses, wanted in readings
    )
    return f"threshold {threshold:.3f}, {shares} notes"


def threshold_for(readings: Sequence[Reading], share: float = 1.0) -> float:
    """The threshold at which made notes are that share of true ones, within sensible limits.

    With several sets of songs: at which made by wanted notes of all sets multiply to 1.
    """
    readings = [(masses, wanted) for masses, wanted in readings if len(masses) and wanted]
    if not readings:
        return 0.5
    candidates = np.sort(np.concatenate([masses for masses, _ in readings]))[::-1]
    off = np.zeros(len(candidates))
    for masses, wanted in readings:
        made = len(masses) - np.searchsorted(np.sort(masses), candidates)
        off += np.log((made + 0.5) / (share * wanted + 0.5))
    found = candidates[int(np.abs(off).argmin())]
    return round(float(np.clip(found, LOWEST_SHARE, 1.0)), 4)


def _read_takes(model: StemModel, stems: Sequence[str], kind: Kind) -> dict[str, Reading]:
    manifest = model.manifest
    n_samples = manifest.window_frames * manifest.hop
    seconds = n_samples / manifest.sample_rate
    masses: dict[str, list[NDArray[np.float32]]] = {stem: [] for stem in stems}
    wanted = dict.fromkeys(stems, 0.0)
    for index in range(len(kind.songs)):
        song = cut(kind.songs[index], n_samples)  # played anew: once for all stems
        for stem in (s for s in stems if s in song.stems and np.abs(song.stem(s)).max() >= _SILENT):
            masses[stem].append(_read_take(model, song, stem, index))
            own = len(true_part(song, stem, seconds * (song.bpm or 120.0) / 60).notes)
            usual = kind.notes_per_s[stem] * seconds
            wanted[stem] += usual + FOLLOWED * (own - usual)
    none = np.zeros(0, np.float32)
    return {stem: (np.concatenate([none, *masses[stem]]), wanted[stem]) for stem in stems}


def _read_take(model: StemModel, song: AnnotatedSong, stem: str, seed: int) -> NDArray[np.float32]:
    """Shares of all onsets that are read in one take."""
    take, _ = take_of(model, song, (stem,), Trial(played_only=True), seed)
    answer, _ = heard_notes(stem, take, song.bpm or 120.0, model)
    mass = onset_mass(answer[ONSET])
    return mass[mass > LOWEST_SHARE / 2]
