"""Puts a made stem at the loudness its role has in a mixture.

A re-roll should not be four decibels quieter than the take before: a producer balances once. The
model's own level scatters (several LU where its notes are short), so the take as a whole, never a
part of it, is moved to the loudness that such a stem had on average in the training mixtures.
"""

from __future__ import annotations

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude, integrated_loudness
from stembridge.runtime.manifest import Manifest

MAX_GAIN_DB = 12.0  # what is further off is meant to be, or broken


def role_gain_db(audio: FloatArray, stem: str, manifest: Manifest) -> float:
    """By how much a stem is to be moved to its role's loudness.

    Args:
        audio: one take of the stem `[n_samples]`, at the model's rate and level.
        stem: its role.
        manifest: says how loud each role is beside a context at the model's level, in LUFS.

    Returns:
        dB; 0 where it is silent or the manifest does not say.
    """
    nominal = manifest.stem_lufs.get(stem)
    measured = integrated_loudness(audio, manifest.sample_rate) if nominal is not None else None
    if nominal is None or measured is None:
        return 0.0
    return float(np.clip(nominal - measured, -MAX_GAIN_DB, MAX_GAIN_DB))


def levelled(audio: FloatArray, gain_db: float) -> FloatArray:
    """The audio moved by a gain."""
    return audio * np.float32(amplitude(gain_db)) if gain_db else audio
