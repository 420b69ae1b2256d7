"""MusicGen (Copet et al. 2023): a transformer over the tokens of a quantised codec."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.engines.facts import EngineFacts, OnShare, SoundWish
from stembridge.engines.melody import strongest_pitches
from stembridge.engines.offline import LOCAL, library, opened, quietly, tokenizer
from stembridge.runtime.manifest import Manifest

_CLASSES = {
    "musicgen": "MusicgenForConditionalGeneration",
    "musicgen_melody": "MusicgenMelodyForConditionalGeneration",
}
TOP_K = 250  # of the paper, with a temperature of 1


class MusicGen:
    """Implements `facts.SoundEngine`."""

    def __init__(self, folder: Path, facts: EngineFacts, manifest: Manifest, device: str) -> None:
        """Load the weights; see `opening.open_engine`."""
        self.facts, self.manifest, self.device = facts, manifest, device
        transformers = library("transformers", "engines")
        network = getattr(transformers, _CLASSES[facts.kind])
        self._model: Any = opened(folder, lambda: network.from_pretrained(folder, **LOCAL))
        self._model = self._model.to(device).eval()
        self._tokenizer: Any = tokenizer(transformers, folder)

    def sound(self, wish: SoundWish, on_share: OnShare) -> FloatArray:
        """Audio `[channels, n]`."""
        import torch

        codec = self._model.config.audio_encoder
        n_frames = ceil(wish.seconds * self.manifest.sample_rate / self.manifest.hop)
        # The codebooks are delayed by one step each, so the last one needs as many more.
        n_steps = n_frames + self._model.config.decoder.num_codebooks
        told = self._tokenizer([wish.words], return_tensors="pt", padding=True)
        inputs = {name: told[name].to(self.device) for name in ("input_ids", "attention_mask")}
        if wish.melody is not None and self.facts.hears_melody:
            heard = strongest_pitches(wish.melody, int(codec.sampling_rate))
            inputs["input_features"] = heard.to(self.device)
        watch = _Watch(n_steps, on_share)
        # The library draws from torch's own generator: whoever else uses it shall not notice.
        indices = [torch.device(self.device).index or 0] if self.device != "cpu" else []
        with quietly(), torch.random.fork_rng(indices), torch.inference_mode():
            torch.manual_seed(wish.seed)
            made = self._model.generate(
                **inputs, do_sample=True, top_k=TOP_K, temperature=1.0,
                guidance_scale=wish.guidance, max_new_tokens=n_steps, stopping_criteria=[watch],
            )  # fmt: skip
        return np.asarray(made[0].float().cpu().numpy(), np.float32)


class _Watch:
    """Never stops the loop by itself; tells of every step, and lets `on_share` raise."""

    def __init__(self, n_steps: int, on_share: OnShare) -> None:
        self._n_steps, self._on_share, self._done = n_steps, on_share, 0

    def __call__(self, input_ids: Any, scores: Any, **_more: Any) -> Any:
        import torch

        self._done += 1
        self._on_share(min(1.0, self._done / self._n_steps))
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
