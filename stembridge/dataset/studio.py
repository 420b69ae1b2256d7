"""From dry parts to what is on a record, and from that to what a user hands in.

`record` is what a studio does to every stem: amplifier, tone, room, saturation, compression,
level. `as_heard` is what happens afterwards to the files somebody has: bleed, a noise floor,
wobbling tape, clipping, MP3. A model should hear the second and write the
first. Both are reproducible by seed.

Conventions: audio is float32 at `rate` Hz, a stem `[n_samples]`, a song `[S, n_samples]`.
"""

from __future__ import annotations

import io

import numpy as np
import soundfile
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from stembridge.dataset.augment import LEVELS_DB, Audio, compress, drive, rms_db
from stembridge.dataset.sampler import read_at
from stembridge.dataset.song import STEMS

_SPREAD_DB = 2.5
_LONGEST_ROOM_S = 0.8
_HIGHEST = {"bass": 5000.0, "guitar": 5500.0}  # of a loudspeaker in a cabinet, Hz
_LOUDEST = 0.9
# Shares of songs; MP3 alone costs as much as the rest of a song together.
BLEED_SHARE, TAPE_SHARE, NOISE_SHARE, CLIP_SHARE = 0.2, 0.1, 0.4, 0.1
MP3_SHARE = 0.12


def record(
    stems: dict[str, Audio], amps: dict[str, str], rate: int, rng: np.random.Generator
) -> dict[str, Audio]:
    """Stems as a studio leaves them; silent ones stay silent.

    Args:
        stems: dry parts by name.
        amps: stem -> amplifier: "" none, "crunch" or "lead".
        rate: Hz.
        rng: random source.
    """
    decay_s, shared = float(rng.uniform(0.12, _LONGEST_ROOM_S)), rng.random() < 0.5
    result = {}
    for stem in STEMS:
        audio, amp = stems[stem], amps.get(stem, "")
        if amp:
            audio = amplified(audio, 24.0 if amp == "lead" else 12.0, rng)
        if rng.random() < 0.3:
            audio = drive(audio / max(1e-6, _peak(audio)) * 0.1, float(rng.uniform(0, 12)))
        if rng.random() < 0.35:
            audio = compress(audio, rate, float(rng.uniform(1.5, 5)))
        own_s = decay_s if shared else float(rng.uniform(0.1, _LONGEST_ROOM_S))
        wet_db = float(rng.uniform(-26, -10 if stem != "bass" else -20))
        audio = shaped(audio, rate, _tone(stem, amp, rate, rng), own_s, wet_db, rng)
        level = LEVELS_DB[stem] + float(rng.normal(0, _SPREAD_DB))
        measured = rms_db(audio)
        gain = 10 ** ((level - measured) / 20) if measured > -100 else 0.0
        gain = min(gain, _LOUDEST / max(_peak(audio), 1e-6))
        result[stem] = (audio * np.float32(gain)).astype(np.float32)
    return result


def _peak(audio: Audio) -> float:
    return float(np.abs(audio).max(initial=0.0))


def amplified(audio: Audio, gain_db: float, rng: np.random.Generator) -> Audio:
    """A valve amplifier pushed by `gain_db`, its two halves of the wave not quite alike."""
    push = 10 ** ((gain_db + rng.uniform(-4, 4)) / 20) * 0.5 / max(_peak(audio), 1e-6)
    bias = np.float32(rng.uniform(0.05, 0.25))
    pushed = audio * np.float32(push)
    return np.asarray(np.tanh(pushed + bias) - np.tanh(bias), np.float32)


def _tone(stem: str, amp: str, rate: int, rng: np.random.Generator) -> list[tuple[float, ...]]:
    """Equaliser bands: (Hz, gain dB, width in octaves); a cabinet's end as (Hz, nan, nan)."""
    bands: list[tuple[float, ...]] = [
        (float(np.exp(rng.uniform(np.log(70), np.log(9000)))), float(rng.uniform(-6, 6)),
         float(rng.uniform(0.4, 2.0)))
        for _ in range(int(rng.integers(1, 4)))
    ]  # fmt: skip
    bands.append((60.0, float(rng.uniform(-3, 3)), 2.0))
    bands.append((9000.0, float(rng.uniform(-3, 6)), 2.5))
    through_cabinet = amp or (stem == "bass" and rng.random() < 0.25)
    if through_cabinet:
        bands.append((_HIGHEST.get(stem, 6000.0) * float(rng.uniform(0.7, 1.2)), np.nan, np.nan))
        bands.append((float(rng.uniform(1800, 3200)), float(rng.uniform(1, 6)), 1.0))
    return bands


def shaped(
    audio: Audio,
    rate: int,
    bands: list[tuple[float, ...]],
    decay_s: float,
    wet_db: float,
    rng: np.random.Generator,
) -> Audio:
    """Equalised and put into a room, in one convolution.

    The room is a few early reflections and noise that decays by 60 dB in `decay_s`, faster at the
    top; `wet_db` is its energy relative to the direct sound.
    """
    response = _room(rate, decay_s, rng) * np.float32(10 ** (wet_db / 20))
    length = next_fast_len(len(audio) + len(response), real=True)
    gains = _gains(rfftfreq(length, 1 / rate), bands)
    response[0] += 1.0
    spectrum = rfft(audio, length) * rfft(response, length) * gains
    return np.asarray(irfft(spectrum, length)[: len(audio)], np.float32)


