"""Denoiser and style classifier as TorchScript: the only importer of torch on the serving side.

Why TorchScript although PyTorch now calls it deprecated in favour of torch.export: it opens from
bytes in memory, needs no compiler at the user's machine, and one file runs on CPU and CUDA. This
adapter and one export script are all that knows it.
"""

from __future__ import annotations

import io
import warnings

import numpy as np
import torch

from stembridge.errors import ModelUntrustedError, NoGpuError
from stembridge.runtime.failures import translated
from stembridge.runtime.model import FloatArray


class TorchScriptNetwork:
    """A network of several arrays from the verified bytes of a `.ts` file.

    Weights stored as float16 are cast to float32 when opened; arithmetic is float32 unless
    `bfloat16` is asked for.

    Args:
        data: the verified bytes.
        source: the file's name, for messages.
        device_id: CUDA device, or None for the CPU.
        threads: CPU threads (torch keeps one count per process).
        bfloat16: multiply matrices in bfloat16, which CPUs with AMX and GPUs do faster.

    Raises:
        ModelUntrustedError: if the bytes are no TorchScript module.
    """

    def __init__(
        self,
        data: bytes,
        source: str,
        *,
        device_id: int | None = None,
        threads: int = 1,
        bfloat16: bool = False,
    ) -> None:
        self.device = "cpu" if device_id is None else f"cuda:{device_id}"
        self._autocast = torch.autocast(self.device.partition(":")[0], torch.bfloat16, bfloat16)
        torch.set_num_threads(threads)
        # The profiling executor optimises anew on the first two calls at every new shape, that is
        # for every length of request, and gains nothing here: measured on a 12.8 M network, 63 ms
        # a call with it or without, first calls 106 and 98 ms with it.
        torch._C._jit_set_profiling_executor(False)
        try:
            with warnings.catch_warnings(), translated(self.device):
                warnings.simplefilter("ignore", DeprecationWarning)
                module = torch.jit.load(io.BytesIO(data), map_location=self.device)  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError) as error:
            raise ModelUntrustedError(
                f"The model file '{source}' is no TorchScript network."
            ) from error
        self._module = module.float().eval()

    def __call__(self, *arrays: FloatArray) -> FloatArray:
        """Run it on latents [B, S, C, F], levels [B, S, F], conditions [B, K, F] (and tokens).

        Levels are the denoiser's sigma, or what is given to the style classifier.
        """
        with translated(self.device), torch.inference_mode(), self._autocast:
            tensors = [self._tensor(array) for array in arrays]
            answer: FloatArray = self._module(*tensors).float().cpu().numpy()
        return answer

    def _tensor(self, array: FloatArray) -> torch.Tensor:
        # Writable too, although nobody writes: torch warns of arrays that are not.
        owned = np.require(array, np.float32, ["C", "W"])
        return torch.from_numpy(owned).to(self.device)


def require_cuda(index: int) -> None:
    """Make sure torch can use GPU `index`.

    Raises:
        NoGpuError: saying what is missing.
    """
    if not torch.cuda.is_available():
        built = "no NVIDIA driver answers" if torch.version.cuda else "this torch is CPU-only"
        raise NoGpuError(f"GPU {index} cannot be used: {built}. Run without --gpu to use the CPU.")
    if index >= torch.cuda.device_count():
        raise NoGpuError(
            f"There is no GPU {index}: this machine has {torch.cuda.device_count()} "
            "(counted from 0)."
        )
