"""Write the preconditioned denoiser as denoiser.ts, with its part of the manifest.

python export/torchscript.py --checkpoint DIR --out ARTIFACT [--float16]
python export/torchscript.py --preset msldm --random --out ARTIFACT
"""

from __future__ import annotations

import sys
from pathlib import Path

# Its neighbour onnx.py must not be imported in place of the onnx package.
sys.path[:] = [p for p in sys.path if Path(p).resolve() != Path(__file__).resolve().parent]

import argparse  # noqa: E402
from collections.abc import Sequence  # noqa: E402

from stembridge.nn.exporting_denoiser import export_denoiser  # noqa: E402
from stembridge.nn.sources import add_source_arguments, denoiser, has_source  # noqa: E402


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_source_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="the artifact's folder")
    parser.add_argument(
        "--float16", action="store_true", help="store weights as float16: half the file"
    )
    return parser


def run(argv: Sequence[str] | None = None) -> int:
    """Export; returns the exit status."""
    parser = get_parser()
    args = parser.parse_args(argv)
    if not has_source(args):
        parser.error("give --checkpoint or --preset")
    args.out.mkdir(parents=True, exist_ok=True)
    network = denoiser(args)
    missing = export_denoiser(args.out, network, format="torchscript", float16=args.float16)
    size_mb = (args.out / "denoiser.ts").stat().st_size / 1e6
    print(f"{args.out / 'denoiser.ts'}: {size_mb:.1f} MB")
    print(f"the manifest still lacks: {', '.join(missing)}" if missing else "artifact complete")
    return 0


if __name__ == "__main__":
    sys.exit(run())
