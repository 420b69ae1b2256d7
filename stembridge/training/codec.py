"""Fits the linear codec of one stem: principal components of its log-magnitude patches.

Latents are partially whitened: channel c keeps the standard deviation s_c^(1/2) (s_c its
component's), scaled so that the mean variance is 1. Full whitening would make the denoiser spend
itself on inaudible components, none would let the first few drown the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from scipy.linalg import eigh
from torch import Tensor

from stembridge.nn.linear_codec import LinearCodec, LinearCodecConfig


def collect_patches(
    codec: LinearCodec, clips: Iterable[Tensor], per_clip: int, generator: torch.Generator
) -> Tensor:
    """Random patches `[N, P]` from audio clips `[n_samples]`; silent patches are left out."""
    chosen = []
    for clip in clips:
        patches = codec.fast_patches(whole_frames(codec, clip))[0]
        chosen.append(patches[sounding(codec, patches, per_clip, generator)])
    return torch.cat(chosen)


def whole_frames(codec: LinearCodec, clip: Tensor) -> Tensor:
    """A clip `[n]` without its last, incomplete frame, as a batch `[1, F·hop]`."""
    hop = codec.config.hop
    return clip[None, : len(clip) // hop * hop]


def sounding(codec: LinearCodec, patches: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Indices of at most `count` random patches of `[F, P]` that are not silent."""
    heard = torch.nonzero(patches.amax(1) > codec.log_floor + 0.3)[:, 0]
    return heard[torch.randperm(len(heard), generator=generator)[:count]]


def bin_weights(config: LinearCodecConfig) -> Tensor:
    """Weight of every value of a patch `[P]`: (1 + f/knee)^(-1/2)."""
    frequencies = torch.arange(config.n_fft // 2 + 1) * (config.rate / config.n_fft)
    weights = (1 + frequencies / config.knee_hz) ** -0.5
    return weights.repeat(config.frames_per_latent)


@torch.no_grad()
def fit(codec: LinearCodec, patches: Tensor) -> float:
    """Fills the codec from patches `[N, P]`; returns the variance explained, 0..1.

    The decoder is the encoder's transpose; `codec_decoder.fit_decoder` makes a better one.
    """
    weights = bin_weights(codec.config)
    mean = patches.mean(0)
    centred = ((patches - mean) * weights).double()
    covariance = centred.T @ centred / len(centred)
    size, keep = len(covariance), codec.config.channels
    # Only those that are kept: all of a long patch's take ten times as long.
    found = eigh(covariance.numpy(), subset_by_index=(size - keep, size - 1))
    values, vectors = (torch.from_numpy(np.ascontiguousarray(part[..., ::-1])) for part in found)
    deviation = values.clamp_min(1e-12).sqrt()
    scale = deviation.sqrt() / deviation.mean().sqrt()
    codec.mean.copy_(mean)
    codec.basis.copy_((vectors * (scale / deviation)).T * weights)
    codec.dual.copy_((vectors * (deviation / scale)).T / weights)
    codec.offset.copy_(mean)
    return float(values.sum() / covariance.trace())


def encoder_of(encoder: bytes, config: LinearCodecConfig) -> LinearCodec:
    """A codec that encodes as an exported encoder does; its decoder stays unfitted.

    For songs of a model whose codec is kept: latents by FFT, ten times as fast as by ONNX.

    Args:
        encoder: the ONNX file's bytes.
        config: of the codec it was exported from.

    Raises:
        ValueError: the file holds no linear encoder of this shape.
    """
    import onnx
    from onnx.numpy_helper import to_array

    codec = LinearCodec(config)
    tables = [to_array(table) for table in onnx.load_from_string(encoder).graph.initializer]
    shapes = {table.shape: torch.from_numpy(table.astype("float32")) for table in tables}
    basis = shapes.get((config.patch_size, config.channels))
    mean = shapes.get((config.patch_size,))
    if basis is None or mean is None:
        raise ValueError("the encoder is not a linear codec of the recipe's shape")
    codec.basis.copy_(basis.T)
    codec.mean.copy_(mean)
    return codec
