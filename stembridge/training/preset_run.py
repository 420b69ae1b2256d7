"""A system of the papers from music to artifact, in resumable stages.

    data -> songs/ -> codec/ -> latents/ -> run/ (checkpoints, log) -> artifact/

Each stage skips what is there, so the same command goes on where it stopped; the denoiser does so
bit for bit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import load
from torch import nn

from stembridge.conditions import EMBEDDING, LABELS, Layout
from stembridge.dataset.annotated import load_song
from stembridge.diffusion.schedule import ddpm_levels
from stembridge.engines.meaning import Meanings
from stembridge.engines.told_words import words_by
from stembridge.errors import BadArgsError, StembridgeError
from stembridge.nn import parity
from stembridge.nn.exporting import CodecExport, export_codec, song_encoder
from stembridge.nn.exporting_denoiser import DEFAULT_FORMAT, Format, export_denoiser
from stembridge.nn.habits import Ddpm, Uniform
from stembridge.nn.precondition import SMALLEST_SIGMA, Preconditioned, denoising_loss
from stembridge.nn.presets import Preset
from stembridge.nn.registry import Network, read_network
from stembridge.nn.sources import denoiser_config, preset_facts
from stembridge.runtime.artifact_files import read_verified
from stembridge.runtime.load import load_model
from stembridge.runtime.manifest import WordsBy
from stembridge.training.batches import Batch, BatchSource, TaskConfig
from stembridge.training.captions import captions_told
from stembridge.training.denoiser import train
from stembridge.training.denoiser_plan import DenoiserTraining, Plan, new_denoiser
from stembridge.training.heard_windows import store_heard, tells_sound
from stembridge.training.preset_codec import CodecOrder, made_codec
from stembridge.training.song_store import SongFiles, mapped, store_latents, store_songs
from stembridge.training.sound_embedding import sound_embedding

Say = Callable[[str], None]
ORDER_NAME = "order.json"


@dataclass(frozen=True)
class Order:
    """What is to be trained, on what, and where.

    Attributes:
        preset: the system.
        data: music, as `dataset.opener` reads it.
        folder: of the run.
        steps: of the denoiser; None is the preset's.
        batch: windows per step; None is the preset's.
        codec_steps: of the autoencoder; None is its own number.
        codec_from: a network folder whose autoencoder is taken instead.
        device: "cpu" or "cuda:N".
        half: compute in bfloat16 where that is safe.
        seed: of weights, noise and order.
        save_every: steps between checkpoints.
        format: of the artifact's denoiser.
        text_model: folder of the encoder that tells captions or, with ears (CLAP), MT-MusicLDM
            sounds; None: the preset knows no words.
    """

    preset: Preset
    data: Path
    folder: Path
    steps: int | None = None
    batch: int | None = None
    codec_steps: int | None = None
    codec_from: Path | None = None
    device: str = "cpu"
    half: bool = True
    seed: int = 0
    save_every: int = 1000
    format: Format = DEFAULT_FORMAT
    text_model: Path | None = None

    @property
    def denoiser(self) -> DenoiserTraining:
        """The denoiser's run: Adam at a constant rate, as the papers train."""
        learning = self.preset.learning
        return DenoiserTraining(
            steps=self.steps or learning.steps, batch=self.batch or learning.batch, processes=1,
            learning_rate=learning.learning_rate, weight_decay=learning.weight_decay,
            clip=math.inf, warmup=learning.warmup, decay=0.0, ema=learning.ema, seed=self.seed,
            save_every=self.save_every, device=self.device, betas=learning.betas, half=self.half,
            task=task_of(self.preset),
        )  # fmt: skip


