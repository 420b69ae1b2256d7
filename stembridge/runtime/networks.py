"""Opens an artifact's networks in the formats that its manifest names.

torch is imported only where a network is TorchScript: an artifact whose networks are all ONNX is
served without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from stembridge.errors import BadArgsError, MissingExtraError
from stembridge.pool.threads import side_by_side
from stembridge.runtime.device import Threads
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import FloatArray

if TYPE_CHECKING:
    from stembridge.runtime.onnx_model import OnnxCodec, OnnxNetwork

_INPUTS = ("latents", "levels", "conditions")


class OpenNetwork(Protocol):
    """A network on a device."""

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda:N"."""
        ...

    def __call__(self, *arrays: FloatArray) -> FloatArray:
        """Its answer to float32 arrays."""
        ...


@dataclass(frozen=True)
class ItemByItem:
    """A network whose batches the cores share: every item alone, on one of them.

    An item's answer does not depend on what else is in its batch.
    """

    network: OpenNetwork
    threads: int

    @property
    def device(self) -> str:
        """Where it runs."""
        return self.network.device

    def __call__(self, *arrays: FloatArray) -> FloatArray:
        """Its answer to arrays `[B, ...]`."""
        if len(arrays[0]) == 1:
            return self.network(*arrays)

        def one(item: int) -> FloatArray:
            return self.network(*(array[item : item + 1] for array in arrays))

        return np.concatenate(side_by_side(one, range(len(arrays[0])), self.threads))


@dataclass(frozen=True)
class Networks:
    """What an artifact's networks are opened from.

    Attributes:
        manifest: the artifact's contract.
        files: file name -> verified bytes.
        threads: CPU threads.
        index: number of a CUDA device; None is the CPU.
        exact: no products in 8 bits.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    threads: Threads
    index: int | None
    exact: bool = False

    def require_device(self) -> None:
        """Import what runs the networks, and make sure that it can use the device.

        Raises:
            NoGpuError: it cannot.
            MissingExtraError: torch is needed and not installed.
        """
        if self.manifest.needs_torch:
            # First, so that ONNX Runtime finds torch's CUDA libraries.
            require_torch(self.manifest)
            from stembridge.runtime.torchscript_model import require_cuda
        else:
            from stembridge.runtime.onnx_model import require_cuda
        if self.index is not None:
            require_cuda(self.index)

    def codec(self) -> OnnxCodec:
        """Encoders and decoders."""
        from stembridge.runtime.onnx_model import OnnxCodec

        return OnnxCodec(
            self.manifest.encoders,
            self.manifest.decoders,
            self.files,
            device_id=self.index,
            threads=self.threads.codec_count(),
        )

    def note_readers(self) -> dict[str, OnnxNetwork]:
        """Stem -> what reads its notes."""
        from stembridge.runtime.onnx_model import OnnxNetwork

        return {
            stem: OnnxNetwork(
                self.files[reader.file], reader.file, "latents", "notes",
                device_id=self.index, threads=self.threads.codec_count(),
            )
            for stem, reader in self.manifest.note_readers.items()
        }  # fmt: skip

    def chord_ears(self) -> OnnxNetwork | None:
        """What hears chords in sound, if the artifact does."""
        from stembridge.runtime.onnx_model import OnnxNetwork

        name = self.manifest.chord_ears
        if name is None:
            return None
        return OnnxNetwork(
            self.files[name], name, "spectra", "chances",
            device_id=self.index, threads=self.threads.codec_count(),
        )  # fmt: skip

    def denoiser(self, bfloat16: bool) -> OpenNetwork:
        """The denoiser.

        Raises:
            BadArgsError: bfloat16 is asked of a format that has none.
        """
        manifest = self.manifest
        if manifest.denoiser_format == "torchscript":
            return self._torchscript(manifest.denoiser, bfloat16)
        if bfloat16:
            raise BadArgsError(
                f"The denoiser of '{manifest.name}' is an ONNX network, which computes in float32. "
                "Ask for no bfloat16, or export it as TorchScript."
            )
        exact = self.exact or self.index is not None
        name = manifest.denoiser if exact else manifest.denoiser_cpu or manifest.denoiser
        network = self._onnx(name, "denoised", manifest.weights)
        if self.index is not None:
            return network
        return ItemByItem(network, self.threads.side_by_side_count(self._threads))

    def style_classifier(self) -> OpenNetwork | None:
        """What hears styles, if the artifact does."""
        name = self.manifest.style_classifier
        if name is None:
            return None
        if self.manifest.style_classifier_format == "torchscript":
            return self._torchscript(name, bfloat16=False)
        return self._onnx(name, "chances")

    @property
    def _threads(self) -> int:
        """For a network of the denoiser's size; torch has one number for all."""
        names = {self.manifest.denoiser, self.manifest.weights}
        return self.threads.denoiser_count(sum(len(self.files.get(n or "", b"")) for n in names))

    def _torchscript(self, name: str, bfloat16: bool) -> OpenNetwork:
        from stembridge.runtime.torchscript_model import TorchScriptNetwork

        return TorchScriptNetwork(
            self.files[name], name,
            device_id=self.index, threads=self._threads, bfloat16=bfloat16,
        )  # fmt: skip

    def _onnx(self, name: str, output: str, weights: str | None = None) -> OpenNetwork:
        from stembridge.runtime.onnx_model import OnnxNetwork

        return OnnxNetwork(
            self.files[name], name, _INPUTS, output,
            weights=None if weights is None else (weights, self.files[weights]),
            device_id=self.index, threads=self._threads,
        )  # fmt: skip


def require_torch(manifest: Manifest) -> None:
    """Make sure that torch is there for a model that needs it.

    Raises:
        MissingExtraError: saying what to install.
    """
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The model '{manifest.name}' needs PyTorch, which is not installed: pip install "
            "torch, or use a model whose networks are all ONNX."
        ) from error
