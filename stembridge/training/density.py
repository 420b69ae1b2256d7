"""As many notes in takes as in true parts: the note readers calibrated on what the model makes.

What a denoiser makes is paler than encoded sound, so that onsets are read with less certainty. The
threshold is set where takes for held-out songs have as many notes as the songs' own parts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stembridge.dataset.compose import compose, song_seed
from stembridge.dataset.song import STEMS
from stembridge.dataset.synthetic import perform
from stembridge.evaluation.heldout import Trial, cut, make
from stembridge.evaluation.parts import true_part
from stembridge.nn.exporting import update_manifest
from stembridge.parts.reader import ONSET, onset_mass
from stembridge.runtime.load import load_model
from stembridge.runtime.model import StemModel

LOWEST_SHARE = 0.12
"""No threshold below: what is fainter is no note, however few there are."""


def calibrate(artifact: Path, count: int, say: Callable[[str], None]) -> dict[str, float]:
    """Sets `made_threshold` of all readers of an artifact; stem -> threshold.

    Args:
        artifact: with note readers; its manifest is changed.
        count: songs of the validation split that takes are made for.
        say: told what was found.
    """
    model = load_model(artifact, "cpu")
    found, entries = {}, json.loads((artifact / "manifest.json").read_text())["note_readers"]
    for stem in [stem for stem in STEMS if stem in model.manifest.note_readers]:
        masses, wanted = _read_takes(model, stem, count)
        found[stem] = threshold_for(masses, wanted)
        entries[stem]["made_threshold"] = found[stem]
        say(f"{stem}: {wanted} notes in the songs' parts, threshold {found[stem]:.3f}")
    model.close()
    update_manifest(artifact, {"note_readers": entries}, [])
    return found


def threshold_for(masses: NDArray[np.float32], wanted: int) -> float:
    """The threshold that so many of the onsets' shares reach, within sensible limits."""
    ordered = np.sort(masses)[::-1]
    if not len(ordered):
        return 0.5
    found = ordered[min(wanted, len(ordered)) - 1]
    return round(float(np.clip(found, LOWEST_SHARE, 1.0)), 4)


def _read_takes(model: StemModel, stem: str, count: int) -> tuple[NDArray[np.float32], int]:
    """Shares of all onsets that are read in takes, and how many notes the true parts have."""
    masses, wanted, manifest = [], 0, model.manifest
    n_samples = manifest.window_frames * manifest.hop
    for index in range(count):
        song = perform(compose(song_seed("validation", index)), "v", manifest.sample_rate)
        song = cut(song, n_samples)
        beats = n_samples / song.rate * (song.bpm or 120.0) / 60
        true = true_part(song, stem, beats)
        if not true.notes:
            continue
        take, _ = make(model, song, stem, Trial(), index)
        latents = take.latents[None, manifest.stem_index(stem)]
        answer = model.read_notes(stem, np.ascontiguousarray(latents))[0]
        mass = onset_mass(answer[ONSET])
        masses.append(mass[mass > LOWEST_SHARE / 2])
        wanted += len(true.notes)
    return np.concatenate([np.zeros(0, np.float32), *masses]), wanted
