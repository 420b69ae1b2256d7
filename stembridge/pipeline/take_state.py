"""A take as the model wrote it, kept beside its files, so that it can be worked on later.

One `.npz` per take: the latents of all stems, the parts, what was chosen. Nothing in it is code.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.audio.files import write_atomically
from stembridge.chords import ChordSpan
from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.parts import Part
from stembridge.parts.playing import Playing
from stembridge.pipeline.choice import Choice

MAX_STATE_BYTES = 256 << 20


@dataclass(frozen=True)
class TakeState:
    """What a take is made of.

    Attributes:
        latents: of all stems, given and made, [S, C, F].
        parts: stem -> notes, where they are known.
        choice: style, instruments and chords.
        gain: that brought the take to its files; None before it had any.
    """

    latents: FloatArray
    parts: Mapping[str, Part]
    choice: Choice
    gain: float | None = None


def state_name(variation: int) -> str:
    """File name of a take's state, such as `take1.npz`."""
    return f"take{variation + 1}.npz"


def save_state(folder: Path, variation: int, state: TakeState) -> None:
    """Writes a take's state; the same take gives the same bytes."""
    facts = {
        "gain": state.gain,
        "choice": dataclasses.asdict(state.choice),
        "parts": [part.to_mapping() for part in state.parts.values()],
    }
    arrays: dict[str, np.ndarray] = {
        "latents": np.ascontiguousarray(state.latents, np.float32),
        "facts": np.frombuffer(json.dumps(facts).encode(), np.uint8),
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    write_atomically(folder / state_name(variation), data.getvalue())


def load_state(folder: Path, variation: int, roots: AllowedRoots | None = None) -> TakeState:
    """Reads a take's state.

    Raises:
        NoSuchFileError: the folder has no such take.
        PathDeniedError: it does not lie in one of these folders.
        BadArgsError: the file is damaged.
    """
    path = folder / state_name(variation)
    try:
        data = (roots or AllowedRoots.anywhere()).read(str(path), MAX_STATE_BYTES)
    except NoSuchFileError as error:
        raise NoSuchFileError(
            f"Take {variation + 1} cannot be worked on: '{path}' is not there. Make the take again "
            "with stembridge arrange --receipt, and rework that."
        ) from error
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            if sum(info.file_size for info in file.zip.infolist()) > MAX_STATE_BYTES:
                raise ValueError("too large")
            latents, facts = file["latents"], json.loads(file["facts"].tobytes())
        parts = [Part.from_mapping(item) for item in facts["parts"]]
        choice, gain = _choice(facts["choice"]), float(facts["gain"])
        if latents.ndim != 3 or not np.isfinite(latents).all():
            raise ValueError("no latents")
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise BadArgsError(f"'{path}' is damaged and cannot be worked on.") from error
    return TakeState(np.asarray(latents, np.float32), {p.stem: p for p in parts}, choice, gain)


def _choice(facts: dict[str, Any]) -> Choice:
    spans = (span | {"pitch_classes": tuple(span["pitch_classes"])} for span in facts["chords"])
    playing = {stem: Playing(**one) for stem, one in facts.get("playing", {}).items()}
    fields = facts | {"chords": tuple(ChordSpan(**span) for span in spans), "playing": playing}
    return Choice(**fields)
