"""The preconditioned denoiser as TorchScript: the only importer of torch on the serving side.

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


class TorchScriptDenoiser:
    """D(x, sigma, conditions) from the verified bytes of a `.ts` file.

    Weights stored as float16 are cast to float32 when opened; all arithmetic is float32.

    Args:
        data: the verified bytes.
        source: the file's name, for messages.
        device_id: CUDA device, or None for the CPU.
        threads: CPU threads (torch keeps one count per process).

    Raises:
        ModelUntrustedError: if the bytes are no TorchScript module.
    """

    def __init__(
        self, data: bytes, source: str, *, device_id: int | None = None, threads: int = 1
    ) -> None:
        self.device = "cpu" if device_id is None else f"cuda:{device_id}"
        torch.set_num_threads(threads)
        # The profiling executor re-optimises on the first calls at every new shape, which costs
        # seconds per request length and gains nothing here (measured in tests/runtime).
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

    def __call__(self, x: FloatArray, sigma: FloatArray, conditions: FloatArray) -> FloatArray:
        """Denoise x [B, S, C, F] at sigma [B, S, F] under conditions [B, K, F]."""
        with translated(self.device), torch.inference_mode():
            given = [self._tensor(array) for array in (x, sigma, conditions)]
            denoised: FloatArray = self._module(*given).cpu().numpy()
        return denoised

    def _tensor(self, array: FloatArray) -> torch.Tensor:
        contiguous = np.ascontiguousarray(array, dtype=np.float32)
        return torch.from_numpy(contiguous).to(self.device)


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
