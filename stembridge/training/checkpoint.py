"""The state of a training run in one file that is complete or absent: tensors and JSON facts.

safetensors holds no code, and its header carries the facts, so there is no second file that could
belong to another step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

STATE_NAME = "state.safetensors"


def save_state(folder: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Path:
    """Write the state file atomically; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    partial = folder / f".{STATE_NAME}.partial"
    partial.write_bytes(save(contiguous, metadata={"facts": json.dumps(dict(facts))}))
    path = folder / STATE_NAME
    partial.replace(path)
    return path


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and facts of the state file, or None if there is none."""
    path = folder / STATE_NAME
    if not path.is_file():
        return None
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts: dict[str, Any] = json.loads(file.metadata()["facts"])
    return tensors, facts


def saved_facts(folder: Path) -> dict[str, Any]:
    """Facts of a state file that is there, without its tensors."""
    with safe_open(folder / STATE_NAME, framework="pt") as file:
        facts: dict[str, Any] = json.loads(file.metadata()["facts"])
    return facts


def module_tensors(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """State of a module under "prefix."."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def optimizer_tensors(prefix: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments and step counts of an optimizer under "prefix.index.name"."""
    return {
        f"{prefix}.{index}.{name}": torch.as_tensor(value)
        for index, entry in optimizer.state_dict()["state"].items()
        for name, value in entry.items()
    }


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors below a prefix, without it."""
    start = f"{prefix}."
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Inverse of `optimizer_tensors` (prefix removed); settings stay the optimizer's own."""
    entries: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition(".")
        entries.setdefault(int(index), {})[name] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": entries, "param_groups": groups})
