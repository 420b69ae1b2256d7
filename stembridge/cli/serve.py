"""`stembridge serve`: the daemon in the foreground."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from stembridge.config import DaemonConfig, describe, load_config
from stembridge.errors import BadArgsError, StembridgeError
from stembridge.paths import config_file

EXIT_STATUS = {
    "BAD_ARGS": 2,
    "CREATE_FAILED": 3,
    "NO_SUCH_FILE": 4,
    "MODEL_UNTRUSTED": 4,
    "NO_GPU": 5,
}
"""Exit status by error symbol; every other error ends with 1."""


def serve(
    gpu: Annotated[int | None, typer.Option(help="Run on this GPU; fail if it is missing.")] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Run on the CPU.")] = False,
    model: Annotated[Path | None, typer.Option(help="Model folder; default: built in.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[
        int | None, typer.Option(help="UDP port for OSC; 0 takes a free one [9420].")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the takes.")] = None,
    state: Annotated[Path | None, typer.Option(help="Folder of the job journal.")] = None,
    context_root: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder context audio may be read from, besides your home, --out and the current "
            "one. Repeat for more."
        ),
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
) -> None:
    """Listen for OSC and make stems until Ctrl-C."""
    try:
        config = _resolve(gpu, cpu, settings, {
            "model": model,
            "host": host,
            "port": port,
            "out": out,
            "journal": state and state / "journal.sqlite3",
            "roots": context_root or None,
        })  # fmt: skip
        _run(config)
    except StembridgeError as error:
        typer.echo(f"stembridge: {error}", err=True)
        raise typer.Exit(EXIT_STATUS.get(error.symbol, 1)) from None


def _resolve(
    gpu: int | None, cpu: bool, settings: Path | None, flags: dict[str, object]
) -> DaemonConfig:
    if cpu and gpu is not None:
        raise BadArgsError("Give either --gpu or --cpu.")
    flags["device"] = "cpu" if cpu else None if gpu is None else f"cuda:{gpu}"
    file = settings or config_file()
    return load_config(flags, toml_file=file, toml_required=settings is not None)


def _run(config: DaemonConfig) -> None:
    from stembridge.daemon.server import Daemon, run_until_signal

    logging.basicConfig(level=config.log_level.upper(), format="%(levelname)s %(message)s")
    for line in describe(config):
        typer.echo(line)
    asyncio.run(run_until_signal(Daemon(config, news=_tell)))
    typer.echo("stopped")


def _tell(kind: str, facts: dict[str, Any]) -> None:
    if kind == "listening":
        typer.echo(f"takes go to {facts['out']}")
        typer.echo(f"listening on {facts['host']}:{facts['port']} (UDP), loading the model …")
    else:
        model = facts["model"]
        typer.echo(
            f"ready on port {facts['port']}: model {model['name']} on {model['device']}, "
            f"loaded in {facts['load_s']} s"
        )
