"""`stembridge arrange`: make stems without the daemon."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stembridge.cli.request_options import request_options
from stembridge.cli.shared import open_maker
from stembridge.cli.takes import Making

if TYPE_CHECKING:
    from stembridge.request import GenerationRequest

AUTO = "auto"
MIDI_SUFFIXES = (".mid", ".midi", ".smf")


@request_options
def arrange(
    wishes: dict[str, Any],
    making: Making,
    receipt: Annotated[
        Path | None, typer.Option(help="Make the take of this receipt.json again.")
    ] = None,
) -> None:
    """Make stems that fit the given ones, as WAV files of exactly the bars asked for."""
    if receipt is None:
        _make(parse_wishes(wishes), making)
    else:
        _make_again(receipt, making)


def parse_wishes(wishes: dict[str, Any]) -> GenerationRequest:
    """The request the options describe; chords may come from a MIDI file."""
    from stembridge.request import parse_request

    if str(wishes.get("bpm", "")).lower() == AUTO:
        wishes["bpm"] = _heard_tempo(wishes)
    chords = wishes.pop("chords", None)
    if chords is None or Path(chords).suffix.lower() not in MIDI_SUFFIXES:
        return parse_request(wishes | ({"chords": chords} if chords else {}))
    from stembridge.chords import chords_from_midi

    request = parse_request(wishes)
    spans = chords_from_midi(chords, request.length_beats, request.time_signature.beats_per_bar)
    return parse_request(wishes | {"chords": spans})


def _heard_tempo(wishes: dict[str, Any]) -> str:
    """The tempo of the given files, as decimal text; told on standard error."""
    from stembridge.audio.allowed_roots import AllowedRoots
    from stembridge.context.tempo import tempo_of_files
    from stembridge.musical_time import FOUR_FOUR, TimeSignature

    told = wishes.get("time_signature")
    metre = TimeSignature.parse(told) if told else FOUR_FOUR
    files = {clip["stem"]: clip["path"] for clip in wishes.get("context", [])}
    heard = tempo_of_files(files, AllowedRoots.anywhere(), metre.beats_per_bar)
    print(f"{heard.words}; in {metre}, from the start of the files on", file=sys.stderr)
    return f"{heard.bpm:g}"


def _make_again(receipt_path: Path, making: Making) -> None:
    from stembridge.pipeline.receipt_reading import read_receipt, request_of

    receipt = read_receipt(receipt_path)
    if "rework" in receipt:
        from stembridge.cli.rework import rework_again

        rework_again(receipt, making)
        return
    _make(request_of(receipt), making, receipt)


def _make(
    request: GenerationRequest, making: Making, receipt: dict[str, Any] | None = None
) -> None:
    from stembridge.paths import default_output_dir
    from stembridge.pipeline.run import arrange as run

    making.make(open_maker, partial(run, request), default_output_dir(), receipt)
