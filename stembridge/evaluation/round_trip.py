"""A codec's round trip: what is left of a sound after encoding, quantising and decoding.

As the lecture tells it of DAC and EnCodec (document 004): the same sound with one codebook, two,
four, with the bitrate each costs. A codec without a quantiser has one row, and no bitrate: its
latents are real numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.engines.quantised import QuantisedCodec
from stembridge.evaluation.separation import si_sdr
from stembridge.inference import codec as codecs
from stembridge.runtime.model import StemCodec

_PCM_BITS = 16


@dataclass(frozen=True)
class RoundTrip:
    """One row.

    Attributes:
        codebooks: that were used; 0: nothing was quantised.
        kbps: bits a second / 1000; None where nothing was quantised.
        compression: how many times smaller than 16-bit PCM; likewise.
        snr_db: power of the sound over that of the error.
        si_sdr_db: the same at the best gain: what a level that is off does not cost.
        audio: [n] at the codec's rate.
    """

    codebooks: int
    kbps: float | None
    compression: float | None
    snr_db: float
    si_sdr_db: float
    audio: FloatArray

    @property
    def label(self) -> str:
        """Such as "4 codebooks"."""
        return f"{self.codebooks} codebooks" if self.codebooks else "not quantised"


def round_trips(codec: StemCodec, stem: str, audio: FloatArray) -> Iterator[RoundTrip]:
    """Rows from the coarsest to what the latents hold at best.

    Args:
        codec: a model's, or EnCodec or DAC.
        stem: as which it is encoded.
        audio: [n] at the codec's rate.
    """
    level = np.float32(1.0)
    if isinstance(codec, QuantisedCodec) and codec.levels_input:  # it was trained on such levels
        level = np.float32(np.sqrt(np.mean(np.square(audio))) + 1e-8)
    latents = codecs.encode(codec, stem, audio / level)

    def row(values: FloatArray, codebooks: int, bits: float | None) -> RoundTrip:
        made = codecs.decode(codec, stem, values, audio.size) * level
        error = float(np.mean(np.square(audio - made))) + 1e-20
        snr = 10 * np.log10((float(np.mean(np.square(audio))) + 1e-20) / error)
        pcm = _PCM_BITS * codec.manifest.sample_rate
        return RoundTrip(
            codebooks, None if bits is None else bits / 1000, None if bits is None else pcm / bits,
            float(snr), si_sdr(made, audio), made,
        )  # fmt: skip

    if isinstance(codec, QuantisedCodec):
        for count in _counts(codec.n_codebooks):
            codes = codec.quantise(latents[None], count)
            yield row(codec.dequantise(codes)[0], count, codec.bits_per_second(count))
    yield row(latents, 0, None)


def _counts(most: int) -> list[int]:
    """1, 2, 4, … and all of them."""
    return sorted({min(2**i, most) for i in range(most.bit_length() + 1)})
