"""`stembridge watch`: drop stems into a folder, get the missing ones out."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stembridge.cli.shared import exit_status, say
from stembridge.wire.schema import DEFAULT_PORT

if TYPE_CHECKING:
    from stembridge.watch import Watcher

_LOOKS = 3


def watch(
    folder: Annotated[
        Path, typer.Argument(help="Folder to watch; each folder in it is a song of its own.")
    ],
    bpm: Annotated[
        str,
        typer.Option(help='Tempo where names tell none (as "93bpm"); "auto": as heard.'),
    ] = "",
    time_signature: Annotated[str, typer.Option(help="Such as 4/4, 3/4 or 7/8.")] = "4/4",
    make: Annotated[
        str, typer.Option(help="Stems to make, with commas; those that are missing if left out.")
    ] = "",
    chords: Annotated[str, typer.Option(help='One chord per bar: "Am F C G".')] = "",
    prompt: Annotated[
        str, typer.Option(help='What it is to be, in words: "dark funk, slap bass".')
    ] = "",
    seed: Annotated[
        int | None,
        typer.Option(help="The same seed makes the same stems (default: drawn for each song)."),
    ] = None,
    midi: Annotated[bool, typer.Option("--midi", help="MIDI files of the stems, too.")] = False,
    loop_context: Annotated[
        bool, typer.Option("--loop-context", help="Repeat files of whole bars to the song's end.")
    ] = False,
    loop: Annotated[
        bool, typer.Option("--loop", help="The end of what is made flows into its start.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Make what is due, then stop.")] = False,
    port: Annotated[int, typer.Option(help="UDP port of the daemon.")] = DEFAULT_PORT,
) -> None:
    """Drop stems into FOLDER and get the missing ones in its "made" folder (needs the daemon)."""
    from stembridge.client import Client
    from stembridge.errors import BadArgsError, NoSuchFileError
    from stembridge.request.readers import stem_set
    from stembridge.watch import Watcher, WatchSettings

    if not folder.is_dir():
        raise NoSuchFileError(f"There is no folder '{folder}'. Make it, or look at its spelling.")
    try:
        stems = stem_set("stems to make")(make) if make else ()
    except ValueError as error:
        raise BadArgsError(str(error)) from None
    settle_s = 0.0 if once else WatchSettings.settle_s
    settings = WatchSettings(
        bpm, time_signature, stems, chords, seed, settle_s, midi=midi, loop_context=loop_context,
        loop=loop, prompt=prompt,
    )  # fmt: skip
    with Client(port=port) as client, contextlib.suppress(KeyboardInterrupt):
        watcher = Watcher(folder.resolve(), settings, client, say)
        if once:
            _look_once(watcher)
        else:
            watcher.watch()


def _look_once(watcher: Watcher) -> None:
    """Make what is due, print it, and exit non-zero if a song was refused."""
    for _ in range(_LOOKS):
        for path in watcher.look():
            print(path)
        refused = watcher.refused.values()
        if not any(error.symbol == "CANCELLED" for error in refused):
            break  # no song changed while it was made
    if refused:
        raise typer.Exit(max(exit_status(error) for error in refused))
