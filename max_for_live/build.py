"""Build the Max for Live device from its text sources.

    python max_for_live/build.py            writes StemBridge.amxd (release) and dev/ (development)
    python max_for_live/build.py --check    exits 1 if the committed release device is not this one

The release device carries its script ("frozen"); the development device in dev/ reads the script
that lies beside it, so that it can be edited while Live runs. The same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from m4l.bundle import bundle  # noqa: E402 - the script's own folder must be on the path first
from m4l.container import File, frozen_device, plain_device  # noqa: E402
from m4l.patcher import SCRIPT, build_patcher  # noqa: E402
from m4l.tables import NAME as TABLES  # noqa: E402
from m4l.tables import tables_js  # noqa: E402

DEVICE = "StemBridge.amxd"
VERSION = "0.1.0"


def release_bytes() -> bytes:
    """The frozen device."""
    script = bundle(HERE / "src", VERSION).encode()
    return frozen_device(DEVICE, build_patcher(), [File(SCRIPT, b"TEXT", script)])


def main(arguments: list[str] | None = None) -> int:
    """Build or check; the exit status."""
    parser = argparse.ArgumentParser(description="Build the StemBridge Max for Live device.")
    parser.add_argument("--check", action="store_true", help="compare only; write nothing")
    options = parser.parse_args(arguments)
    data, target = release_bytes(), HERE / DEVICE
    tables = HERE / "src" / TABLES
    if options.check:
        is_same = target.is_file() and target.read_bytes() == data
        is_same = is_same and tables.read_text(encoding="utf-8") == tables_js()
        print(f"{target.name} is {'up to date' if is_same else 'not what the sources build'}.")
        return 0 if is_same else 1
    tables.write_text(tables_js(), encoding="utf-8")
    target.write_bytes(data)
    dev = HERE / "dev"
    dev.mkdir(exist_ok=True)
    (dev / f"StemBridge-dev{target.suffix}").write_bytes(plain_device(build_patcher()))
    (dev / SCRIPT).write_bytes(bundle(HERE / "src", VERSION).encode())
    print(f"Wrote {target.name} ({len(data)} bytes) and {dev.name}/.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
