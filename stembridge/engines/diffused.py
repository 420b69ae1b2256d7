"""AudioLDM 2, MusicLDM and Stable Audio Open: diffusion in a latent, told by words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.engines.facts import EngineFacts, OnShare, SoundWish
from stembridge.engines.offline import LOCAL, library, opened, quietly
from stembridge.runtime.manifest import Manifest


class Diffused:
    """Implements `facts.SoundEngine`."""

    def __init__(self, folder: Path, facts: EngineFacts, manifest: Manifest, device: str) -> None:
        """Load the weights; see `opening.open_engine`."""
        self.facts, self.manifest, self.device = facts, manifest, device
        library("transformers", "engines")
        pipeline = getattr(library("diffusers", "engines"), facts.kind)
        self._pipeline: Any = opened(folder, lambda: pipeline.from_pretrained(folder, **LOCAL))
        self._pipeline.to(device)
        self._pipeline.set_progress_bar_config(disable=True)

    def sound(self, wish: SoundWish, on_share: OnShare) -> FloatArray:
        """Audio `[channels, n]`."""
        import torch

        on_share(0.0)
        asked: dict[str, Any] = {
            "num_inference_steps": wish.steps,
            "guidance_scale": wish.guidance,
            # On the CPU, so that every device begins with the same noise.
            "generator": torch.Generator().manual_seed(wish.seed),
            "callback": lambda step, *_: on_share((step + 1) / wish.steps),
            "callback_steps": 1,
        }
        with quietly(), torch.inference_mode():
            asked |= self._told(wish)
            made = self._pipeline(**asked).audios
        audio = made.float().cpu().numpy() if isinstance(made, torch.Tensor) else np.asarray(made)
        return np.ascontiguousarray(audio[0] if audio.ndim == 3 else audio, np.float32)

    def _told(self, wish: SoundWish) -> dict[str, Any]:
        words: dict[str, Any] = {"prompt": wish.words, "negative_prompt": wish.avoided or None}
        if self.facts.kind == "StableAudioPipeline":
            return words | {"audio_end_in_s": wish.seconds}
        if self.facts.kind == "MusicLDMPipeline":
            words = {
                "prompt_embeds": self._clap(wish.words),
                "negative_prompt_embeds": self._clap(wish.avoided),
            }
        return words | {"audio_length_in_s": wish.seconds}

    def _clap(self, words: str) -> Any:
        """The text embedding `[1, 512]`, which MusicLDM's own pipeline takes of older libraries."""
        part = self._pipeline
        told = part.tokenizer(
            [words], padding="max_length", max_length=part.tokenizer.model_max_length,
            truncation=True, return_tensors="pt",
        ).to(self.device)  # fmt: skip
        made = part.text_encoder.get_text_features(told.input_ids, told.attention_mask)
        return getattr(made, "pooler_output", made)
