"""Torch networks as TorchScript files, without local names."""

from __future__ import annotations

import copy
import warnings
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn


def write_torchscript(
    module: nn.Module, given: tuple[Tensor, ...], path: Path, float16: bool
) -> None:
    """Trace a network in evaluation mode and save it; parameters as float16 if asked to."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the deprecation of torch.jit, see torchscript_model
        if float16:
            module = copy.deepcopy(module)  # a trace shares its parameters, which are halved
        traced = torch.jit.trace(module, given, check_trace=False)  # verify.py compares it
        if "Device = prim::Constant" in str(traced.inlined_graph):
            raise ValueError(f"{path.name} would run on this device only: its trace names it")
        if float16:
            _halve(traced)
        _save_bare(traced, path)


def _save_bare(traced: torch.jit.ScriptModule, path: Path) -> None:
    """Save TorchScript without its debug records: they name files of this machine."""
    full, partial = path.with_name(f".{path.name}.full"), path.with_name(f".{path.name}.partial")
    torch.jit.save(traced, full)
    with zipfile.ZipFile(full) as source, zipfile.ZipFile(partial, "w") as target:
        for entry in source.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                _copy_aligned(source.read(entry), entry.filename, target)
    full.unlink()
    partial.replace(path)


def _copy_aligned(data: bytes, name: str, target: zipfile.ZipFile) -> None:
    """Store one entry with its data at a multiple of 64 bytes, as torch writes its archives."""
    entry = zipfile.ZipInfo(name)
    fixed_header, field_header = 30, 4
    start = target.start_dir + fixed_header + len(name.encode()) + field_header
    padding = -start % 64
    # An extra field of an unregistered kind ("FB", the one torch pads with) shifts the data.
    entry.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
    target.writestr(entry, data)


def _halve(module: nn.Module) -> None:
    # Parameters only: buffers may be tables that need their precision, and are small.
    for parameter in module.parameters():
        parameter.data = parameter.data.half()
