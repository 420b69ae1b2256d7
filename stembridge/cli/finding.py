"""What a check of the doctor returns, and how it asks a library that may hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

CHILD_LIMIT_S = 20.0
Status = Literal["ok", "note", "fail"]


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        name: the link.
        status: "ok"; "note": works without, or nothing to worry about; "fail": must be mended.
        found: what there is, in words.
        advice: what to do, if anything.
    """

    name: str
    status: Status
    found: str
    advice: str = ""


def ask_child(program: str, limit_s: float = CHILD_LIMIT_S) -> tuple[str | None, str]:
    """Run a short Python program that prints JSON text: (its answer or None, what went wrong)."""
    guarded = (
        "import sys\nfrom stembridge.errors import StembridgeError\ntry:\n"
        + "\n".join(f"    {line}" for line in program.strip().splitlines())
        + "\nexcept StembridgeError as error:\n    sys.exit(f'said:{error.sentence}')\n"
    )
    # A library that looks for a JACK server must not start one.
    environment = os.environ | {"JACK_NO_START_SERVER": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", guarded],
            capture_output=True,
            text=True,
            timeout=limit_s,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"The driver did not answer within {limit_s:.0f} s; restart it."
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        return str(json.loads(lines[-1])), ""
    said = [line for line in done.stderr.splitlines() if line.startswith("said:")]
    if said:
        return None, said[-1].removeprefix("said:")
    return None, [f"it ended with status {done.returncode}", *done.stderr.strip().splitlines()][-1]