def task_of(preset: Preset) -> TaskConfig:
    """The papers' only task: all stems at one noise level, and nothing given."""
    noise, stems = preset.learning.noise, len(preset.stems)
    law: dict[str, Any]
    if isinstance(noise, Ddpm):
        law = {"levels": tuple(ddpm_levels())}
    elif isinstance(noise, Uniform):
        law = {"even": True, "sigma_range": (noise.low, noise.high)}
    else:
        mean, deviation = noise.mean, noise.deviation
        law = {"log_sigma_mean": mean, "log_sigma_deviation": deviation,
               "sigma_range": (SMALLEST_SIGMA, 1e4)}  # fmt: skip
    given = (1.0, *[0.0] * (stems - 1))
    drop = tuple((name, preset.learning.drop) for name, _ in preset.told)
    return TaskConfig(
        window=preset.window_frames, given=given, continuation=0.0, drop=drop, worn=0.0, **law
    )


def train_preset(order: Order, say: Say) -> Path:
    """All stages; returns the artifact's folder.

    Raises:
        BadArgsError: the folder holds another run, or no song is as long as a window.
        NoSuchFileError, BadAudioError: as `dataset.opener`.
        CancelledError: Ctrl-C; the same call goes on.
    """
    preset, folder = order.preset, order.folder
    _keep_order(order)
    songs = store_songs(order.data, preset.sample_rate, folder / "songs", say)
    say(f"{len(songs)} songs at {preset.sample_rate} Hz")
    codec = made_codec(
        CodecOrder(preset, songs, folder, order.codec_steps, order.codec_from, order.device), say
    )
    source, told_by = _source(order, songs, codec, say)
    source.require(preset.window_frames, preset.window_frames * preset.hop / preset.sample_rate)
    plan = Plan(preset.kind, denoiser_config(preset))
    train(plan, order.denoiser, data=source, layout=Layout(preset.told), folder=folder / "run")
    trained = read_network(folder / "run" / "denoiser")
    before, after = loss_before_and_after(order, source, trained.module)
    say(f"loss {before:.4f} before, {after:.4f} after {order.denoiser.steps} steps")
    losses = {"loss_before": round(before, 5), "loss_after": round(after, 5)}
    return _exported(order, codec, trained, told_by, {"songs": len(songs), **losses}, say)


def _keep_order(order: Order) -> None:
    """A folder is one run: what was ordered first stands in it."""
    path = order.folder / ORDER_NAME
    taken = {"autoencoder": order.codec_from, "text model": order.text_model}
    facts = {"preset": order.preset.name, "data": str(order.data.resolve()), "seed": order.seed}
    facts |= {name: str(path.resolve()) if path else None for name, path in taken.items()}
    if path.exists():
        earlier = json.loads(path.read_text(encoding="utf-8"))
        for name, value in facts.items():
            if earlier.get(name) != value:
                raise BadArgsError(
                    f"'{order.folder}' holds a run with another {name} ({earlier.get(name)}). Name "
                    "another folder with --out."
                )
        return
    order.folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _source(
    order: Order, songs: Sequence[Path], codec: Network, say: Say
) -> tuple[SongFiles, WordsBy | None]:
    """The songs as the denoiser's windows, with what is told of them, and by which encoder.

    The encoder is closed with this: it may be as large as all else that training holds.
    """
    if order.text_model is None:
        return _files(order, songs, codec, None, say), None
    reader = Meanings(order.text_model)
    told_by = words_by(reader, of_sound=tells_sound(order.preset, reader))
    return _files(order, songs, codec, reader, say), told_by


