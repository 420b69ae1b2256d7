"""A linear codec fitted as a whole, encoder and decoder, and kept as a network folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from stembridge.nn.linear_codec import LinearCodec
from stembridge.nn.registry import Network, config_fields, write_network
from stembridge.training.codec import collect_patches, fit
from stembridge.training.codec_decoder import DecoderFit, collect_pairs, fit_decoder


def fit_whole(
    codec: LinearCodec, clips: Callable[[], Iterator[Tensor]], per_clip: int, epochs: int,
    home: Path, say: Callable[[str], None],
) -> None:  # fmt: skip
    """Encoder first, then the decoder of its latents: the clips `[n]` are read twice."""
    generator = torch.Generator().manual_seed(0)
    patches = collect_patches(codec, clips(), per_clip, generator)
    explained = fit(codec, patches)
    say(f"codec of {home.name}: {explained:.3f} of the variance in {len(patches)} patches")
    del patches
    pairs = collect_pairs(codec, clips(), per_clip, generator)
    loss = fit_decoder(codec, pairs, DecoderFit(epochs=epochs))
    say(f"decoder of {home.name}: squared distance {loss:.5f}")
    write_network(codec_network(codec), home)


def codec_network(codec: LinearCodec) -> Network:
    """A codec with what the manifest must know of it."""
    config = codec.config
    facts = {
        "sample_rate": config.rate, "hop": config.hop, "latent_channels": config.channels,
    }  # fmt: skip
    return Network("linear_codec", config_fields(config), codec, facts)
