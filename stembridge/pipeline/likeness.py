"""Which of a model's instruments a sound is like: a diffusion classifier.

Latents of one stem are noised to some middle level, and the model is asked for them back, told one
timbre after the other: with the one that fits it errs least (Li et al., "Your Diffusion Model Is
Secretly a Zero-Shot Classifier", 2023). The other stems are pure noise. All timbres go into one
call with the same noise.
"""

from __future__ import annotations

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.runtime.model import StemModel

SIGMAS = (1.5, 3.0)
_FRAMES = 128


def timbre_errors(model: StemModel, stem: str, latents: FloatArray) -> dict[str, float]:
    """Timbre -> mean square error of the model that was told it, over latents [C, F]."""
    manifest = model.manifest
    layout, index = manifest.layout, manifest.stem_index(stem)
    names = manifest.timbres.get(stem, ())
    column = layout.slices().get("timbre")
    if column is None or not names:
        return {}
    first = column.start + [s for s, own in layout.timbres for _ in own].index(stem)
    kept = latents[:, : min(_FRAMES, manifest.window_frames)]
    n_frames = -(-kept.shape[-1] // manifest.frame_multiple) * manifest.frame_multiple
    kept = np.pad(kept, ((0, 0), (0, n_frames - kept.shape[-1])))
    told = np.zeros((len(names), layout.channels, n_frames), np.float32)
    told[np.arange(len(names)), first + np.arange(len(names))] = 1.0
    noise = np.random.default_rng(0).standard_normal((manifest.n_stems, *kept.shape))
    errors = np.zeros(len(names))
    for sigma in SIGMAS:
        sigmas = np.full((manifest.n_stems, n_frames), manifest.sigma_max, np.float32)
        sigmas[index] = sigma
        x = (sigmas[:, None] * noise).astype(np.float32)
        x[index] += kept
        repeated = [np.repeat(a[None], len(names), axis=0) for a in (x, sigmas)]
        denoised = model.denoise(repeated[0], repeated[1], told)
        errors += ((denoised[:, index] - kept) ** 2).mean(axis=(1, 2))
    return dict(zip(names, (errors / len(SIGMAS)).tolist(), strict=True))
