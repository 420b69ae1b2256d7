"""Networks on ONNX Runtime: the only importer of onnxruntime.

A network file may serve several stems; it is opened once. Inputs and outputs go through I/O
binding, one code path for CPU and CUDA: on CUDA the output buffer then stays in device memory
until it is read, instead of ONNX Runtime choosing per call. (The CUDA side has been run on no
GPU yet.) The sampler's arrays are NumPy, so nothing is kept on the device between networks: the
latents of a window are about 1 MB, which costs 0.1 ms over PCIe against 10 ms and more of network.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnxruntime as ort

from stembridge.errors import ModelUntrustedError, NoGpuError
from stembridge.runtime.device import cuda_devices
from stembridge.runtime.failures import device_failure, translated
from stembridge.runtime.model import FloatArray


class OnnxNetwork:
    """One ONNX file with float32 inputs and one float32 output.

    Args:
        data: the verified bytes of the file.
        source: its name, for messages.
        inputs: required name of the input ("audio" or "latents"), or of several in order; a
            network may leave out those of them that it does not look at.
        output: required name of the output.
        weights: name and verified bytes of the file that holds its weights, if that is another.
        device_id: CUDA device, or None for the CPU.
        threads: intra-operator CPU threads.

    Raises:
        ModelUntrustedError: if the bytes are no such network.
        NoGpuError: if CUDA was asked for and ONNX Runtime cannot use it.
    """

    def __init__(
        self,
        data: bytes,
        source: str,
        inputs: str | tuple[str, ...],
        output: str,
        *,
        weights: tuple[str, bytes] | None = None,
        device_id: int | None = None,
        threads: int = 1,
    ) -> None:
        self._inputs, self._output = (inputs,) if isinstance(inputs, str) else inputs, output
        self._place = ("cpu", 0) if device_id is None else ("cuda", device_id)
        self._session = _open_session(data, source, weights, device_id, threads)
        self._taken = [node.name for node in self._session.get_inputs()]
        outputs = [node.name for node in self._session.get_outputs()]
        known = [name for name in self._inputs if name in self._taken]
        if self._taken != known or not known or outputs != [output]:
            raise ModelUntrustedError(
                f"The model file '{source}' takes {self._taken} and gives {outputs}; "
                f"expected '{', '.join(self._inputs)}' and '{output}'."
            )

    def __call__(self, *arrays: FloatArray) -> FloatArray:
        """Run the network on float32 arrays, one for each input."""
        with translated(self.device):
            binding = self._session.io_binding()
            for name, array in zip(self._inputs, arrays, strict=True):
                if name in self._taken:
                    given = np.ascontiguousarray(array, dtype=np.float32)
                    value = ort.OrtValue.ortvalue_from_numpy(given, *self._place)
                    binding.bind_ortvalue_input(name, value)
            binding.bind_output(self._output, *self._place)
            self._session.run_with_iobinding(binding)
            result: FloatArray = binding.get_outputs()[0].numpy()
        return result

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda:N"."""
        kind, index = self._place
        return kind if kind == "cpu" else f"cuda:{index}"


def _open_session(
    data: bytes,
    source: str,
    weights: tuple[str, bytes] | None,
    device_id: int | None,
    threads: int,
) -> ort.InferenceSession:
    options = ort.SessionOptions()
    if weights is not None:
        name, content = weights
        # Instead of a file of that name, which nobody would have verified.
        options.add_external_initializers_from_files_in_memory([name], [content], [len(content)])
    options.intra_op_num_threads = threads
    # To plan which buffers may share a place takes half of the time that a network takes to open;
    # a processor's arena finds a free place as it goes.
    options.enable_mem_reuse = device_id is not None
    options.log_severity_level = 3  # provider trouble is reported by the check below
    # Idle pool threads sleep instead of spinning: the DAW on the same machine needs the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list[object] = ["CPUExecutionProvider"]
    if device_id is not None:
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": device_id}))
    try:
        session = ort.InferenceSession(data, options, providers=providers)
    except Exception as error:
        if device_id is not None and (known := device_failure(error, f"cuda:{device_id}")):
            raise (known if known.symbol == "OUT_OF_MEMORY" else no_cuda(device_id)) from error
        raise ModelUntrustedError(
            f"The model file '{source}' cannot be opened by ONNX Runtime: {error}"
        ) from error
    # Without a driver ONNX Runtime silently hands back the CPU, even if only CUDA was asked for.
    if device_id is not None and session.get_providers()[0] != "CUDAExecutionProvider":
        raise no_cuda(device_id)
    return session


def require_cuda(index: int) -> None:
    """Make sure that ONNX Runtime was built for CUDA and that a driver knows GPU `index`.

    Raises:
        NoGpuError: if not.
    """
    if "CUDAExecutionProvider" not in ort.get_available_providers() or index >= cuda_devices():
        raise no_cuda(index)


def no_cuda(device_id: int | None) -> NoGpuError:
    """What is said when ONNX Runtime cannot use the GPU that was asked for."""
    return NoGpuError(
        f"ONNX Runtime cannot use GPU {device_id}. Check the NVIDIA driver and CUDA libraries "
        "(pip install 'stembridge[cuda]'), or run without --gpu."
    )


class OnnxCodec:
    """All encoders and decoders of an artifact.

    Args:
        encoders: stem -> file name.
        decoders: stem -> file name.
        files: file name -> verified bytes.
        device_id: CUDA device, or None for the CPU.
        threads: CPU threads per session.
    """

    def __init__(
        self,
        encoders: Mapping[str, str],
        decoders: Mapping[str, str],
        files: Mapping[str, bytes],
        *,
        device_id: int | None = None,
        threads: int = 1,
    ) -> None:
        def opened(table: Mapping[str, str], given: str, made: str) -> dict[str, OnnxNetwork]:
            networks = {
                name: OnnxNetwork(
                    files[name], name, given, made, device_id=device_id, threads=threads
                )
                for name in set(table.values())
            }
            return {stem: networks[name] for stem, name in table.items()}

        if device_id is not None:
            ort.preload_dlls()  # torch's own CUDA libraries, where it is imported by now, or pip's
        self._encoders = opened(encoders, "audio", "latents")
        self._decoders = opened(decoders, "latents", "audio")

    def encode(self, stem: str, audio: FloatArray) -> FloatArray:
        """Audio [B, n_samples] -> scaled latents [B, C, F]."""
        return self._encoders[stem](audio)

    def decode(self, stem: str, latents: FloatArray) -> FloatArray:
        """Scaled latents [B, C, F] -> audio [B, n]."""
        return self._decoders[stem](latents)
