"""`stembridge midi learn` and `stembridge midi monitor`."""

from __future__ import annotations

import queue
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from stembridge.children.child import Child
from stembridge.children.messages import (
    Anchor,
    ChordsPlayed,
    Failed,
    MidiHeard,
    MidiPorts,
    PadPressed,
    WatchMidi,
)
from stembridge.cli.shared import say
from stembridge.errors import BadArgsError, TimedOutError, error_from
from stembridge.paths import config_file

midi = typer.Typer(no_args_is_help=True, add_completion=False, help="MIDI pads and ports.")

PortOption = Annotated[
    str, typer.Option("--input", help='Part of the port\'s name, or "virtual" for one of our own.')
]
ApiOption = Annotated[str, typer.Option("--api", help="alsa, jack, core or mm.")]
MappingOption = Annotated[
    Path | None, typer.Option("--mapping", help="Mapping file; default: beside the settings.")
]


def mapping_file() -> Path:
    """Where the user's pads are kept."""
    return config_file().with_name("midi.toml")


@midi.command()
def learn(
    action: Annotated[str, typer.Argument(help="What the pad shall do: generate, play, stop …")],
    stem: Annotated[str, typer.Argument(help="Which stem, for generate and capture.")] = "",
    input: PortOption = "virtual",
    api: ApiOption = "",
    mapping: MappingOption = None,
    timeout_s: Annotated[float, typer.Option(help="How long to wait for the pad.")] = 30.0,
) -> None:
    """Press a pad, key or controller: from then on it does ACTION."""
    from stembridge.midi.mapping import ACTIONS, Pad, add_pad, trigger_of

    if action not in ACTIONS:
        words = "; ".join(f"{name}: {meaning}" for name, meaning in ACTIONS.items())
        raise BadArgsError(f'A pad cannot "{action[:40]}". It can {words}.')
    file = mapping or mapping_file()
    with _listening(input, api) as inbox:
        until = time.monotonic() + timeout_s
        while True:
            message = _get(inbox, until)
            if isinstance(message, MidiPorts):
                say(f"listening on {message.input or '(waiting)'}; press the pad …")
            trigger = trigger_of(message.data) if isinstance(message, MidiHeard) else None
            if trigger is not None:
                break
    add_pad(file, Pad(trigger, action, stem))
    print(f"{trigger}: {action} {stem}".rstrip() + f"  ({file})")


@midi.command()
def monitor(
    input: PortOption = "virtual",
    api: ApiOption = "",
    mapping: MappingOption = None,
    seconds: Annotated[float, typer.Option(help="How long; 0: until Ctrl-C.")] = 0.0,
) -> None:
    """Show what comes in: messages, tempo, chords, and which pad they press."""
    until = time.monotonic() + (seconds or 1e9)
    try:
        with _listening(input, api, mapping) as inbox:
            while True:
                line = _line(_get(inbox, until))
                if line:
                    print(line, flush=True)
    except (KeyboardInterrupt, TimedOutError):
        return


def _line(message: Any) -> str:
    match message:
        case MidiHeard():
            return " ".join(f"{byte:02X}" for byte in message.data)
        case Anchor():
            state = "running" if message.running else "stopped"
            return (
                f"tempo {message.bpm:.2f} ± {message.rms_bpm:.2f}, beat {message.beat:.2f} {state}"
            )
        case ChordsPlayed():
            return f"chords {message.progression}"
        case PadPressed():
            return f"pad {message.action} {message.stem}".rstrip()
        case Failed():
            return message.sentence
        case MidiPorts():
            return f"listening on {message.input or '(nothing yet)'}"
    return ""


@contextmanager
def _listening(input: str, api: str, mapping: Path | None = None) -> Iterator[queue.Queue[Any]]:
    from stembridge.midi.mapping import parse_mapping

    inbox: queue.Queue[Any] = queue.Queue()
    with tempfile.TemporaryDirectory() as folder:
        file = mapping or Path(folder) / "listen.toml"
        if mapping is None:
            parse_mapping({"midi": {"input": input, "api": api}})
            name = input.replace("\\", "").replace('"', "")
            file.write_text(f'[midi]\ninput = "{name}"\noutput = "none"\napi = "{api}"\n')
        child = Child(
            "MIDI",
            "stembridge.midi",
            [str(file)],
            on_message=inbox.put,
            setup=lambda: (WatchMidi(True),),
        )
        child.start()
        try:
            yield inbox
        finally:
            child.stop()


def _get(inbox: queue.Queue[Any], until: float) -> Any:
    try:
        message = inbox.get(timeout=max(0.0, until - time.monotonic()))
    except queue.Empty:
        raise TimedOutError("No pad was pressed.") from None
    if isinstance(message, Failed) and not message.about:
        raise error_from(message.symbol, message.sentence)
    return message
