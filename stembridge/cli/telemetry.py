"""The doctor's check that no library reports home."""

from __future__ import annotations

import tempfile
from pathlib import Path

from stembridge.cli.finding import Finding, ask_child

# The child imports stembridge first, as every entry point does; a CI variable would hide the fault.
_PROGRAM = """
import json, os
for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA"):
    os.environ[name] = {home!r}
os.environ.pop("CI", None)
import onnxruntime
print(json.dumps("off"))
"""


def check_telemetry() -> Finding:
    """Imports ONNX Runtime in an empty home folder and looks for what it left there."""
    with tempfile.TemporaryDirectory() as home:
        found, sentence = ask_child(_PROGRAM.format(home=home))
        left = sorted(path.name for path in Path(home).rglob("*") if path.is_file())
    if found is None:
        return Finding("telemetry", "note", "cannot be asked: ONNX Runtime does not load", sentence)
    if left:
        advice = "Set ORT_DISABLE_TELEMETRY=1 in your environment, and report this."
        return Finding("telemetry", "fail", f"ONNX Runtime leaves {', '.join(left)}", advice)
    return Finding("telemetry", "ok", "off; nothing leaves this machine")
