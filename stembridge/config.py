"""Settings of the daemon: defaults <- TOML file <- environment <- command-line flags.

The TOML file has one table, `[daemon]`, whose keys are the fields of `DaemonConfig`; the
environment has the same names in upper case after `STEMBRIDGE_` (lists separated as in PATH).
What won, and from where, can be printed with `describe`.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.pool.cluster import read_address
from stembridge.readers import Reader, choice, flag, number, optional, shown, text, whole

ENVIRONMENT_PREFIX = "STEMBRIDGE_"


@dataclass(frozen=True)
class DaemonConfig:
    """Resolved settings.

    Attributes:
        host: address to listen on; loopback unless the user says otherwise.
        port: UDP port for OSC; 0 takes a free one.
        token: what messages from other machines must carry; needed where they can come.
        out: folder for takes; None: the music folder (`paths.default_output_dir`).
        model: model folder; None: the embedded default.
        device: "auto", "cpu", "cuda:N", or "cuda:N,M" for one worker on each of several GPUs.
        workers: processes that make takes side by side; None: one per GPU named, else one.
        cluster: Ray cluster the workers run on: "local", "auto" or host:port; None: this machine.
        roots: further folders context audio may be read from; the user's home and `out` always may.
        journal: file of the job journal; None: in `paths.state_dir`.
        max_queue: jobs that may wait.
        max_attempts: how often a job may end its worker before it is given up.
        job_timeout_s: longest time one job may take, in s.
        lease_s: how long a silent client is remembered, in s.
        threads: CPU threads of each worker's networks; None: the worker's share of the cores.
        warm_up: run the networks once before saying ready.
        log_file: where to log besides the terminal; None: in the state folder.
        log_level: "debug", "info", "warning" or "error".
        origins: (field, where its value came from), for every field that is not a default.
    """

    host: str = "127.0.0.1"
    port: int = 9420
    token: str | None = None
    out: Path | None = None
    model: Path | None = None
    device: str = "auto"
    workers: int | None = None
    cluster: str | None = None
    roots: tuple[Path, ...] = ()
    journal: Path | None = None
    max_queue: int = 64
    max_attempts: int = 3
    job_timeout_s: float = 1800.0
    lease_s: float = 10.0
    threads: int | None = None
    warm_up: bool = True
    log_file: Path | None = None
    log_level: str = "info"
    origins: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def devices(self) -> tuple[str, ...]:
        """The device of each worker.

        Raises:
            BadArgsError: fewer workers than GPUs.
        """
        kind, _, numbers = self.device.partition(":")
        named = [f"{kind}:{number}" for number in numbers.split(",")] if numbers else [kind]
        count = self.workers or len(named)
        if count < len(named):
            raise BadArgsError(
                f"{len(named)} GPUs need at least {len(named)} workers; you asked for {count}."
            )
        return tuple(named[index % len(named)] for index in range(count))


def _read_device(value: Any) -> str:
    device = str(value).strip().lower()
    if device in {"auto", "cpu"} or re.fullmatch(r"cuda:\d{1,3}(,\d{1,3})*", device):
        return device
    raise ValueError(
        f"The device must be auto, cpu, cuda:0 (1, 2 …) or cuda:0,1; it was {shown(value)}."
    )


def _read_token(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{12,128}", value):
        raise ValueError("The token must be 12 to 128 ASCII characters without spaces.")
    return value


def _read_path(value: Any) -> Path:
    return value if isinstance(value, Path) else Path(text("folder or file", 4096)(value))


def _read_paths(value: Any) -> tuple[Path, ...]:
    parts = value.split(os.pathsep) if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError(f"The roots must be a list of folders; it was {shown(value)}.")
    return tuple(_read_path(part) for part in parts if part != "")


_READERS: dict[str, Reader] = {
    "host": text("host", 255),
    "port": whole("port", 0, 65_535),
    "token": optional(_read_token),
    "out": optional(_read_path),
    "model": optional(_read_path),
    "device": _read_device,
    "workers": optional(whole("number of workers", 1, 64)),
    "cluster": optional(read_address),
    "roots": _read_paths,
    "journal": optional(_read_path),
    "max_queue": whole("longest queue", 1, 10_000, "jobs"),
    "max_attempts": whole("number of attempts", 1, 100),
    "job_timeout_s": number("job time limit", 1, 86_400, "s"),
    "lease_s": number("lease", 1, 3600, "s"),
    "threads": optional(whole("number of threads", 1, 1024)),
    "warm_up": flag("The warm-up switch"),
    "log_file": optional(_read_path),
    "log_level": choice("log level", ("debug", "info", "warning", "error")),
}


def load_config(
    flags: Mapping[str, object] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    toml_file: Path | None = None,
    toml_required: bool = False,
) -> DaemonConfig:
    """Resolve the settings.

    Args:
        flags: values from the command line; None values were not given.
        environment: variables to look at; default `os.environ`. Other variables with the prefix
            are left to whom they belong.
        toml_file: settings file; skipped if it is not there, unless `toml_required`.
        toml_required: whether the user named the file.

    Raises:
        BadArgsError: a value is out of range, a key is unknown, the file is not TOML.
        NoSuchFileError: the required file is not there.
    """
    variables = os.environ if environment is None else environment
    from_environment = {
        name: variables[ENVIRONMENT_PREFIX + name.upper()]
        for name in _READERS
        if ENVIRONMENT_PREFIX + name.upper() in variables
    }
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    layers = (
        (str(toml_file), _read_toml(toml_file, toml_required)),
        ("environment", from_environment),
        ("flag", given),
    )
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        for name, value in layer.items():
            values[name] = _read(name, value, origin)
            origins[name] = origin
    return DaemonConfig(**values, origins=tuple(origins.items()))


def describe(config: DaemonConfig) -> list[str]:
    """One line per setting, such as `port = 9421  (environment)`."""
    origins = dict(config.origins)
    shown_values = {item.name: getattr(config, item.name) for item in fields(config)}
    del shown_values["origins"]
    shown_values["token"] = config.token and "(secret)"
    return [
        f"{name} = {value}  ({origins.get(name, 'default')})"
        for name, value in shown_values.items()
    ]


def _read(name: str, value: object, origin: str) -> Any:
    if name not in _READERS:
        near = difflib.get_close_matches(name, _READERS, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(_READERS)}."
        raise BadArgsError(f'There is no setting "{name[:40]}" ({origin}); {hint}')
    try:
        return _READERS[name](value)
    except ValueError as error:
        raise BadArgsError(f"{error} ({origin})") from None


def _read_toml(path: Path | None, required: bool) -> dict[str, Any]:
    if path is None or not path.is_file():
        if required:
            raise NoSuchFileError(f'There is no settings file "{path}".')
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadArgsError(f'The settings file "{path}" cannot be read: {error}.') from error
    table = document.get("daemon", {})
    if not isinstance(table, dict):
        raise BadArgsError(f'In the settings file "{path}", [daemon] must be a table.')
    return table
