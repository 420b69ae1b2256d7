"""Which device the networks run on, and with how many threads."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from dataclasses import dataclass

from stembridge.errors import BadArgsError

_CUDA = re.compile(r"cuda:(\d{1,3})")
_MOST_THREADS = 8
_SMALL_DENOISER_BYTES = 128 << 20


@dataclass(frozen=True)
class Threads:
    """CPU threads of each network; None chooses by the machine and the network's size.

    Attributes:
        codec: threads of every encoder and decoder session.
        denoiser: threads of the denoiser. torch keeps one count for the whole process, so the
            last model loaded decides.
        cores: how many cores this process may fill; None is all of them.
    """

    codec: int | None = None
    denoiser: int | None = None
    cores: int | None = None

    def codec_count(self) -> int:
        """Threads for ONNX Runtime: every core, since stems are decoded one after the other."""
        return self.codec or self._cores()

    def denoiser_count(self, n_bytes: int) -> int:
        """Threads for a denoiser whose stored file has `n_bytes`.

        Small networks spend their time in many small products: one thread was measured faster at
        batch 1 than two. The items of a batch, such as the windows of a long take, share the cores.
        Large ones take every core.
        """
        return self.denoiser or (1 if n_bytes < _SMALL_DENOISER_BYTES else self._cores())

    def side_by_side_count(self, each: int) -> int:
        """How many networks of `each` threads run at once."""
        return max(1, self._cores() // each)

    def _cores(self) -> int:
        return max(1, min(_MOST_THREADS, self.cores or os.cpu_count() or 1))


def share_of_cores(workers: int) -> int:
    """How many cores each of several processes side by side may fill."""
    return max(1, (os.cpu_count() or 1) // workers)


def cuda_index(device: str) -> int | None:
    """N of "cuda:N", or None for "cpu" and "auto".

    Raises:
        BadArgsError: for any other word.
    """
    if device in ("cpu", "auto"):
        return None
    match = _CUDA.fullmatch(device)
    if match is None:
        raise BadArgsError(f"Unknown device '{device}': say cpu, auto or cuda:0, cuda:1, ….")
    return int(match[1])


def cuda_devices() -> int:
    """GPUs that the NVIDIA driver knows, asked without torch; 0 where there is no driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    except (OSError, AttributeError):
        return 0
    return 0 if failed else count.value
