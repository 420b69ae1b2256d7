"""A trace that names its device would fail on every other one."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch

from stembridge.nn.exporting_torchscript import write_torchscript
from stembridge.nn.registry import build

GIVEN = (torch.randn(2, 4, 3, 16), torch.rand(2, 4, 16), torch.randn(2, 20, 16))


class Bound(torch.nn.Module):
    def forward(self, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return x + torch.arange(x.shape[3], device=x.device)


def test_a_constant_on_the_cpu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bound\.ts would run on this device only"):
        write_torchscript(Bound(), GIVEN, tmp_path / "bound.ts", float16=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("backbone", {"stems": 4, "channels": 3, "conditions": 20, "width": 16, "heads": 2,
                      "dilations": [1, 0], "level_features": 8, "sigma_data": 1.0}),
        ("style_classifier", {"stems": 4, "channels": 3, "styles": 2, "frame_s": 0.05}),
    ],
)  # fmt: skip
def test_the_networks_are_bound_to_no_device(
    kind: str, fields: dict[str, object], tmp_path: Path
) -> None:
    module = build(kind, fields).eval()
    write_torchscript(module, GIVEN, tmp_path / "free.ts", float16=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        opened = torch.jit.load(tmp_path / "free.ts")
    # A constant that sits on a device is the only way to be bound to it; no GPU is here to try.
    assert "prim::Constant" in str(opened.inlined_graph)
    assert "Device = prim::Constant" not in str(opened.inlined_graph)
    torch.testing.assert_close(opened(*GIVEN), module(*GIVEN))
