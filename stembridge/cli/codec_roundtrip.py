"""`stembridge train codec-roundtrip`: what a codec leaves of a sound, and what it costs in bits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stembridge.cli.shared import JsonOption, open_model, print_json
from stembridge.errors import BadArgsError

if TYPE_CHECKING:
    from stembridge.evaluation.round_trip import RoundTrip
    from stembridge.runtime.model import StemCodec

LONGEST_S = 120.0


def codec_roundtrip(
    sound: Annotated[Path, typer.Argument(help="WAV, AIFF, FLAC, OGG or MP3.")],
    weights: Annotated[
        Path | None,
        typer.Option(help="Folder of EnCodec or DAC as downloaded, or a model; the built-in one."),
    ] = None,
    stem: Annotated[str, typer.Option(help="Whose codec, in a model.")] = "piano",
    out: Annotated[Path | None, typer.Option(help="Folder for what is left, as WAV files.")] = None,
    json: JsonOption = False,
) -> None:
    """Encode, quantise and decode a sound: SNR and bitrate for each number of codebooks."""
    from stembridge.evaluation.round_trip import round_trips

    codec, stem = _opened(weights, stem)
    audio, cut = _read(sound, codec.manifest.sample_rate)
    rows = list(round_trips(codec, stem, audio))
    files = [] if out is None else [_write(out, sound, row, codec) for row in rows]
    if json:
        print_json({
            "codec": codec.manifest.name, "sample_rate": codec.manifest.sample_rate, "cut": cut,
            "rows": [_facts(row) for row in rows], "files": [str(file) for file in files],
        })  # fmt: skip
        return
    frames = codec.manifest.sample_rate / codec.manifest.hop
    print(f"{codec.manifest.name}: {codec.manifest.sample_rate} Hz, {frames:.4g} frames a second")
    if cut:
        print(f"note: only the first {LONGEST_S:g} s were taken")
    for row in rows:
        print(_line(row))
    for file in files:
        print(file)


def _opened(weights: Path | None, stem: str) -> tuple[StemCodec, str]:
    from stembridge.engines.quantised import STEM, QuantisedCodec, codec_in

    if weights is not None and codec_in(weights) is not None:
        return QuantisedCodec(weights), STEM
    model = open_model(None if weights is None else str(weights), "cpu")
    if stem not in model.manifest.stems:
        known = ", ".join(model.manifest.stems)
        raise BadArgsError(f"The model has no {stem}; it has {known}.")
    return model, stem


def _read(path: Path, rate: int) -> tuple[Any, bool]:
    """Mono audio [n] at the codec's rate, and whether some was cut off."""
    from stembridge.audio.allowed_roots import AllowedRoots
    from stembridge.audio.resample import resample
    from stembridge.context.probe import open_context

    with open_context(str(path.expanduser().absolute()), AllowedRoots.anywhere()) as file:
        longest = round(LONGEST_S * file.sample_rate)
        heard = file.read(0, min(file.n_samples, longest))
        if not heard.n_samples:
            raise BadArgsError(f"'{path}' holds no sound. Name another file.")
        return resample(heard.mono(), file.sample_rate, rate), file.n_samples > longest


def _write(out: Path, sound: Path, row: RoundTrip, codec: StemCodec) -> Path:
    from stembridge.audio.files import write_stem

    out.mkdir(parents=True, exist_ok=True)
    name = f"{sound.stem}_{row.label.replace(' ', '_')}.wav"
    return write_stem(out / name, row.audio, codec.manifest.sample_rate, "float").path


def _facts(row: RoundTrip) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if name != "audio"}


def _line(row: RoundTrip) -> str:
    measured = f"SNR {row.snr_db:.1f} dB, SI-SDR {row.si_sdr_db:.1f} dB"
    if row.kbps is None:
        return f"{row.label}: {measured}"
    return f"{row.label}: {row.kbps:.2f} kbit/s, {row.compression:.0f} times smaller, {measured}"
