"""Write a codec as encoder.onnx and decoder.onnx, or a denoiser as denoiser.onnx.

Their part of the manifest is written with them; a denoiser's weights go into weights.safetensors,
which denoiser.onnx refers to.

python export/onnx.py --checkpoint DIR --out ARTIFACT
python export/onnx.py --checkpoint bass=DIR --checkpoint drums=DIR … --out ARTIFACT
python export/onnx.py --preset msldm --random --out ARTIFACT
python export/onnx.py --denoiser --checkpoint DIR --out ARTIFACT [--float16]
"""

from __future__ import annotations

import sys
from pathlib import Path

# This script is called onnx.py and its folder is the first place Python looks for modules, so it
# would be imported in place of the onnx package.
sys.path[:] = [p for p in sys.path if Path(p).resolve() != Path(__file__).resolve().parent]

import argparse  # noqa: E402
from collections.abc import Sequence  # noqa: E402

from stembridge.nn.exporting import export_codec  # noqa: E402
from stembridge.nn.exporting_denoiser import WEIGHTS_NAME, export_denoiser  # noqa: E402
from stembridge.nn.sources import (  # noqa: E402
    add_source_arguments,
    codecs,
    denoiser,
    has_source,
)


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_source_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="the artifact's folder")
    parser.add_argument(
        "--denoiser", action="store_true", help="write the denoiser instead of the codec"
    )
    parser.add_argument(
        "--float16", action="store_true", help="store the denoiser's weights as float16"
    )
    parser.add_argument(
        "--legacy", action="store_true", help="PyTorch's old TorchScript-based ONNX exporter"
    )
    return parser


def run(argv: Sequence[str] | None = None) -> int:
    """Export; returns the exit status."""
    parser = get_parser()
    args = parser.parse_args(argv)
    if not has_source(args):
        parser.error("give --checkpoint or --preset")
    args.out.mkdir(parents=True, exist_ok=True)
    missing: list[str] = []
    if args.denoiser:
        missing = export_denoiser(args.out, denoiser(args), float16=args.float16)
        size_mb = (args.out / WEIGHTS_NAME).stat().st_size / 1e6
        print(f"{args.out / 'denoiser.onnx'}: its weights {size_mb:.1f} MB")
    for codec in [] if args.denoiser else codecs(args):
        missing = export_codec(args.out, codec, legacy=args.legacy)
        print(f"encoder and decoder of {', '.join(codec.stems)}: {args.out}")
    print(f"the manifest still lacks: {', '.join(missing)}" if missing else "artifact complete")
    return 0


if __name__ == "__main__":
    sys.exit(run())
