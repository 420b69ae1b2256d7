"""Draw the device's presentation view: writes presentation.svg beside this file.

presentation.png is that picture as Chromium shows it: chromium --headless --disable-gpu
--force-device-scale-factor=3 --window-size=660,189 --hide-scrollbars
--screenshot=presentation.png presentation.svg
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from m4l.container import read_device  # noqa: E402 - the script's own folder must be on the path first
from m4l.picture import draw  # noqa: E402

if __name__ == "__main__":
    device = read_device((HERE / "StemBridge.amxd").read_bytes())
    (HERE / "presentation.svg").write_text(draw(device.patcher), encoding="utf-8")
