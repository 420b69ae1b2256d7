"""What a run will cost is counted rightly, and no step is tried that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from stembridge.cli import main
from stembridge.nn.presets import PRESETS, Preset, shrunk
from stembridge.nn.sources import preset_codec, preset_denoiser
from stembridge.training import dry_run
from stembridge.training.preset_run import Order


@pytest.mark.parametrize("preset", [PRESETS["tiny"], shrunk(PRESETS["msg-ld"])])
def test_what_is_counted_is_what_is_built(preset: Preset):
    cost = dry_run.cost_of(preset)
    built = [preset_denoiser(preset, 0).module, preset_codec(preset, 0).module]
    counts = [sum(p.numel() for p in module.parameters()) for module in built]
    assert [cost.parameters, cost.codec_parameters] == counts
    # Weights, gradients, two means and the average, four bytes each; windows come on top.
    assert cost.memory_bytes(0) > 20 * cost.parameters
    assert cost.memory_bytes(3) - cost.memory_bytes(2) == pytest.approx(
        dry_run._SPARE * cost.window_bytes, abs=2
    )
    assert cost.window_flops > 6 * cost.parameters / preset.unet.frame_multiple


def test_steps_are_tried_and_learn_where_they_fit(monkeypatch: pytest.MonkeyPatch):
    preset, said = PRESETS["tiny"], []
    training = Order(preset, Path(), Path()).denoiser
    dry_run.dry_run(preset, training, said.append)
    assert "513,112 parameters, 153,070 in its codec" in said[0]
    assert "tried with one window: loss" in said[3]
    tried = dry_run.try_steps(preset, training, 5)
    assert tried.losses[-1] < tried.losses[0]
    monkeypatch.setattr(dry_run, "free_bytes", lambda: 1000)
    monkeypatch.setattr(dry_run, "try_steps", None)
    dry_run.dry_run(preset, training, said.append)
    assert said[-1].startswith("No step is tried")


def test_a_dry_run_needs_no_music_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["train", "preset", "tiny", "--dry-run"])
    assert not ended.value.code
    assert "tiny: 513,112" in "".join(capsys.readouterr())
    assert not list(tmp_path.iterdir())
    with pytest.raises(SystemExit) as ended:
        main(["train", "preset", "tiny"])
    assert ended.value.code == 2
    assert "Say what to learn from with --data" in capsys.readouterr().err
