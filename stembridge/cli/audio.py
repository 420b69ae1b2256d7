"""`stembridge play` and `stembridge capture`: audition and recording without the daemon."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from stembridge.children.child import Child
from stembridge.children.messages import (
    AudioReady,
    Capture,
    Captured,
    Failed,
    LatencyMeasured,
    MeasureLatency,
    OpenAudio,
    Play,
    PlayState,
    StopPlay,
)
from stembridge.cli.shared import JsonOption, print_json, say, told_number
from stembridge.errors import (
    BadArgsError,
    CreateFailedError,
    NoSuchFileError,
    TimedOutError,
    error_from,
)

OPEN_S = 20.0
FADE_S = 0.1

OutputOption = Annotated[
    str, typer.Option("--output", help="Part of the output device's name (see ports).")
]
InputOption = Annotated[
    str, typer.Option("--input", help="Part of the input device's name (see ports).")
]


def play(
    files: Annotated[list[Path], typer.Argument(help="Audio files, played together.")],
    output: OutputOption = "",
    loop: Annotated[bool, typer.Option(help="Repeat until Ctrl-C.")] = True,
    gain_db: Annotated[
        float, typer.Option(parser=told_number, help="Gain after matching loudness, in dB.")
    ] = 0.0,
    match: Annotated[
        bool, typer.Option(help="Bring everything to the same loudness first.")
    ] = True,
) -> None:
    """Play files, looped, at matched loudness."""
    for file in files:
        if not file.is_file():
            raise NoSuchFileError(f"There is no file '{file}'. Look at its spelling and folder.")
    with _audio(output, "none") as (child, inbox):
        say(f"on {_next(inbox, AudioReady, OPEN_S).output}; Ctrl-C stops")
        paths = tuple((str(file.resolve()), 1.0) for file in files)
        child.send(Play("play", paths, gain_db, match=match, loop=loop, follow=False))
        try:
            while _next(inbox, PlayState, None).state == "playing":
                pass
        except KeyboardInterrupt:
            child.send(StopPlay())
            time.sleep(FADE_S)


def capture(
    file: Annotated[Path | None, typer.Argument(help="WAV file to write.")] = None,
    bars: Annotated[float, typer.Option(parser=told_number, help="How many bars.")] = 4.0,
    bpm: Annotated[float, typer.Option(parser=told_number, help="Tempo.")] = 120.0,
    beats_per_bar: Annotated[
        float, typer.Option(parser=told_number, help="Bar length in quarter notes.")
    ] = 4.0,
    count_in: Annotated[int, typer.Option(help="Bars of clicks before it starts.")] = 1,
    channel: Annotated[int, typer.Option(help="Input channel; 0: all, mixed.")] = 0,
    output: OutputOption = "",
    input: InputOption = "",
    measure: Annotated[
        bool,
        typer.Option("--measure", help="First measure the latency (wire output to input)."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Record bars from an input to a click, compensated for the device's latency."""
    if file is None and not measure:
        raise BadArgsError("What file shall be recorded? Name a WAV file, or use --measure.")
    command = None if file is None else _capture(file, bars, bpm, beats_per_bar, count_in, channel)
    with _audio(output, input) as (child, inbox):
        ready = _next(inbox, AudioReady, OPEN_S)
        say(f"on {ready.output} and {ready.input or 'no input'}, {ready.rate} Hz")
        if measure:
            child.send(MeasureLatency())
            _say(_next(inbox, LatencyMeasured, 10.0), json and file is None)
        if command is None:
            return
        child.send(command)
        patience_s = (bars + count_in) * beats_per_bar * 60.0 / bpm + 10.0
        captured = _next(inbox, Captured, patience_s)
    if json:
        print_json({"path": captured.path, "frames": captured.frames, "rate": captured.rate})
    else:
        print(captured.path)


def _capture(
    file: Path, bars: float, bpm: float, beats_per_bar: float, count_in: int, channel: int
) -> Capture:
    """The command, refused before a device is opened.

    Raises:
        BadArgsError: a value is out of range, or the file is to be no WAV file.
        CreateFailedError: the file is there.
    """
    if file.suffix.lower() not in {".wav", ".wave"}:
        raise BadArgsError(f"Captures are WAV files; call it {file.with_suffix('.wav').name}.")
    if os.path.lexists(file):
        raise CreateFailedError(f"'{file}' is there already. Choose another name, or move it away.")
    return Capture(
        "capture", str(file.resolve()), bpm, bars * beats_per_bar, beats_per_bar, count_in,
        follow=False, channel=channel,
    )  # fmt: skip


def _say(measured: LatencyMeasured, json: bool) -> None:
    if json:
        facts = {"frames": measured.frames, "rate": measured.rate, "clarity": measured.clarity}
        print_json(facts)
        return
    say(
        f"round trip {measured.frames} frames ({1e3 * measured.frames / measured.rate:.1f} ms), "
        f"clarity {measured.clarity:.2f}"
    )


@contextmanager
def _audio(output: str, source: str) -> Iterator[tuple[Child, queue.Queue[Any]]]:
    inbox: queue.Queue[Any] = queue.Queue()
    wanted = OpenAudio(output, source, 0, 0, -1)
    child = Child("sound", "stembridge.audio_io", on_message=inbox.put, setup=lambda: (wanted,))
    child.start()
    try:
        yield child, inbox
    finally:
        child.stop()


def _next(inbox: queue.Queue[Any], kind: type[Any], timeout_s: float | None) -> Any:
    """The next message of a kind.

    Raises:
        StembridgeError: the child reports a failure instead.
        TimedOutError: nothing came.
    """
    until = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        try:
            message = inbox.get(timeout=None if until is None else until - time.monotonic())
        except (queue.Empty, ValueError):
            raise TimedOutError("The sound device did not answer.") from None
        if isinstance(message, Failed):
            raise error_from(message.symbol, message.sentence)
        if isinstance(message, kind):
            return message
