"""Joining a Ray cluster, or starting one that consists of this machine alone.

Ray comes with the `cluster` extra and is imported here only, when somebody asked for a cluster. Who
may reach a cluster's ports may run code on it: so a cluster of one's own listens on loopback only
and asks for a token that nobody else knows. Ray counts its users and asks the network which cloud
it runs in even when told not to count; the process that does both is not started.

Ray ends a process that has lost its cluster for a minute. So nobody calls this who must survive.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from typing import Any

from stembridge.errors import BadArgsError, ClusterDownError, MissingExtraError

LOCAL = "local"
OWN = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
"""Variables that keep a cluster of one's own on loopback, and its doors shut."""
INSTALL = "A cluster needs Ray: pip install 'stembridge[cluster]' (on every machine of it)."
CLUSTER_CHOOSES = "A cluster chooses the GPU of each worker itself; leave out --gpu, or give --cpu."
CONNECT_S = 5.0
_STORE_BYTES = 512 * 2**20


def read_address(value: Any) -> str:
    """The address of a cluster: "local", "auto" or host:port.

    Raises:
        ValueError: it is something else.
    """
    text = str(value).strip()
    host, _, port = text.rpartition(":")
    if text in {LOCAL, "auto"} or (host and port.isdecimal() and 0 < int(port) < 65_536):
        return text
    raise ValueError(
        f"The cluster must be local, auto or the head's address such as 10.0.0.5:6379; it was \""
        f'{text[:80]}".'
    )


@contextlib.contextmanager
def joined(address: str, cpus: int = 1) -> Iterator[Any]:
    """Ray, connected.

    Args:
        address: "local" for a cluster of this machine, which ends with the block; "auto" for the
            one this machine belongs to; host:port for the one with that head.
        cpus: how many processors a cluster of this machine is to have.

    Raises:
        BadArgsError: no such address.
        MissingExtraError: Ray is not installed.
        ClusterDownError: the cluster cannot be reached or started.
    """
    try:
        address = read_address(address)
    except ValueError as error:
        raise BadArgsError(str(error)) from None
    with contextlib.ExitStack() as stack:
        options: dict[str, Any] = {}
        if address == LOCAL:
            folder = tempfile.TemporaryDirectory(prefix="stembridge-", ignore_cleanup_errors=True)
            options = _own_cluster(stack.enter_context(folder), cpus)
        elif address != "auto":
            _look_for(address)
        ray = _ray()
        try:
            ray.init(address=address, log_to_driver=False, configure_logging=False, **options)
        except Exception as error:  # Ray has no one type for it
            raise ClusterDownError(f"{_unreachable(address)} ({_first_line(error)}).") from error
        stack.callback(ray.shutdown)
        yield ray


def _own_cluster(folder: str, cpus: int) -> dict[str, Any]:
    """What keeps a cluster of one's own on loopback, closed to others and silent."""
    # Ray reads these as it is imported, its processes as they start.
    os.environ.update(OWN)
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    _ray()
    from ray._private import services

    services.start_api_server = lambda *_args, **_options: (None, None)
    return {
        "num_cpus": max(cpus, os.cpu_count() or 1),
        "object_store_memory": _STORE_BYTES,
        "include_dashboard": False,
        "_temp_dir": folder,
    }


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(INSTALL) from error
    return ray


def _look_for(address: str) -> None:
    """Ray takes two minutes to notice that nobody is there, and then ends the process."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except OSError as error:
        raise ClusterDownError(f"{_unreachable(address)} ({error.strerror or error}).") from error


def _unreachable(address: str) -> str:
    if address == LOCAL:
        return "A cluster of this machine cannot be started"
    return f"The cluster at {address} cannot be reached; is it running?"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
