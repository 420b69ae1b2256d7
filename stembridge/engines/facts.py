"""Which engines there are, what each can be told, and what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from stembridge.audio.buffer import FloatArray
from stembridge.runtime.manifest import Manifest


@dataclass(frozen=True)
class EngineFacts:
    """An engine's abilities.

    Attributes:
        kind: what its folder calls it.
        title: what people call it.
        longest_s: of a sound that it can make in one piece.
        trained_s: of the sounds it was trained on; longer ones wander.
        guidance: pull of the words, unless something else is asked for.
        steps: usual number of diffusion steps; None: it makes tokens, and has none.
        hears_melody: whether it is told the melody of what is given.
        takes_negative: whether it can be told what not to make.
    """

    kind: str
    title: str
    longest_s: float
    trained_s: float
    guidance: float
    steps: int | None = None
    hears_melody: bool = False
    takes_negative: bool = True


_ALL = (
    EngineFacts("musicgen", "MusicGen", 30.0, 30.0, 3.0, takes_negative=False),
    EngineFacts(
        "musicgen_melody", "MusicGen Melody", 30.0, 30.0, 3.0,
        hears_melody=True, takes_negative=False,
    ),
    EngineFacts("AudioLDM2Pipeline", "AudioLDM 2", 30.0, 10.24, 3.5, steps=200),
    EngineFacts("MusicLDMPipeline", "MusicLDM", 30.0, 10.24, 2.0, steps=200),
    EngineFacts("StableAudioPipeline", "Stable Audio Open", 47.0, 47.0, 7.0, steps=100),
)  # fmt: skip
ENGINES = {facts.kind: facts for facts in _ALL}
"""By what `config.json` (model_type) or `model_index.json` (_class_name) of a download say."""


@dataclass(frozen=True)
class SoundWish:
    """One sound.

    Attributes:
        words: what it is to be.
        avoided: what it is not to be; "" where nothing is avoided.
        seconds: how long it is at least.
        seed: of its noise, 0..2^63-1.
        guidance: pull of the words.
        steps: of diffusion; engines of tokens have none.
        melody: `[n]` at the engine's rate, whose strongest pitch classes it follows; None: none.
    """

    words: str
    avoided: str
    seconds: float
    seed: int
    guidance: float
    steps: int
    melody: FloatArray | None = None


OnShare = Callable[[float], None]
"""Told the share that is done, 0..1, before every step; may raise to stop."""


@runtime_checkable
class SoundEngine(Protocol):
    """An open engine on one device."""

    @property
    def facts(self) -> EngineFacts:
        """What it is and can be told."""
        ...

    @property
    def manifest(self) -> Manifest:
        """Rate, stems, and the identity of its weights; the fields of a denoiser say nothing."""
        ...

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda:N"."""
        ...

    def sound(self, wish: SoundWish, on_share: OnShare) -> FloatArray:
        """Audio `[channels, n]` at `manifest.sample_rate`, at least as long as asked for."""
        ...
