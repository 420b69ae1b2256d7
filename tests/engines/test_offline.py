"""Libraries of engines are guests: what they change for themselves stays theirs."""

from __future__ import annotations

import subprocess
import sys

FRESH = """
from stembridge.engines.offline import library
library("transformers", "text")
import torch
from transformers.initialization import meta_device_safe_creation_ops
with meta_device_safe_creation_ops(), torch.device("meta"):
    torch.empty(1)
with torch.device("meta"):
    print(torch.linspace(0, 1, 3).device.type)
"""


def test_a_device_is_still_heeded_after_weights_were_opened() -> None:
    told = subprocess.run(
        [sys.executable, "-c", FRESH], capture_output=True, text=True, timeout=240, check=True
    )
    assert told.stdout.split()[-1] == "meta"
