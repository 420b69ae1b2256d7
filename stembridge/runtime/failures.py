"""Device failures of torch and ONNX Runtime, told as stembridge errors.

Neither library has one exception type for "out of memory" or "the GPU is gone" on every device
(ONNX Runtime's derive from Exception alone), so their messages decide. All else passes unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stembridge.errors import DeviceLostError, OutOfMemoryError, StembridgeError

_OUT_OF_MEMORY = ("out of memory", "allocate memory", "bad_alloc", "alloc_failed")
_DEVICE_LOST = ("cuda error", "cuda failure", "cudnn_status", "cublas_status", "device-side assert")


def device_failure(error: Exception, device: str) -> StembridgeError | None:
    """What an error says about `device` ("cpu", "cuda:N"); None if nothing."""
    said = f"{type(error).__name__}: {error}".lower()
    if isinstance(error, MemoryError) or any(words in said for words in _OUT_OF_MEMORY):
        return OutOfMemoryError(
            f"The memory of {device} is full. Ask for fewer bars or variations, or close "
            "other programs that use it."
        )
    if any(words in said for words in _DEVICE_LOST):
        return DeviceLostError(f"The device {device} stopped answering; it starts anew.")
    return None


@contextmanager
def translated(device: str) -> Iterator[None]:
    """Raise OutOfMemoryError or DeviceLostError for what a network call on `device` throws."""
    try:
        yield
    except StembridgeError:
        raise
    except Exception as error:
        known = device_failure(error, device)
        if known is None:
            raise
        raise known from error
