"""One mixture from its file to the files of its stems, with their receipt. The page to read first.

    mixture ─► listen (networks) ─► part by part: stems of the recording's own sound ─► files

Every stem has the mixture's rate, length and channels, and lies where it lay: put under each other
the stems that were asked for and the rest are the mixture, sample by sample (to the last bit of a
24-bit file for each of them). Long recordings are held in memory as the model hears them, in one
channel; everything else is read, made and written in parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import decibels
from stembridge.pipeline.events import OnEvent, Reporter, ignore
from stembridge.pipeline.receipt import identity_of, versions, write_receipt
from stembridge.pipeline.receipt_reading import RECEIPT_FORMAT
from stembridge.pipeline.separated import (
    REST,
    Files,
    Growing,
    SeparatedFile,
    separation_folder,
)
from stembridge.remarks import Remark
from stembridge.request.room import BYTES_PER_SAMPLE
from stembridge.request.separation import SeparationRequest, separation_to_mapping
from stembridge.roles import check_known
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel
from stembridge.safe_files import ensure_room
from stembridge.separation import (
    Mixture,
    Stretch,
    in_parts,
    method_for,
    open_mixture,
    separator,
    shares_of,
)
from stembridge.separation.chains import Sampled
from stembridge.separation.masked import Masked
from stembridge.separation.parts import Silence

ABSENT = 10 ** (-25 / 10)  # of the mixture's power
UNSURE, RUNAWAY = 0.6, 4.0
FULL_SCALE, CLIPPED_SHARE = 1e-3, 1e-4  # nearer to +-1 than this, and how many samples may be
_SPARE_BYTES = 2**20


def separate(
    request: SeparationRequest,
    model: StemModel,
    out_dir: Path,
    on_event: OnEvent = ignore,
    roots: AllowedRoots | None = None,
) -> list[SeparatedFile]:
    """Take a mixture apart and write its stems.

    Args:
        request: what is asked for.
        model: an open model.
        out_dir: the folder that the stems' folder goes into.
        on_event: told about progress and each finished file; may raise CancelledError.
        roots: the folders the mixture may come from; None allows every place.

    Returns:
        The files: the stems in house order, then the rest.

    Raises:
        StembridgeError: whatever went wrong, in words; no file stays.
    """
    manifest = model.manifest
    method = method_for(manifest, request.method)
    report = Reporter(on_event, 1, shares=shares_of(manifest, method))
    check_known(request.stems, manifest.makes, manifest.name)
    places, folder = roots or AllowedRoots.anywhere(), out_dir / separation_folder(request)
    with open_mixture(request.mix, manifest, places, report) as mixture:
        _ensure_room(out_dir, request, mixture, manifest)
        made, remarks = _write(request, model, method, mixture, folder, report)
    for file in made:
        report.stem(file)
    report.finished()
    receipt = _receipt(request, model, method, mixture, made) | {
        "remarks": [{"words": r.words, **r.to_mapping()} for r in remarks],
        "timings_s": report.seconds(),
    }
    write_receipt(folder, receipt)
    return made


def _write(
    request: SeparationRequest,
    model: StemModel,
    method: str,
    mixture: Mixture,
    folder: Path,
    report: Reporter,
) -> tuple[list[SeparatedFile], tuple[Remark, ...]]:
    """The files, and what there is to say of the mixture."""
    known = model.manifest.makes
    stems = request.stems or known
    chosen = [known.index(stem) for stem in stems]
    file, whole = mixture.file, _Whole()
    work = _work(request, model, method, mixture, report)
    shape = (file.n_channels, file.n_samples)
    with Files(folder, request, stems, shape, file.sample_rate) as files:
        for part in in_parts(file, work):
            taken = part.stems[chosen]
            whole.add(part)
            for stem, samples in zip(stems, taken, strict=True):
                files.growing[stem].add(samples)
            # What a file cannot hold is not lost: it is in the rest.
            files.growing[REST].add(part.recording - _held(taken, request).sum(0))
            report("decode", part.share)
    sure = dict(zip(known, work.sureness or (), strict=False))
    remarks = (*mixture.remarks, *whole.remarks(shape[0] * shape[1]))
    verdicts = {}
    for stem, one in files.growing.items():
        said = _said(stem, one, whole.power, sure.get(stem)) if whole.power else ()
        verdicts[stem] = one.measured(whole.power, sure.get(stem), (*remarks, *said))
    return files.finished(verdicts), remarks


def _held(stems: FloatArray, request: SeparationRequest) -> FloatArray:
    """What files of the request's format hold of some stems."""
    return np.clip(stems, -1, 1) if request.sample_format == "pcm24" else stems


@dataclass
class _Whole:
    """What is known of a mixture so far: power, and samples at full scale."""

    power: float = 0.0
    flat: int = 0

    def add(self, part: Stretch) -> None:
        self.power += float(np.square(part.recording, dtype=np.float64).sum())
        self.flat += int((np.abs(np.abs(part.recording) - 1) < FULL_SCALE).sum())

    def remarks(self, n_samples: int) -> Iterator[Remark]:
        share = self.flat / n_samples
        if share > CLIPPED_SHARE:
            yield Remark("mix_clipped", {"share": round(share, 5)})


def _work(
    request: SeparationRequest,
    model: StemModel,
    method: str,
    mixture: Mixture,
    report: Reporter,
) -> Masked | Sampled | Silence:
    """What takes parts apart."""
    if mixture.silent:
        return Silence(len(model.manifest.makes))
    return separator(model, mixture, method, report, seed=request.seed, steps=request.steps)


def _said(stem: str, one: Growing, mix_power: float, sureness: float | None) -> Iterator[Remark]:
    share = one.power / mix_power
    if one.peak > 1.0 and one.sample_format == "pcm24":
        yield Remark("stem_over", {"stem": stem, "db": round(decibels(one.peak), 1)})
    if stem == REST:
        return
    if share < ABSENT:
        yield Remark("stem_absent", {"stem": stem})
    elif share > RUNAWAY:
        yield Remark("stem_runaway", {"stem": stem, "times": round(share)})
    elif sureness is not None and sureness < UNSURE:
        yield Remark("stem_unsure", {"stem": stem, "bleed": round(1 - sureness, 2)})


def _ensure_room(
    out_dir: Path, request: SeparationRequest, mixture: Mixture, manifest: Manifest
) -> None:
    file, n_files = mixture.file, len(request.stems or manifest.makes) + 1
    each = file.n_channels * file.n_samples * BYTES_PER_SAMPLE[request.sample_format]
    ensure_room(out_dir, n_files * each + _SPARE_BYTES)


def _receipt(
    request: SeparationRequest,
    model: StemModel,
    method: str,
    mixture: Mixture,
    made: list[SeparatedFile],
) -> dict[str, Any]:
    """What was asked, by what it was done, and what came of it."""
    return {
        "receipt_format": RECEIPT_FORMAT,
        "separation": separation_to_mapping(request),
        "method": method,
        "model": identity_of(model),
        "versions": versions(),
        "mix": {
            "channels": mixture.file.n_channels,
            "frames": mixture.file.n_samples,
            "rate": mixture.file.sample_rate,
            "gain": mixture.gain,
        },
        "stems": [{"file": file.path.name, **file.facts()} for file in made],
    }
