"""A take as the model wrote it, kept beside its files, so that it can be worked on later.

One `.npz` per take: the latents of all stems, the parts, what was chosen. Nothing in it is code.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.audio.files import write_atomically
from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.parts import Part
from stembridge.pipeline.choice import Choice

MAX_STATE_BYTES = 256 << 20
_MOST = 1e6
"""No number of a state is as large as this."""

_CHOICE = TypeAdapter(Choice)
_DAMAGE = (
    OSError, EOFError, ValueError, LookupError, TypeError, MemoryError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What reading a damaged file raises; NotImplementedError and RecursionError are RuntimeErrors."""


@dataclass(frozen=True)
class TakeState:
    """What a take is made of.

    Attributes:
        latents: of all stems, given and made, [S, C, F].
        parts: stem -> notes, where they are known.
        choice: style, instruments and chords.
        gain: that brought the take to its files; None before it had any.
        heard: what the model was told of the sound of a reference [E]; None: of none.
    """

    latents: FloatArray
    parts: Mapping[str, Part]
    choice: Choice
    gain: float | None = None
    heard: FloatArray | None = None


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
    if state.heard is not None:
        arrays["heard"] = np.ascontiguousarray(state.heard, np.float32)
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
            latents, facts = file["latents"], _facts(file["facts"].tobytes())
            heard = file["heard"] if "heard" in file.files else None
        parts = [Part.from_mapping(item) for item in facts["parts"]]
        choice, gain = _CHOICE.validate_python(facts["choice"]), float(facts["gain"])
        if latents.ndim != 3 or latents.dtype.kind != "f" or not (np.abs(latents) < _MOST).all():
            raise ValueError("no latents")
        if heard is not None and (heard.dtype.kind != "f" or not (np.abs(heard) < _MOST).all()):
            raise ValueError("no embedding")
    except _DAMAGE as error:
        raise BadArgsError(f"'{path}' is damaged and cannot be worked on.") from error
    by_stem = {part.stem: part for part in parts}
    return TakeState(np.asarray(latents, np.float32), by_stem, choice, gain, heard)


def _facts(text: bytes) -> Any:
    """JSON whose numbers are within reason."""

    def number(digits: str) -> float:
        value = float(digits)
        if not abs(value) < _MOST:
            raise ValueError(f"absurd: {digits[:20]}")
        return value

    def whole(digits: str) -> int:
        number(digits)
        return int(digits)

    return json.loads(text, parse_float=number, parse_int=whole, parse_constant=number)
