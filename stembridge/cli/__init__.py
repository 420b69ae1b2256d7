"""The command line: one table of commands, each in its own module, loaded when it is called.

A command's module imports nothing heavy at its top, so that `stembridge --help` answers at once
and `stembridge doctor` works where half the libraries are missing.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

import stembridge
from stembridge.cli.shared import EXIT_REFUSED, exit_status
from stembridge.errors import CreateFailedError, MissingExtraError, StembridgeError

COMMANDS = {
    "arrange": "stembridge.cli.arrange:arrange",
    "rework": "stembridge.cli.rework:rework",
    "separate": "stembridge.cli.separate:separate",
    "serve": "stembridge.cli.serve:serve",
    "watch": "stembridge.cli.watch:watch",
    "doctor": "stembridge.cli.doctor:doctor",
    "selftest": "stembridge.cli.selftest:selftest",
    "bench": "stembridge.cli.bench:bench",
    "midi": "stembridge.cli.midi:midi",
    "ports": "stembridge.cli.ports:ports",
    "play": "stembridge.cli.audio:play",
    "capture": "stembridge.cli.audio:capture",
    "bridge": "stembridge.cli.bridge:bridge",
    "train": "stembridge.cli.train:train",
    "evaluate": "stembridge.cli.evaluate:evaluate",
}
"""Command -> "module:name" of a function, or of a `typer.Typer` with commands of its own."""


class _LazyGroup(TyperGroup):
    """Looks commands up in COMMANDS instead of having them registered by imports."""

    def list_commands(self, _context: Any) -> list[str]:
        return [name for name, target in COMMANDS.items() if _module_exists(target)]

    def get_command(self, _context: Any, name: str) -> Any:
        target = COMMANDS.get(name)
        return _load(name, target) if target is not None and _module_exists(target) else None


def _module_exists(target: str) -> bool:
    return find_spec(target.partition(":")[0]) is not None


def _load(name: str, target: str) -> Any:
    module, _, attribute = target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    if not isinstance(command, typer.Typer):
        wrapper = typer.Typer(add_completion=False)
        wrapper.command(name)(command)
        command = wrapper
    built = typer.main.get_command(command)
    built.name = name
    return built


app = typer.Typer(cls=_LazyGroup, no_args_is_help=True, add_completion=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"stembridge {stembridge.__version__}")
        raise typer.Exit


@app.callback()
def _stembridge(
    version: bool = typer.Option(
        False, "--version", is_eager=True, callback=_print_version, help="Print the version."
    ),
) -> None:
    """The AI band-mate inside your own DAW: bar-aligned stems, made on this machine."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit.

    What stembridge refuses is printed as one sentence with its code, and ends with status 2, or 3
    if trying again may help; with --json, it is a JSON object on standard output.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] != ["train"]:
        # Stems are worked on side by side: products that are shared out as well only wait.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console without our signs shows them in ASCII
            stream.reconfigure(errors="backslashreplace")
    try:
        typer.main.get_command(app)(args=words, prog_name="stembridge")
    except (StembridgeError, ModuleNotFoundError) as error:
        told = error if isinstance(error, StembridgeError) else _missing(error)
        _print_error(told, as_json="--json" in words)
        sys.exit(exit_status(told))
    except BrokenPipeError:  # whoever read the output has heard enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        named = f"'{error.filename}': " if error.filename is not None else ""
        reason = error.strerror or str(error)
        _print_error(CreateFailedError(f"{named}{reason}."), as_json="--json" in words)
        sys.exit(EXIT_REFUSED)


def _missing(error: ModuleNotFoundError) -> StembridgeError:
    """The small install lacks what training and evaluation need; a room of our own is a fault."""
    package = str(error.name).partition(".")[0]
    if package == "stembridge":
        raise error
    return MissingExtraError(
        f"This needs {package}, which is not installed: pip install 'stembridge[train]'."
    )


def _print_error(error: StembridgeError, as_json: bool) -> None:
    if as_json:
        said = {"code": error.code, "symbol": error.symbol, "sentence": error.sentence}
        print(json.dumps({"error": said}))
    else:
        print(f"stembridge: {error.sentence} [{error.symbol} {error.code}]", file=sys.stderr)
