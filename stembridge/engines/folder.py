"""A downloaded engine folder: recognised by what it says of itself, and described for receipts.

It may come from anybody, so it is read as data: its JSON is bounded, the components of a pipeline
are classes of the two libraries only, and weights are safetensors.
"""

from __future__ import annotations

import json
import re
from math import prod
from pathlib import Path
from typing import Any

from stembridge.conditions import CHORD_CHANNELS
from stembridge.engines.facts import ENGINES, EngineFacts
from stembridge.errors import BadArgsError, ModelUntrustedError, NoSuchFileError
from stembridge.roles import STEMS, role
from stembridge.runtime.artifact_files import describe_file
from stembridge.runtime.manifest import ArtifactFile, ConditionBlock, Manifest
from stembridge.safe_files import read_file

_INDEX, _CONFIG = "model_index.json", "config.json"
_MAX_JSON_BYTES = 4 << 20
_LIBRARIES = {"diffusers", "transformers", "audioldm2", "stable_audio"}
_LICENCE = re.compile(r"^license(?:_name)?:\s*([^\s#]+)", re.MULTILINE)
_MIXTURE_LUFS = -20.0  # the mixture beside which the levels of `ROLES` stand


def engine_in(folder: Path) -> EngineFacts | None:
    """The engine that a folder holds; None if it holds something else.

    Raises:
        BadArgsError: it holds an engine that is not known here.
        ModelUntrustedError: what it says of itself cannot be read.
    """
    if (folder / "manifest.json").exists():
        return None
    if (folder / _INDEX).is_file():
        kind = str(_json(folder / _INDEX).get("_class_name"))
        if kind not in ENGINES:
            known = ", ".join(facts.title for facts in ENGINES.values())
            raise BadArgsError(f"'{folder}' holds a {kind}, which is no engine here; {known} are.")
        return ENGINES[kind]
    return ENGINES.get(kind_in(folder))


def kind_in(folder: Path) -> str:
    """What a folder's config.json calls what is in it; "" where it calls it nothing.

    Raises:
        ModelUntrustedError: it cannot be read.
    """
    path = folder / _CONFIG
    return str(_json(path).get("model_type") or "") if path.is_file() else ""


def check_folder(folder: Path) -> None:
    """Refuses what would have to be run instead of read.

    Raises:
        NoSuchFileError: there are no weights as safetensors.
        ModelUntrustedError: a component is none of the libraries'.
    """
    if next(folder.rglob("*.safetensors"), None) is None:
        raise NoSuchFileError(
            f"'{folder}' holds no weights as .safetensors. Others (.bin, .ckpt, .pt) are programs "
            "and are not opened: download the safetensors of the same model."
        )
    index = _json(folder / _INDEX) if (folder / _INDEX).is_file() else {}
    for name, part in index.items():
        if name.startswith("_") or not isinstance(part, list):
            continue
        if len(part) != 2 or (part[0] is not None and part[0] not in _LIBRARIES):
            raise ModelUntrustedError(
                f"The engine in '{folder}' names a part '{name}' of its own making ({part[0]}), "
                "which would be a program. It was not opened."
            )


def engine_manifest(folder: Path, facts: EngineFacts) -> Manifest:
    """Name, rate, licence and hashes of an engine folder, as models state them."""
    rate, hop, longest_s = _sizes(folder, facts)
    n_frames = max(1, int(longest_s * rate / hop))
    return described(folder, facts.title, rate, hop, n_frames, STEMS)


def described(
    folder: Path, title: str, rate: int, hop: int, n_frames: int, stems: tuple[str, ...]
) -> Manifest:
    """The manifest of somebody else's weights; what it says of a denoiser means nothing.

    Args:
        folder: as it was downloaded.
        title: what people call it.
        rate: Hz.
        hop: samples per frame.
        n_frames: of the longest sound.
        stems: that it can make.
    """
    files = _files(folder)
    first = next(name for name in files if name.endswith(".safetensors"))
    return Manifest(
        name=f"{title} ({folder.resolve().name})"[:100],
        stems=stems,
        sample_rate=rate,
        hop=hop,
        window_frames=n_frames,
        overlap_frames=0,
        latent_channels=1,
        sigma_min=0.01,
        sigma_max=1.0,
        sigma_data=1.0,
        context_mode="clean",
        # Chords are heard in what is given, so that an engine can be told their key.
        condition_layout=(ConditionBlock(name="chords", channels=CHORD_CHANNELS),),
        chords_from_context=True,
        nominal_lufs=_MIXTURE_LUFS,
        nominal_stem_lufs={stem: role(stem).level_lufs for stem in stems},
        encoders=dict.fromkeys(stems, first),
        decoders=dict.fromkeys(stems, first),
        denoiser=first,
        files=files,
        licence=_licence(folder),
    )


def _sizes(folder: Path, facts: EngineFacts) -> tuple[int, int, float]:
    """Rate in Hz, samples per frame, and the longest sound in s."""
    try:
        if facts.kind.startswith("musicgen"):
            codec = _json(folder / _CONFIG)["audio_encoder"]
            return int(codec["sampling_rate"]), prod(codec["upsampling_ratios"]), facts.longest_s
        if facts.kind != "StableAudioPipeline":
            vocoder = _json(folder / "vocoder" / _CONFIG)
            return int(vocoder["sampling_rate"]), prod(vocoder["upsample_rates"]), facts.longest_s
        vae = _json(folder / "vae" / _CONFIG)
        rate, hop = int(vae["sampling_rate"]), prod(vae["downsampling_ratios"])
        n_frames = int(_json(folder / "transformer" / _CONFIG)["sample_size"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelUntrustedError(
            f"The engine in '{folder}' does not say its sample rate and frames. Download it again."
        ) from error
    return rate, hop, n_frames * hop / rate


def _files(folder: Path) -> dict[str, ArtifactFile]:
    """Weights and settings by name; a sub-folder's are called as in "unet.config.json"."""
    paths = sorted(p for kind in ("json", "safetensors") for p in folder.rglob(f"*.{kind}"))
    named = {".".join(path.relative_to(folder).parts): path for path in paths}
    return {name: describe_file(path) for name, path in named.items() if name[0].isalnum()}


def _licence(folder: Path) -> str:
    """As the model card beside the weights says."""
    card = folder / "README.md"
    found = None
    if card.is_file():
        with card.open("rb") as file:
            found = _LICENCE.search(file.read(1 << 14).decode("utf-8", "replace"))
    return f"{found[1]} (of the weights)"[:200] if found else "as the weights' maker says"


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_file(path, _MAX_JSON_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelUntrustedError(f"'{path}' cannot be read. Download the engine again.") from error
    if not isinstance(found, dict):
        raise ModelUntrustedError(f"'{path}' is not what it should be. Download the engine again.")
    return found
