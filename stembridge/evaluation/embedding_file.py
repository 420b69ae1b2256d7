"""What sounds are compared by: our own embedding, or a network from the user's disk.

An ONNX file is data: ONNX Runtime computes its graph, and no other file is opened for it. A
TorchScript file is a program: it is opened only if the user vouches for its bytes by their SHA-256.
A distance is called FAD (Fréchet audio distance) only if the user names the network vggish or clap;
whether it is that, nobody here can know, so name and hash stand in every report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.loudness import gain_to
from stembridge.audio.resample import resample
from stembridge.errors import BadArgsError, ModelUntrustedError, NoSuchFileError
from stembridge.evaluation import embedding

Audio = NDArray[np.float32]
Matrix = NDArray[np.float64]
Network = Callable[[Audio], Audio]

OWN_RATE = 22_050  # the papers'; what lies above 11 kHz is not compared
LOUDNESS_LUFS = -20.0
FAD_NETWORKS = {"vggish": (16_000, 0.96), "clap": (48_000, 10.0)}
"""Name -> Hz and seconds of the networks whose distance is called FAD."""
TORCHSCRIPT = {".ts", ".pt", ".pth"}


@dataclass(frozen=True)
class Embedding:
    """Sound to vectors, all sounds at the same loudness.

    Attributes:
        name: what the user calls it; `timbre12` is ours.
        rate: Hz.
        file: the network; None for ours.
        sha256: of the file, which is looked at before it is opened.
        window_s: of one vector, if the network does not say.
    """

    name: str = embedding.NAME
    rate: int = OWN_RATE
    file: Path | None = None
    sha256: str = ""
    window_s: float = 1.0

    @property
    def distance(self) -> str:
        """What the distance is called."""
        known = self.file is not None and self.name in FAD_NETWORKS
        return f"{'FAD' if known else 'Fréchet distance'} ({self.name})"

    @property
    def words(self) -> str:
        """Name, rate, origin and loudness in a sentence."""
        origin = "ours" if self.file is None else f"{self.file.name}, sha256 {self.sha256[:16]}"
        return (
            f"{self.name} ({origin}) at {self.rate} Hz; every sound at {LOUDNESS_LUFS:g} LUFS first"
        )

    def of(self, audio: Audio, rate: int) -> Matrix:
        """Vectors of `[n]` at a rate, `[N, E]`; none for silence."""
        audio = audio * np.float32(gain_to(LOUDNESS_LUFS, audio, rate) or 0.0)
        audio = resample(audio, rate, self.rate)
        if self.file is None:
            return embedding.embeddings(audio, self.rate)
        return _vectors(self, audio)


def told_embedding(text: str, rate: int | None, vouched: str) -> Embedding:
    """The embedding that options name.

    Args:
        text: FILE or NAME=FILE; empty for ours.
        rate: Hz; the usual one of a network with a name, else 16,000.
        vouched: SHA-256 that the user gives for a TorchScript file.

    Raises:
        NoSuchFileError: there is no such file.
        ModelUntrustedError: a TorchScript file that nobody vouches for, or not the one.
        BadArgsError: it is no network of samples to vectors.
    """
    if not text:
        return Embedding()
    name, equals, place = text.partition("=")
    path = Path(place if equals else text)
    # What a file is called says nothing of what it is; NAME= is the user's own word.
    name = name.strip().lower() if equals else path.name
    if not path.is_file():
        raise NoSuchFileError(f"There is no embedding network '{path}'.")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if path.suffix in TORCHSCRIPT and not vouched:
        raise ModelUntrustedError(
            f"'{path.name}' is a TorchScript file, which is a program. Export the network as ONNX, "
            f"or, if you trust its origin, add --embedding-sha256 {sha256}."
        )
    if vouched and vouched.lower() != sha256:
        raise ModelUntrustedError(
            f"'{path.name}' has the SHA-256 {sha256}, not the one you vouch for."
        )
    usual, window_s = FAD_NETWORKS.get(name, (16_000, 1.0))
    made = Embedding(name, rate or usual, path, sha256, window_s)
    _vectors(made, np.zeros(made.rate, np.float32))
    return made


def _vectors(of: Embedding, audio: Audio) -> Matrix:
    """Windows side by side, the last one ending with the sound."""
    network, window = _opened(of)
    audio = np.pad(audio, (0, max(0, window - audio.size)))
    starts = sorted({*range(0, audio.size - window + 1, window), audio.size - window})
    batch = np.stack([audio[start : start + window] for start in starts])
    rows = [np.asarray(network(one[None]), np.float64) for one in batch]
    if any(row.ndim != 2 or len(row) != 1 or not np.isfinite(row).all() for row in rows):
        raise BadArgsError(
            f"The network '{of.name}' gives {rows[0].shape} for (1, {window}) samples; vectors "
            "[B, D] of finite numbers are wanted."
        )
    return np.concatenate(rows)


@cache
def _opened(of: Embedding) -> tuple[Network, int]:
    """The network, and how many samples it takes."""
    if of.file is None or hashlib.sha256(data := of.file.read_bytes()).hexdigest() != of.sha256:
        raise ModelUntrustedError(f"The file of '{of.name}' has changed since it was looked at.")
    window = round(of.window_s * of.rate)
    if of.file.suffix in TORCHSCRIPT:
        from stembridge.runtime.torchscript_model import TorchScriptNetwork

        return TorchScriptNetwork(data, of.file.name), window
    return _onnx(data, of.file.name, window)


def _onnx(data: bytes, source: str, window: int) -> tuple[Network, int]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BadArgsError(f"'{source}' cannot be opened by ONNX Runtime: {error}") from error
    (first, *more), answers = session.get_inputs(), session.get_outputs()
    if more or len(first.shape) != 2 or len(answers) != 1:
        raise BadArgsError(
            f"'{source}' takes {[one.shape for one in session.get_inputs()]} and gives "
            f"{len(answers)} arrays; one input [B, samples] and one output [B, D] are wanted."
        )
    fixed = first.shape[1]

    def run(batch: Audio) -> Audio:
        answer: Audio = session.run(None, {first.name: batch})[0]
        return answer

    return run, fixed if isinstance(fixed, int) else window
