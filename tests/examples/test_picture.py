"""The picture of a take that the README shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stembridge.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "picture_of_a_take.py"


def test_a_take_is_drawn(tmp_path: Path) -> None:
    asked = ["--generate", "bass,drums", "--bpm", "93", "--bars", "2", "--time-signature", "7/8"]
    try:
        main(["arrange", *asked, "--model", "fake:", "--name", "take", "--out", str(tmp_path)])
    except SystemExit as ended:
        assert not ended.code
    picture = tmp_path / "take.png"
    (receipt,) = tmp_path.glob("*/receipt.json")
    command = [sys.executable, str(EXAMPLE), str(receipt.parent), str(picture)]
    subprocess.run(command, check=True, timeout=240)
    head = picture.read_bytes()[:26]
    assert head.startswith(b"\x89PNG")
    assert (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) == (840, 2 * 84 + 6)
