"""From the settings to whoever runs the jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stembridge.config import DaemonConfig
from stembridge.daemon.executor import Executor, OnEvent, Pool
from stembridge.daemon.local_process import local, worker_command
from stembridge.daemon.supervisor import Supervisor, Watch
from stembridge.runtime.device import share_of_cores


def executor_for(
    config: DaemonConfig,
    roots: Sequence[Path],
    on_event: OnEvent,
    watch: Watch,
    command: Sequence[str] | None = None,
) -> Executor:
    """One supervised worker per device.

    Args:
        config: resolved settings.
        roots: folders context may be read from.
        on_event: told what happens.
        watch: patience with each worker.
        command: how to start a worker (default: stembridge's own).

    Raises:
        BadArgsError: devices and workers do not fit.
    """
    devices = config.devices
    cores = share_of_cores(len(devices)) if len(devices) > 1 else None
    # The array library's own threads obey only the environment.
    environment = {"OMP_NUM_THREADS": str(cores)} if cores else {}
    members = [
        Supervisor(
            local(
                command or worker_command(worker_settings(config, roots, device, cores)),
                environment,
            ),
            on_event,
            watch,
        )
        for device in devices
    ]
    return members[0] if len(members) == 1 else Pool(members)


def worker_settings(
    config: DaemonConfig, roots: Sequence[Path], device: str, cores: int | None
) -> dict[str, Any]:
    """The fields of `worker.Settings`, without importing the worker's libraries."""
    return {
        "model": "" if config.model is None else str(config.model),
        "device": device,
        "threads": config.threads,
        "cores": cores,
        "warm_up": config.warm_up,
        "roots": [str(root) for root in roots],
        "log_level": config.log_level,
    }
