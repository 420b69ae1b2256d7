"""Makes dry stems sound mixed: tone, drive, compression, room and level, a little and at random.

Without this a user's own recordings would be foreign to the model. Every function takes and
returns mono float32 `[n_samples]`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.signal import fftconvolve

from stembridge.dataset.song import STEMS
from stembridge.roles import ROLES

Audio = NDArray[np.float32]

# Loudness of an average stem in a mixture, dB RMS over its sounding parts.
LEVELS_DB = {"bass": -24.0, "drums": -23.0, "guitar": -28.0, "piano": -27.0}
_SPREAD_DB = 1.5

# Integrated loudness of an average mixture of stems at these levels.
NOMINAL_LUFS = -20.0
NOMINAL_STEM_LUFS = {stem: row.level_lufs for stem, row in ROLES.items()}


def rms_db(audio: Audio) -> float:
    """RMS over the parts above -50 dB of the peak, in dB; -120 for silence."""
    peak = float(np.abs(audio).max(initial=0.0))
    if peak < 1e-5:
        return -120.0
    blocks = audio[: len(audio) // 2048 * 2048].reshape(-1, 2048)
    power = np.mean(blocks**2, axis=1)
    power = power[power > peak**2 * 1e-5]
    return float(10 * np.log10(power.mean() + 1e-12)) if len(power) else -120.0


def tilt(audio: Audio, rate: int, low_db: float, high_db: float) -> Audio:
    """Shelving-like tone change: `low_db` below 150 Hz to `high_db` above 6 kHz."""
    length = next_fast_len(len(audio))
    spectrum = rfft(audio, length)
    octaves = np.log2(np.maximum(rfftfreq(length, 1 / rate), 20.0) / 150.0)
    position = np.clip(octaves / np.log2(6000 / 150), 0.0, 1.0)
    gain = 10 ** ((low_db + (high_db - low_db) * position) / 20)
    shaped: Audio = irfft(spectrum * gain.astype(np.float32), length)[: len(audio)]
    return shaped


def drive(audio: Audio, amount_db: float) -> Audio:
    """Soft saturation of a signal pushed by `amount_db` above a tenth of full scale."""
    push = 10 ** (amount_db / 20) * 4.0
    return (np.tanh(audio * push) / push).astype(np.float32)


def compress(audio: Audio, rate: int, ratio: float, release_s: float = 0.1) -> Audio:
    """Turns down what is louder than the RMS, by `1 - 1 / ratio` of the excess in dB.

    The level is followed at once upwards, and downwards with a time constant of `release_s`.
    """
    hop = max(1, rate // 1000)
    peaks = np.abs(np.pad(audio, (0, -len(audio) % hop))).reshape(-1, hop).max(1)
    threshold = 10 ** (rms_db(audio) / 20)
    keep = np.exp(-hop / rate / release_s)
    level, held = np.empty_like(peaks), 0.0
    for i, peak in enumerate(peaks):
        held = max(float(peak), held * keep)
        level[i] = held
    gain = np.minimum(1.0, (threshold / np.maximum(level, 1e-9)) ** (1 - 1 / ratio))
    at = np.arange(len(audio)) / hop
    return (audio * np.interp(at, np.arange(len(gain)) + 0.5, gain)).astype(np.float32)


def room(audio: Audio, rate: int, decay_s: float, wet: float, rng: np.random.Generator) -> Audio:
    """Adds exponentially decaying noise reflections of `decay_s` (60 dB), mixed at `wet`."""
    n = int(decay_s * rate)
    response = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    response /= np.sqrt(np.sum(response**2))
    wet_audio = fftconvolve(audio, response.astype(np.float32))[: len(audio)]
    return (audio + wet * wet_audio).astype(np.float32)


def mix_like(stems: dict[str, Audio], rate: int, rng: np.random.Generator) -> dict[str, Audio]:
    """One song's stems as a mixing engineer might leave them; silent stems stay silent."""
    shared_room = float(rng.uniform(0.15, 0.5))
    result = {}
    for stem in STEMS:
        audio = stems[stem]
        if rng.random() < 0.6:
            audio = tilt(audio, rate, *rng.uniform(-4, 4, size=2))
        if rng.random() < 0.25:
            audio = drive(audio, float(rng.uniform(0, 10)))
        if rng.random() < 0.25:
            audio = compress(audio, rate, float(rng.uniform(1.5, 4)))
        if rng.random() < 0.3 and stem != "bass":
            audio = room(audio, rate, shared_room, float(rng.uniform(0.05, 0.25)), rng)
        level = LEVELS_DB[stem] + float(rng.normal(0, _SPREAD_DB))
        measured = rms_db(audio)
        gain = 10 ** ((level - measured) / 20) if measured > -100 else 0.0
        result[stem] = (audio * gain).astype(np.float32)
    return result