def _room(rate: int, decay_s: float, rng: np.random.Generator) -> Audio:
    n = round(decay_s * rate)
    t = np.arange(n) / n
    noise = rng.standard_normal(n).astype(np.float32)
    dull = np.convolve(noise, np.ones(6, np.float32) / 6, mode="same")
    fade = 10 ** (-3 * t)
    tail = (noise * fade**2 + dull * 1.6 * fade) * np.minimum(1, np.arange(n) / (0.012 * rate))
    for _ in range(5):
        tail[int(rng.uniform(0.001, 0.035) * rate) % n] += rng.uniform(-1, 1) * np.sqrt(n) * 0.05
    return np.asarray(tail / np.sqrt(np.sum(tail**2)), np.float32)


def _gains(hz: np.ndarray, bands: list[tuple[float, ...]]) -> np.ndarray:
    """Amplitude of every frequency; computed on a coarse log grid, which is smooth enough."""
    grid = np.geomspace(15, 24000, 400)
    decibels = np.zeros(len(grid))
    for centre, gain_db, octaves in bands:
        if np.isnan(gain_db):
            decibels -= 24 * np.log2(np.maximum(1.0, grid / centre))
        else:
            decibels += gain_db * np.exp(-0.5 * (np.log2(grid / centre) / (octaves / 2)) ** 2)
    decibels -= 12 * np.log2(np.maximum(1.0, 28 / grid))  # nothing reproduces the lowest
    return np.interp(hz, grid, 10 ** (decibels / 20)).astype(np.float32)


# --- what users hand in -------------------------------------------------------------------------


def as_heard(
    audio: Audio, rate: int, rng: np.random.Generator, mp3_share: float = MP3_SHARE
) -> Audio:
    """A song's stems `[S, n]` as files that somebody has of them.

    Args:
        audio: the song, `[S, n_samples]`.
        rate: Hz.
        rng: random source.
        mp3_share: share of songs that have been through MP3.
    """
    heard = audio.copy()
    chances = rng.random(5)
    if chances[0] < BLEED_SHARE:
        others = audio.sum(0, keepdims=True) - audio
        heard += others * np.float32(10 ** (rng.uniform(-36, -20) / 20))
    if chances[1] < TAPE_SHARE:
        heard = wobbled(heard, rate, rng)
    if chances[2] < NOISE_SHARE:
        heard = heard + _noise(heard, rate, rng)
    if chances[3] < CLIP_SHARE:
        peaks = np.abs(heard).max(axis=1, keepdims=True)
        ceiling = peaks * np.float32(10 ** (-rng.uniform(2, 9) / 20))
        heard = np.clip(heard, -ceiling, ceiling)
    if chances[4] < mp3_share:
        level = float(rng.uniform(0.3, 0.8))
        heard = np.stack([through_mp3(stem, rate, level) for stem in heard])
    return np.asarray(heard, np.float32)


def looped(audio: Audio, length: int) -> Audio:
    """The first `length` samples round and round, what rang beyond the loop's end cut off."""
    repeats = -(-audio.shape[1] // length)
    return np.tile(audio[:, :length], (1, repeats))[:, : audio.shape[1]]


def wobbled(audio: Audio, rate: int, rng: np.random.Generator) -> Audio:
    """Wow and flutter of a tape: all stems together up to 0.3 % fast and slow."""
    n = audio.shape[1]
    t = np.arange(n) / rate
    offset = sum(
        depth * rate / (2 * np.pi * hz) * np.sin(2 * np.pi * (hz * t + rng.random()))
        for hz, depth in ((rng.uniform(0.4, 1.2), rng.uniform(0.0005, 0.003)),
                          (rng.uniform(5, 9), rng.uniform(0.0002, 0.001)))
    )  # fmt: skip
    at = np.clip(np.arange(n) + offset, 0, n - 3)
    return np.stack([read_at(stem, at) for stem in audio])


def _noise(audio: Audio, rate: int, rng: np.random.Generator) -> Audio:
    """Hiss and hum of each stem's own, 45 to 75 dB below its loudest."""
    floor = np.zeros_like(audio)
    t = np.arange(audio.shape[1]) / rate
    hum_hz = float(rng.choice([50.0, 60.0]))
    for stem, out in zip(audio, floor, strict=True):
        level = _peak(stem) * 10 ** (-rng.uniform(45, 75) / 20)
        out += rng.standard_normal(len(out), dtype=np.float32) * np.float32(level * 0.4)
        if rng.random() < 0.4:
            hum = np.sin(2 * np.pi * hum_hz * t) + 0.4 * np.sin(6 * np.pi * hum_hz * t)
            out += (hum * level * 0.5).astype(np.float32)
    return floor


def through_mp3(audio: Audio, rate: int, compression: float) -> Audio:
    """Encoded as MP3 and decoded; `compression` 0 (best) to 1 (least); as long, and in time."""
    file, n = io.BytesIO(), len(audio)
    loud = max(1.0, _peak(audio))
    soundfile.write(file, audio / loud, rate, format="MP3", compression_level=compression,
                    bitrate_mode="CONSTANT")  # fmt: skip
    file.seek(0)
    back = soundfile.read(file, dtype="float32")[0][:n] * np.float32(loud)
    return np.pad(back, (0, n - len(back)))
