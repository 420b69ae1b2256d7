"""`stembridge serve`: the daemon in the foreground."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from stembridge.cli.shared import ClusterOption, CpuOption, ModelOption, device_word, exit_status
from stembridge.config import DaemonConfig, describe, load_config
from stembridge.errors import StembridgeError
from stembridge.paths import config_file


def serve(
    gpu: Annotated[
        str | None, typer.Option(help="Run on this GPU, or on several: 0,1 is a worker on each.")
    ] = None,
    cpu: CpuOption = False,
    workers: Annotated[
        int | None, typer.Option(help="Takes made side by side, each by a process of its own [1].")
    ] = None,
    cluster: ClusterOption = None,
    model: ModelOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[
        int | None, typer.Option(help="UDP port for OSC; 0 takes a free one [9420].")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="Secret that messages from other machines must carry; needed with such a --host. "
            "Better in the environment, as STEMBRIDGE_TOKEN: others can see command lines."
        ),
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
    log_file: Annotated[
        Path | None,
        typer.Option(help="Where to log besides the terminal [daemon.log in the state folder]."),
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
) -> None:
    """Listen for OSC and make stems until Ctrl-C."""
    flags: dict[str, object] = {
        "device": device_word(gpu, cpu) if cpu or gpu is not None else None,
        "workers": workers,
        "cluster": cluster,
        "model": model,
        "host": host,
        "port": port,
        "token": token,
        "out": out,
        "journal": state and state / "journal.sqlite3",
        "roots": context_root or None,
        "log_file": log_file,
    }
    toml_file = settings or config_file()
    _run(load_config(flags, toml_file=toml_file, toml_required=settings is not None))


def _run(config: DaemonConfig) -> None:
    from stembridge.daemon.log import LOG_NAME, DaemonLog
    from stembridge.daemon.server import Daemon, run_until_signal

    log = DaemonLog(config.log_level)

    def news(kind: str, facts: dict[str, Any]) -> None:
        if kind == "owned":  # before, the log file may be another daemon's
            log.start(config.log_file or Path(facts["state"]) / LOG_NAME)
        for line in _lines(kind, facts):
            log.tell(line)

    status = 0
    try:
        for line in describe(config):
            log.tell(line)
        asyncio.run(run_until_signal(Daemon(config, news=news)))
        log.tell("stopped")
    except StembridgeError as error:
        status = exit_status(error)
        raise
    finally:
        if not log.close():  # a stopped terminal takes nothing: do not wait for it
            os._exit(status)


def _lines(kind: str, facts: dict[str, Any]) -> list[str]:
    if kind == "listening":
        return [
            f"takes go to {facts['out']}",
            f"reads audio below {', '.join(facts['roots'])}",
            f"listening on {facts['host']}:{facts['port']} (UDP), loading the model …",
        ]
    if kind == "ready":
        model = facts["model"]
        return [
            f"ready on port {facts['port']}: model {model['name']} on {model['device']}, "
            f"loaded in {facts['load_s']} s"
        ]
    return []