def _files(
    order: Order, songs: Sequence[Path], codec: Network, reader: Meanings | None, say: Say
) -> SongFiles:
    """The songs, sound or latents, and what is told of them."""
    preset, told_of = order.preset, dict(order.preset.told)
    by_ear = reader is not None and tells_sound(preset, reader)
    captions = () if by_ear else _captions(preset, songs, reader)
    if preset.codec is None:
        sound = mapped([song.with_suffix(".npy") for song in songs])
        labelled = LABELS in told_of or bool(captions)
        return SongFiles(sound, preset.hears_mixtures, labelled=labelled, captions=captions)
    encoder = song_encoder(codec.module)
    store = partial(store_latents, songs, encoder, preset.hop, device=order.device, say=say)
    files = store(order.folder / "latents", mixtures=preset.hears_mixtures)
    told: tuple[Any, ...] = ()
    if by_ear and reader is not None:
        heard = mapped(store_heard(songs, reader, preset, order.folder / "heard", say))
        return SongFiles(mapped(files), heard=heard)
    if "mixture" in told_of:
        mixtures = mapped(store(order.folder / "mixtures", mixtures=True))
        told = tuple(mixture[0] for mixture in mixtures)
    elif EMBEDDING in told_of and not captions:
        told = tuple(sound_embedding(load_song(song)) for song in songs)
    return SongFiles(mapped(files), told=told, captions=captions)


def _captions(preset: Preset, songs: Sequence[Path], reader: Meanings | None) -> tuple[Any, ...]:
    """What is told of every song in words, by the text encoder; nothing without one."""
    if reader is None:
        return ()
    size = dict(preset.told)[EMBEDDING]
    return tuple(captions_told(load_song(song), reader, size) for song in songs)


def loss_before_and_after(order: Order, source: SongFiles, trained: nn.Module) -> tuple[float, ...]:
    """Losses of untrained and trained weights on the same windows and noise."""
    run = order.denoiser
    batches = BatchSource(source, Layout(order.preset.told), run.task, order.seed + 1)
    plan = Plan(order.preset.kind, denoiser_config(order.preset))
    found = []
    for module in (new_denoiser(plan, order.seed), trained):
        denoiser = module.to(order.device).eval()
        with torch.inference_mode():
            losses = [_loss(denoiser, batches.batch(i, run.batch), order.device) for i in range(4)]
        found.append(sum(losses) / len(losses))
        denoiser.to("cpu")
    return tuple(found)


def _loss(denoiser: nn.Module, batch: Batch, device: str) -> float:
    clean, noise, sigma, conditions, counted = (part.to(device) for part in batch)
    if not isinstance(denoiser, Preconditioned):
        raise TypeError("a denoiser is built preconditioned")
    return float(denoising_loss(denoiser, clean, noise, sigma, conditions, counted))


def _licence(codec: Network) -> str:
    """Of the artifact, which may hold somebody else's codec."""
    own, taken = "as the music allows that it learned from", codec.artifact.get("licence")
    return f"{own}; {taken}"[:200] if taken else own


def _exported(
    order: Order, codec: Network, trained: Network, told_by: WordsBy | None,
    facts: dict[str, Any], say: Say,
) -> Path:  # fmt: skip
    """Writes the artifact, opens it as serving does, and compares its answers with torch's."""
    preset, out = order.preset, order.folder / "artifact"
    out.mkdir(exist_ok=True)
    export_codec(out, CodecExport(preset.stems, codec), legacy=True)
    fields = preset_facts(preset) | {
        "name": preset.name,
        "licence": _licence(codec),
        "training": {
            "preset": preset.name, "steps": order.denoiser.steps, "batch": order.denoiser.batch,
            "seed": order.seed, **facts,
        },
    }  # fmt: skip
    if told_by is not None:
        fields["words_by"] = told_by.model_dump()
    network = Network(trained.kind, trained.config, trained.module, fields)
    export_denoiser(out, network, format=order.format)
    model = load_model(out, "cpu")
    stored = load(read_verified(out, model.manifest, parity.PARITY_NAME))
    found = parity.check_stored(model, stored)
    model.close()
    if wrong := [one.name for one in found if not one.acceptable]:
        raise StembridgeError(
            f"The artifact does not answer as its networks do: {', '.join(wrong)}."
        )
    worst = max(one.euclidean for one in found)
    say(f"artifact: {len(found)} answers as torch gave them (largest relative error {worst:.1e})")
    return out
