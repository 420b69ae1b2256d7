"""From the settings to whoever runs the jobs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stembridge.config import DaemonConfig
from stembridge.daemon.cluster_head import OwnCluster
from stembridge.daemon.executor import Executor, OnWorkerEvent, Pool
from stembridge.daemon.local_process import local
from stembridge.daemon.supervisor import Launch, Supervisor, Watch, WorkerProcess
from stembridge.errors import BadArgsError
from stembridge.pool.cluster import CLUSTER_CHOOSES, LOCAL
from stembridge.runtime.device import share_of_cores


def executor_for(
    config: DaemonConfig,
    roots: Sequence[Path],
    on_event: OnWorkerEvent,
    watch: Watch,
    command: Sequence[str] | None = None,
) -> Executor:
    """One supervised worker per device, or as many as wanted on a cluster.

    Args:
        config: resolved settings.
        roots: folders context may be read from.
        on_event: told what happens.
        watch: patience with each worker.
        command: how to start a worker (default: stembridge's own).

    Raises:
        BadArgsError: devices and workers do not fit.
    """
    if config.cluster is not None:
        return _on_cluster(config, roots, on_event, watch)
    devices = config.devices
    cores = share_of_cores(len(devices)) if len(devices) > 1 else None
    # The array library's own threads obey only the environment.
    environment = {"OPENBLAS_NUM_THREADS": "1"}
    environment |= {"OMP_NUM_THREADS": str(cores)} if cores else {}
    members = []
    for device in devices:
        settings = worker_settings(config, roots, device, cores)
        words = command or python("stembridge.daemon.worker", settings)
        members.append(Supervisor(local(words, environment), on_event, watch))
    return members[0] if len(members) == 1 else Pool(members)


class ClusterPool(Pool):
    """A pool whose workers run on a cluster of this machine alone, which ends with it."""

    def __init__(self, members: Sequence[Executor], cluster: OwnCluster) -> None:
        super().__init__(members)
        self._cluster = cluster

    async def close(self) -> None:
        """Close the members, then the cluster."""
        await super().close()
        await self._cluster.close()


def _on_cluster(
    config: DaemonConfig, roots: Sequence[Path], on_event: OnWorkerEvent, watch: Watch
) -> Executor:
    if config.device not in {"auto", "cpu"}:
        raise BadArgsError(CLUSTER_CHOOSES)
    address, count = str(config.cluster), config.workers or 1
    share = share_of_cores(count) if address == LOCAL else 1
    cpus = config.threads or share
    settings = {
        "address": address,
        "cpus": cpus,
        "worker": worker_settings(config, roots, config.device, cpus),
    }
    if address != LOCAL:
        launch = local(python("stembridge.daemon.cluster_worker", settings))
        return Pool([Supervisor(launch, on_event, watch) for _ in range(count)])
    cluster = OwnCluster(count * cpus)
    launch = _launch_on(cluster, settings)
    return ClusterPool([Supervisor(launch, on_event, watch) for _ in range(count)], cluster)


def _launch_on(cluster: OwnCluster, settings: dict[str, Any]) -> Launch:
    async def launch() -> WorkerProcess:
        found = settings | {"address": await cluster.address()}
        words = python("stembridge.daemon.cluster_worker", found)
        return await local(words, cluster.environment)()

    return launch


def python(module: str, settings: dict[str, Any]) -> list[str]:
    """The command line of one of our processes, which takes its settings as JSON."""
    return [sys.executable, "-m", module, json.dumps(settings)]


def worker_settings(
    config: DaemonConfig, roots: Sequence[Path], device: str, cores: int | None
) -> dict[str, Any]:
    """The fields of `worker.WorkerSettings`, without importing the worker's libraries."""
    return {
        "model": "" if config.model is None else str(config.model),
        "device": device,
        "threads": config.threads,
        "cores": cores,
        "warm_up": config.warm_up,
        "roots": [str(root) for root in roots],
        "log_level": config.log_level,
    }
