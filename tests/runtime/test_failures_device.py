"""Device words, thread counts, and what device failures are called."""

import pytest

from stembridge.errors import BadArgsError, DeviceLostError, NoSuchFileError, OutOfMemoryError
from stembridge.runtime.device import Threads, cuda_index
from stembridge.runtime.failures import translated


def test_device_words():
    assert cuda_index("cpu") is None
    assert cuda_index("auto") is None
    assert cuda_index("cuda:3") == 3
    for word in ("cuda", "cuda:", "cuda:-1", "cuda:0x", "gpu", "CPU", ""):
        with pytest.raises(BadArgsError, match="cuda:0"):
            cuda_index(word)


def test_thread_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert Threads().codec_count() == 6
    assert Threads().denoiser_count(30 << 20) == 1
    assert Threads().denoiser_count(1 << 30) == 6
    assert Threads(codec=2, denoiser=3).codec_count() == 2
    assert Threads(codec=2, denoiser=3).denoiser_count(1) == 3
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert Threads().codec_count() == 1
    monkeypatch.setattr("os.cpu_count", lambda: 96)
    assert Threads().codec_count() == 8


@pytest.mark.parametrize(
    ("thrown", "told"),
    [
        (MemoryError(), OutOfMemoryError),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), OutOfMemoryError),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemoryError),
        (RuntimeError("CUDA error: unspecified launch failure"), DeviceLostError),
        (RuntimeError("CUDNN_STATUS_EXECUTION_FAILED"), DeviceLostError),
        (NoSuchFileError("cuda error in the name of a file"), NoSuchFileError),
        (ValueError("a shape"), ValueError),
    ],
)
def test_failures_are_translated(thrown: Exception, told: type[Exception]):
    with pytest.raises(told) as caught, translated("cuda:0"):
        raise thrown
    if told in (OutOfMemoryError, DeviceLostError):
        assert "cuda:0" in str(caught.value)
        assert caught.value.__cause__ is thrown
