"""`stembridge train preset` and `train vae`: the papers' systems on a user's own music."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stembridge.cli.shared import GpuOption, say
from stembridge.errors import BadArgsError, NoGpuError

if TYPE_CHECKING:
    from stembridge.nn.presets import Preset

FOLDER = typer.Option("--out", help="The run's folder; goes on if there.")
DATA = typer.Option(
    help="Music: rendered songs, Slakh2100, or a folder per song with bass.wav, drums.wav, …"
)
FolderOption = Annotated[Path, FOLDER]

PaceOption = Annotated[
    float, typer.Option(min=0.001, help="Stretches all clocks, for slower machines.")
]


def training_device(gpu: int | None) -> str:
    """The device that a run trains on, "cpu" or "cuda:N".

    Raises:
        NoGpuError: torch does not find that GPU.
    """
    import torch

    if gpu is None:
        return "cpu"
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpu >= found:
        raise NoGpuError(f"There is no GPU {gpu} (torch finds {found}). Leave out --gpu.")
    return f"cuda:{gpu}"


def preset(
    name: Annotated[str, typer.Argument(help="Such as msdm, msldm, msldm-large, isldm, mixldm.")],
    data: Annotated[Path | None, DATA] = None,
    out: Annotated[Path | None, FOLDER] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of the denoiser; the paper's number if left out.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Windows per step.")] = None,
    codec_steps: Annotated[
        int | None, typer.Option(min=1, help="Of the autoencoder, which is trained first.")
    ] = None,
    vae: Annotated[
        Path | None, typer.Option(help="Take the autoencoder of a `train vae` run instead.")
    ] = None,
    codec: Annotated[
        Path | None, typer.Option(help="EnCodec or DAC on your disk as the autoencoder.")
    ] = None,
    text_model: Annotated[
        Path | None,
        typer.Option(
            help="CLAP or T5 on your disk, that tells captions (gmsdi, mt-musicldm); CLAP tells "
            "mt-musicldm sounds."
        ),
    ] = None,
    mini: Annotated[bool, typer.Option("--mini", help="A narrow copy, to try it out.")] = False,
    spectra: Annotated[
        int | None,
        typer.Option(min=16, help="A network this wide, on a codec that is fitted in a minute."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, noise and order.")] = 0,
    save_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 1000,
    float32: Annotated[
        bool, typer.Option("--float32", help="Train in float32 instead of bfloat16.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say size, memory and time; try a step.")
    ] = False,
    gpu: GpuOption = None,
    format: Annotated[
        Literal["onnx", "torchscript"], typer.Option(help="Of the model's denoiser.")
    ] = "onnx",
) -> None:
    """Train a system of the papers, and export it. Ctrl-C stops; the same command goes on."""
    from stembridge.nn.preset_variants import on_spectra
    from stembridge.nn.presets import shrunk
    from stembridge.training.preset_run import Order, train_preset

    chosen = known_preset(name)
    if spectra is not None and (mini or chosen.codec is None):
        raise BadArgsError("--spectra goes with latent systems, without --mini.")
    if spectra is not None:
        chosen = on_spectra(chosen, spectra)
    chosen = shrunk(chosen) if mini else chosen
    if codec is not None:
        from stembridge.training.taken_codec import on_codec

        if vae is not None or spectra is not None:
            raise BadArgsError("A model has one codec: give --codec, --vae or --spectra.")
        chosen, vae = on_codec(chosen, codec), codec
    if text_model is not None:
        chosen = _in_words(chosen, text_model)
    if data is None or out is None:
        if not dry_run:
            raise BadArgsError("Say what to learn from with --data, and where to with --out.")
        data = out = Path()  # neither is read nor written
    order = Order(
        chosen, data, out, steps, batch, codec_steps, vae,
        training_device(gpu), not float32, seed, save_every, format, text_model,
    )  # fmt: skip
    if dry_run:
        from stembridge.training.dry_run import dry_run as tell

        tell(chosen, order.denoiser, say)
        return
    made = train_preset(order, say)
    say(f"Use it: stembridge serve --model {made}")
    print(made)


def _in_words(chosen: Preset, text_model: Path) -> Preset:
    """A preset told captions or sounds; the encoder is tried before anything is written."""
    import numpy as np

    from stembridge.engines.meaning import Meanings
    from stembridge.nn.preset_variants import on_words
    from stembridge.training.heard_windows import tells_sound

    told = on_words(chosen)
    if told is None:
        raise BadArgsError(f"{chosen.name} is told no words. Leave out --text-model.")
    reader = Meanings(text_model)
    if tells_sound(told, reader):
        reader.heard(np.zeros(16_000, np.float32), 16_000)
    return told


def known_preset(name: str) -> Preset:
    """A preset by name.

    Raises:
        BadArgsError: there is none of that name.
    """
    from stembridge.nn.presets import PRESETS

    if name not in PRESETS:
        raise BadArgsError(f"There is no preset '{name}'; there are {', '.join(PRESETS)}.")
    return PRESETS[name]


def vae(
    out: FolderOption,
    data: Annotated[Path, DATA],
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 100_000,
    preset: Annotated[
        str, typer.Option(help="Whose: msldm, mixldm (on mixtures), tiny.")
    ] = "msldm",
    batch: Annotated[
        int | None, typer.Option(min=1, help="Crops of a second per step; 28 if left out.")
    ] = None,
    dac_weights: Annotated[
        Path | None, typer.Option(help="Start from descript-audio-codec weights on your disk.")
    ] = None,
    gpu: GpuOption = None,
) -> None:
    """Train the papers' neural autoencoder (a GPU's work; the default model does without)."""
    from stembridge.nn.source_vae import SourceVAEConfig
    from stembridge.training.autoencoder import train_vae
    from stembridge.training.preset_codec import vae_crops, vae_training
    from stembridge.training.progress import progress_bar
    from stembridge.training.song_store import store_songs

    chosen = known_preset(preset)
    config = chosen.codec
    if not isinstance(config, SourceVAEConfig):
        raise BadArgsError(f"The preset '{preset}' has no autoencoder: it works on waveforms.")
    training = vae_training(config, steps, training_device(gpu))
    songs = store_songs(data, config.sample_rate, out / "songs", say)
    with progress_bar(steps) as on_step:
        crops = vae_crops(chosen, config, songs, batch)
        train_vae(config, training, crops, out, on_step, dac_weights)
    print(out)
