"""Takes to their files, with the receipt and the page beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stembridge.context import Context
from stembridge.engines import SoundEngine
from stembridge.inference import Settings
from stembridge.pipeline.events import Reporter, StemFile
from stembridge.pipeline.page import Seen, seen, write_page
from stembridge.pipeline.receipt import build_receipt, write_receipt
from stembridge.pipeline.take_files import SoundedTake, write_take
from stembridge.request import GenerationRequest
from stembridge.runtime.model import StemModel


def written(
    takes: Iterable[SoundedTake],
    request: GenerationRequest,
    settings: Settings,
    model: StemModel | SoundEngine,
    context: Context,
    folder: Path,
    report: Reporter,
    told: Mapping[str, Any],
) -> list[StemFile]:
    """Write takes as they are made; returns their files in the order in which they were finished.

    Args:
        takes: of the request.
        request: what was asked for.
        settings: the receipt tells of.
        model: that makes them.
        context: what is given.
        folder: for everything.
        report: told about each stem; may raise to stop.
        told: what else the receipt says.
    """
    finished: list[StemFile] = []
    pictures: list[Seen] = []
    for take in takes:
        for stem in write_take(take, request, folder, report):
            finished.append(stem)
            part = take.take.state.parts.get(stem.stem)
            pictures.append(seen(stem, part, take.audio[stem.stem]))
            report.stem(stem)
    report.finished()
    receipt = build_receipt(request, settings, model, context, finished, report.seconds())
    receipt |= told
    write_receipt(folder, receipt)
    write_page(folder, request, receipt, pictures)
    return finished
