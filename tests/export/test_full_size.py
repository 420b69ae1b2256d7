"""The paper's full MSLDM, with random weights: export, parity, and nothing left behind."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "export"


def script(name: str, *arguments: object) -> str:
    command = [sys.executable, str(SCRIPTS / name), *map(str, arguments)]
    # One process per script: its memory is free again before the next one starts.
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.full_size
def test_msldm_exports_and_agrees_with_torch(tmp_path: Path):
    out = tmp_path / "msldm"
    source = ("--preset", "msldm", "--random")
    try:
        script("onnx.py", *source, "--out", out)
        script("torchscript.py", *source, "--out", out)
        assert (out / "denoiser.ts").stat().st_size > 4 * 364_416_864
        found = re.findall(r"(\S+) .*?([0-9.e+-]+)  largest", script("verify.py", out))
    finally:
        for path in out.glob("*"):
            path.unlink()
    errors = {name: float(error) for name, error in found}
    assert set(errors) == {"encoder.onnx", "decoder.onnx", "denoiser.ts"}
    assert max(errors.values()) <= 1e-4
