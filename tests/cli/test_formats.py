"""The denoiser's formats side by side, on a small model of the default's kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_artifact import export_hearing

from stembridge.cli import formats
from stembridge.errors import BadArgsError, NoSuchFileError


def test_both_formats_are_measured_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "ROUNDS", 1)
    found = formats.compare_formats(export_hearing(tmp_path / "model", "onnx"), 2)
    assert [one["format"] for one in found] == ["onnx", "torchscript"]
    assert [one["imports_torch"] for one in found] == [False, True]
    for one in found:
        assert one["start_s"] > one["denoise_s"] > 0 and one["megabytes"] > 0
    words = formats.as_text(found)
    assert words.count("one call") == 2 and words.count("without torch") == 1


def test_a_model_that_says_nothing_of_its_shape_is_refused(tmp_path: Path) -> None:
    from tiny_artifact import export_tiny

    with pytest.raises(BadArgsError, match="cannot be trained further"):
        formats.compare_formats(export_tiny(tmp_path / "tiny"), 1)
    with pytest.raises(NoSuchFileError):
        formats.compare_formats(Path("fake:"), 1)
