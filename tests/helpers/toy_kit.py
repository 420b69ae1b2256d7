"""A kit of synthesised instruments: plucked strings and noises, small enough to make in a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from stembridge.dataset.kit import Kit, KitInstrument, KitNote, write_index

RATE = 44100
DRUMS = (36, 38, 42, 46)


def tone(pitch: float, seconds: float = 1.0) -> np.ndarray:
    """A note with three partials that dies away, peak below 1."""
    t = np.arange(round(seconds * RATE)) / RATE
    hz = 440 * 2 ** ((pitch - 69) / 12)
    wave = sum(np.sin(2 * np.pi * k * hz * t) / k for k in (1, 2, 3)) * np.exp(-3 * t) * 0.4
    return wave.astype(np.float32)


def noise(pitch: int, seconds: float = 0.4) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    rng = np.random.default_rng(pitch)
    return (rng.uniform(-0.8, 0.8, len(t)) * np.exp(-12 * t)).astype(np.float32)


def toy_kit(folder: Path) -> Kit:
    """An instrument for every stem; the guitar has muted notes, too, and an amplifier."""
    folder.mkdir(parents=True, exist_ok=True)
    pitches = {"bass": range(28, 60, 6), "guitar": range(40, 88, 6), "piano": range(28, 100, 8)}
    timbres = {"bass": {"finger": ""}, "guitar": {"clean": "", "overdrive": "crunch"},
               "piano": {"grand": ""}, "drums": {"standard": ""}}  # fmt: skip
    instruments = []
    for stem in ("bass", "drums", "guitar", "piano"):
        zones, sounds, at = [], [], 0
        for how in ("", "mute") if stem == "guitar" else ("",):
            for pitch in DRUMS if stem == "drums" else pitches[stem]:
                sound = noise(pitch) if stem == "drums" else tone(pitch, 0.2 if how else 1.0)
                zones.append(KitNote(float(pitch), 90, how, at, len(sound), 1.0))
                sounds.append(sound)
                at += len(sound)
        name, release = f"toy-{stem}", 0.0 if stem == "drums" else 0.05
        soundfile.write(folder / f"{name}.ogg", np.concatenate(sounds), RATE, subtype="VORBIS")
        instruments.append(KitInstrument(
            name, stem, timbres[stem], "made by the test", "CC0-1.0", True, RATE, release,
            ((1.0, -40.0), (90.0, -6.0), (127.0, 0.0)), tuple(zones),
        ))  # fmt: skip
    write_index(folder, instruments)
    return Kit(folder)
