"""From a folder on the disk to an open engine: check first, then open."""

from __future__ import annotations

from pathlib import Path

from stembridge.engines.facts import EngineFacts, SoundEngine
from stembridge.engines.folder import check_folder, engine_manifest
from stembridge.errors import MissingExtraError, NoGpuError
from stembridge.runtime.device import Threads, cuda_index


def open_engine(
    folder: Path, facts: EngineFacts, device: str = "auto", threads: Threads | None = None
) -> SoundEngine:
    """Open an engine.

    Args:
        folder: as it was downloaded.
        facts: what it is (`engine_in`).
        device: "cpu", "cuda:N", or "auto": GPU 0 where torch can use it, else the CPU.
        threads: on the CPU; None chooses.

    Raises:
        MissingExtraError: the libraries are not installed.
        NoSuchFileError, ModelUntrustedError: the folder lacks something, or holds a program.
        NoGpuError: a GPU was asked for by number and cannot be used.
    """
    check_folder(folder)
    place = _device(device, threads or Threads())
    manifest = engine_manifest(folder, facts)
    if facts.kind.startswith("musicgen"):
        from stembridge.engines.musicgen import MusicGen

        return MusicGen(folder, facts, manifest, place)
    from stembridge.engines.diffused import Diffused

    return Diffused(folder, facts, manifest, place)


def _device(word: str, threads: Threads) -> str:
    index = cuda_index(word)
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(
            "Engines need PyTorch: pip install 'stembridge[engines]'."
        ) from error
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index is not None and index >= found:
        raise NoGpuError(f"There is no GPU {index} (torch finds {found}). Leave out --gpu.")
    if word == "cpu" or not found:
        torch.set_num_threads(threads.codec_count())
        return "cpu"
    return f"cuda:{index or 0}"
