"""The picture of the presentation view is of the committed device."""

from __future__ import annotations

from live_stage import DEVICE_FOLDER
from m4l.container import Device
from m4l.metrics import text_width
from m4l.picture import draw, wrap


def test_the_committed_picture_is_of_this_device(device: Device) -> None:
    assert (DEVICE_FOLDER / "presentation.svg").read_text(encoding="utf-8") == draw(device.patcher)
    assert (DEVICE_FOLDER / "presentation.png").read_bytes().startswith(b"\x89PNG")


def test_long_texts_break_into_lines() -> None:
    lines = wrap("a text that is too long for a single line of this width", 100, 9.5)
    assert len(lines) > 1 and all(text_width(line, 9.5) <= 100 for line in lines)
