"""Prove that an artifact computes what its torch networks computed.

python export/verify.py ARTIFACT [--device cpu|cuda:0]
python export/verify.py ARTIFACT --preset msldm --random      (torch's networks at hand: also
python export/verify.py ARTIFACT --checkpoint DENOISER_DIR     compared at other shapes, and the
                                                               denoiser in its other format)

Prints the relative error of every network on fixed noise; the exit status is 1 above 1e-4, and
0.05 where products are done in 8 bits.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Its neighbour onnx.py must not be imported in place of the onnx package.
sys.path[:] = [p for p in sys.path if Path(p).resolve() != Path(__file__).resolve().parent]

import argparse  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

from stembridge.errors import StembridgeError  # noqa: E402
from stembridge.nn import parity, sources  # noqa: E402
from stembridge.nn.exporting import codec_modules, rounded  # noqa: E402
from stembridge.nn.exporting_denoiser import SUFFIXES, Format, answer_in  # noqa: E402
from stembridge.nn.verifying import check_artifact  # noqa: E402
from stembridge.runtime.manifest import Manifest, read_manifest  # noqa: E402


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--device", default="cpu", help="cpu, cuda:N or auto")
    sources.add_source_arguments(parser)
    return parser


def _live(args: argparse.Namespace, manifest: Manifest) -> dict[str, Callable[..., np.ndarray]]:
    """File name -> torch network, for those that a preset or a checkpoint gives."""
    modules: dict[str, torch.nn.Module] = {}
    if args.preset:
        for codec in sources.codecs(args):
            encoder, decoder = codec_modules(codec.network.module)
            stem = codec.stems[0]
            modules |= {manifest.encoders[stem]: encoder, manifest.decoders[stem]: decoder}
    denoiser = sources.denoiser(args).module
    half = manifest.denoiser_dtype == "float16"
    modules[manifest.denoiser] = rounded(denoiser) if half else denoiser
    return {name: _numpy(module) for name, module in modules.items()}


def _other_format(module: torch.nn.Module, manifest: Manifest) -> parity.Deviation:
    """The denoiser written in the format that the artifact does not use, against torch."""
    format: Format = "torchscript" if manifest.denoiser_format == "onnx" else "onnx"
    half = manifest.denoiser_dtype == "float16"
    module = (rounded(module) if half else module).eval()
    n_frames = parity.reference_frames(manifest.frame_multiple)
    given = parity.manifest_input(manifest, 2, n_frames)
    found = answer_in(format, module, given, half)
    name = f"denoiser{SUFFIXES[format]} (the other format)"
    return parity.deviation(name, found, _numpy(module)(*given))


def _numpy(module: torch.nn.Module) -> Callable[..., np.ndarray]:
    def call(*arrays: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            result: np.ndarray = module(*(torch.from_numpy(array) for array in arrays)).numpy()
        return result

    return call


def run(argv: Sequence[str] | None = None) -> int:
    """Verify; returns the exit status."""
    args = get_parser().parse_args(argv)
    with_source = sources.has_source(args)
    try:
        manifest = read_manifest(args.artifact)
        live = _live(args, manifest) if with_source else None
        found = check_artifact(args.artifact, args.device, live)
    except StembridgeError as error:
        print(error)
        return 1
    if with_source:
        found.append(_other_format(sources.denoiser(args).module, manifest))
    print(f"{manifest.name} on {args.device}, relative errors:")
    for one in found:
        verdict = "ok" if one.acceptable else "TOO LARGE"
        print(
            f"  {one.name:45} {one.euclidean:9.2e}  largest {one.largest:9.2e}  "
            f"limit {one.limit:g}: {verdict}"
        )
    return 0 if all(one.acceptable for one in found) else 1


if __name__ == "__main__":
    sys.exit(run())
