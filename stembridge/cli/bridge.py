"""`stembridge bridge`: pads, chords, clock, audition and capture for a running daemon."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Annotated

import typer

from stembridge.cli.midi import mapping_file
from stembridge.wire.schema import DEFAULT_PORT


def bridge(
    mapping: Annotated[
        Path | None, typer.Option(help="MIDI mapping; default: midi.toml beside the settings.")
    ] = None,
    output: Annotated[str, typer.Option(help="Part of the output device's name.")] = "",
    input: Annotated[str, typer.Option(help="Part of the input device's name.")] = "",
    rate: Annotated[int, typer.Option(help="Hz; 0: the device's own.")] = 0,
    block: Annotated[int, typer.Option(help="Frames per callback; 0: the device's own.")] = 0,
    midi: Annotated[bool, typer.Option(help="Use MIDI.")] = True,
    audio: Annotated[bool, typer.Option(help="Use a sound device.")] = True,
    link: Annotated[
        bool, typer.Option(help="Join Ableton Link (multicasts on every interface).")
    ] = False,
    port: Annotated[int, typer.Option(help="UDP port of the daemon.")] = DEFAULT_PORT,
) -> None:
    """Tie MIDI and sound to the daemon, until Ctrl-C."""
    from stembridge.bridge.bridge import Bridge, BridgeConfig
    from stembridge.bridge.family import FamilyConfig
    from stembridge.children.messages import OpenAudio

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    default = mapping_file()
    family = FamilyConfig(
        mapping=mapping or (default if default.is_file() else None),
        midi=midi,
        audio=audio,
        link=link,
        open_audio=OpenAudio(output, input, rate, block, -1),
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(Bridge(BridgeConfig(port=port, family=family)).run())
