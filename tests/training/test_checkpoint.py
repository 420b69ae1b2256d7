"""Training state: what goes in comes out, in one file."""

from pathlib import Path

import torch
from torch import nn

from stembridge.training.checkpoint import (
    STATE_NAME,
    load_state,
    module_tensors,
    optimizer_tensors,
    restore_optimizer,
    save_state,
    under,
)


def trained(
    steps: int, module: nn.Module, optimizer: torch.optim.Optimizer, first: int = 0
) -> None:
    for step in range(first, first + steps):
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        module(x).square().mean().backward()
        optimizer.step()


def fresh() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    module = nn.Linear(3, 2)
    return module, torch.optim.AdamW(module.parameters(), 1e-2)


def test_nothing_there_is_no_state(tmp_path: Path):
    assert load_state(tmp_path) is None


def test_a_run_goes_on_bit_for_bit(tmp_path: Path):
    straight, optimizer = fresh()
    trained(6, straight, optimizer)

    module, optimizer = fresh()
    trained(3, module, optimizer)
    tensors = module_tensors("net", module) | optimizer_tensors("opt", optimizer)
    save_state(tmp_path, tensors, {"step": 3})
    assert [path.name for path in tmp_path.iterdir()] == [STATE_NAME]

    module, optimizer = fresh()
    state = load_state(tmp_path)
    assert state is not None
    tensors, facts = state
    module.load_state_dict(under("net", tensors))
    restore_optimizer(optimizer, under("opt", tensors))
    trained(3, module, optimizer, first=facts["step"])
    for one, other in zip(module.parameters(), straight.parameters(), strict=True):
        assert torch.equal(one, other)


def test_prefixes_do_not_swallow_each_other():
    tensors = {"net.weight": torch.zeros(1), "network.weight": torch.ones(1)}
    assert list(under("net", tensors)) == ["weight"]
    assert under("net", tensors)["weight"].item() == 0
