"""What several commands have in common: options, the model, output."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stembridge.errors import PASSING, BadArgsError, StembridgeError
from stembridge.pool.cluster import CLUSTER_CHOOSES
from stembridge.readers import decimal

if TYPE_CHECKING:
    from rich.console import Console

    from stembridge.engines import SoundEngine
    from stembridge.pool.jobs import Crew
    from stembridge.runtime.device import Threads
    from stembridge.runtime.model import StemModel

GpuOption = Annotated[
    int | None, typer.Option("--gpu", min=0, help="Run on this GPU; fail if it is missing.")
]
CpuOption = Annotated[bool, typer.Option("--cpu", help="Run on the CPU.")]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Model folder; the built-in model if left out.")
]
WorkersOption = Annotated[
    int, typer.Option("--workers", min=1, max=64, help="Processes that share the work.")
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Run the workers on a Ray cluster: its head's address such as 10.0.0.5:6379, auto "
        "for the one this machine is part of, or local for one of this machine alone.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]

EXIT_REFUSED, EXIT_AGAIN = 2, 3


def told_number(text: str) -> float:
    """The number an option tells, as programs of any language write it.

    Raises:
        BadArgsError: it is none.
    """
    try:
        return decimal(str(text))
    except ValueError:
        raise BadArgsError(f'"{text}" is no number. Write one such as 92.86.') from None


def device_word(gpu: int | str | None, cpu: bool) -> str:
    """The device the flags ask for: "cpu", "cuda:N" ("cuda:N,M" for several) or "auto".

    Raises:
        BadArgsError: both flags.
    """
    if cpu and gpu is not None:
        raise BadArgsError("Give either --gpu or --cpu.")
    return "cpu" if cpu else "auto" if gpu is None else f"cuda:{gpu}"


def crew_of(workers: int, cluster: str | None, gpu: int | None = None, cpu: bool = True) -> Crew:
    """Who does the jobs of a command with these flags.

    Raises:
        BadArgsError: a GPU by number on a cluster.
    """
    from stembridge.pool.jobs import Crew

    if cluster is not None and gpu is not None:
        raise BadArgsError(CLUSTER_CHOOSES)
    return Crew(workers, cluster, on_gpu=not cpu)


def open_maker(model: str | None, device: str) -> StemModel | SoundEngine:
    """Open the model the flags ask for, which may be an engine: it only makes takes."""
    from stembridge.engines import engine_in, open_engine

    folder = _folder(model)
    if folder is not None and (engine := engine_in(folder)) is not None:
        return open_engine(folder, engine, device)
    return _opened(model, device)


def open_model(model: str | None, device: str, threads: Threads | None = None) -> StemModel:
    """Open the model the flags ask for; "fake:" is `stembridge.testing`'s closed form."""
    from stembridge.engines import engine_in

    folder = _folder(model)
    if folder is not None and (engine := engine_in(folder)) is not None:
        raise BadArgsError(
            f"'{model}' holds {engine.title}, which only makes takes: `arrange`, "
            "`serve` and `watch` can use it. Name a stembridge model."
        )
    return _opened(model, device, threads)


def _folder(model: str | None) -> Path | None:
    """Where `--model` points; None for the built-in model and closed forms."""
    return None if model is None or model.startswith("fake:") else Path(model).expanduser()


def _opened(model: str | None, device: str, threads: Threads | None = None) -> StemModel:
    if model is not None and model.startswith("fake:"):
        from stembridge.testing import open_fake

        return open_fake(model)
    from stembridge.daemon.memory import keep_free
    from stembridge.runtime.load import load_model

    keep_free()
    return load_model(_folder(model), device, threads)


def quiet_logging() -> None:
    """Let only warnings of our own and of the libraries reach the terminal."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")


def print_json(mapping: dict[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(mapping))  # ASCII, so that no console spoils it


def say(line: str) -> None:
    """Tell the human a line as it is: names of files hold brackets and colons."""
    print(line, file=sys.stderr, flush=True)


def exit_status(error: StembridgeError) -> int:
    """What a script is told: `EXIT_AGAIN` if trying again may help, else `EXIT_REFUSED`."""
    return EXIT_AGAIN if error.symbol in PASSING else EXIT_REFUSED


def console() -> Console:
    """Where humans read: standard error, so that standard output can be piped."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep to themselves what C libraries write to standard error: JACK and ALSA think aloud."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def is_terminal() -> bool:
    """Whether a human is watching standard error."""
    return sys.stderr.isatty()
