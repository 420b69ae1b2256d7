"""A session on the default model, to be watched: a daemon, arrange, doctor, and the library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stembridge.paths import pretrained_dir
from stembridge.selftest.house import DaemonProcess

CLI = (sys.executable, "-c", "from stembridge.cli import main; main()")
LIBRARY = "from stembridge.runtime.load import load_model; load_model(device='cpu')"


def main(folder: Path) -> None:
    with DaemonProcess(folder, model=str(pretrained_dir())) as daemon:
        daemon.wait_ready()
        out = ("--out", str(folder / "takes"))
        bass = ("--cpu", "--generate", "bass", "--bpm", "120", "--bars", "1")
        for command in (
            (*CLI, "arrange", *bass, *out),
            (*CLI, "doctor", "--port", str(daemon.port)),
            (sys.executable, "-c", LIBRARY),
        ):
            subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)
        if daemon.stop() != 0:
            raise SystemExit("".join(daemon.lines))


main(Path(sys.argv[1]))
