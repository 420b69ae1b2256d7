"""A worker's stand-in on the daemon's machine: commands and events pass through to the cluster.

To the daemon it is a worker like any other: it speaks the lines of `daemon.worker`, and whatever
ends it (a machine lost, the cluster gone) is the end of a worker. It is a process of its own
because Ray ends a process that has lost its cluster. Ray ends the actor when this process ends.

It reads the context files a job names, under the daemon's roots, and sends them along; it writes
the files that come back, safely, where the daemon wants its takes.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stembridge
from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.files import write_atomically
from stembridge.daemon.cluster_actor import ClusterActor, Files
from stembridge.daemon.worker import own_pipe
from stembridge.errors import (
    BadArgsError,
    ClusterDownError,
    IncompatibleApiError,
    StembridgeError,
)
from stembridge.pipeline.receipt_reading import read_whole_receipt, request_of
from stembridge.pipeline.take_state import state_name
from stembridge.pool.cluster import joined
from stembridge.request import request_from_mapping

_log = logging.getLogger(__name__)

PLACE_S = 60.0
"""How long a cluster may take to find a place for a worker."""
MOST_BYTES = 2**30


@dataclass(frozen=True)
class ClusterSettings:
    """What the daemon tells this process, as JSON on the command line.

    Attributes:
        address: of the cluster.
        cpus: processors of each worker.
        worker: the fields of `worker.WorkerSettings`.
    """

    address: str
    cpus: int
    worker: dict[str, Any]


class ClusterLink:
    """One actor, and what passes to and from it."""

    def __init__(self, ray: Any, settings: ClusterSettings, say: Callable[[str], None]) -> None:
        """Start the actor.

        Raises:
            ClusterDownError: the cluster has no place for it, or cannot run it.
            IncompatibleApiError: another version of stembridge is installed there.
        """
        self._ray = ray
        self._say = say
        self._roots = AllowedRoots.of(settings.worker["roots"])
        self._out = Path()
        self._actor, self._home = _start_actor(ray, settings)

    def tell(self, command: dict[str, Any]) -> None:
        """Pass a command on, with the files it names."""
        files: Files = {}
        if command["do"] == "run":
            self._out = Path(command["out"])
            try:
                paths = _paths_of(command["request"], self._roots)
                files = {path: self._roots.read(path, MOST_BYTES) for path in paths}
            except StembridgeError as error:
                self._failed(command["id"], error, usable=True)
                return
        self._ray.get(self._actor.tell.remote(command, files))

    def pass_events(self) -> None:
        """Until the worker ends; raises what Ray raises when its machine is lost."""
        while events := self._ray.get(self._actor.hear.remote()):
            for line, files in events:
                event = json.loads(line)
                try:
                    for name, data in files.items():
                        write_atomically(self._out / name, data)
                except StembridgeError as error:
                    # The supervisor ends this process, and with it the job's actor.
                    self._failed(event["id"], error, usable=False)
                    continue
                self._say(json.dumps(self._moved(event)))

    def _moved(self, value: Any) -> Any:
        """An event with the paths of files as they are here."""
        if isinstance(value, dict):
            return {key: self._moved(item) for key, item in value.items()}
        if isinstance(value, str) and value.startswith(self._home + "/"):
            return str(self._out / value[len(self._home) + 1 :])
        return value

    def _failed(self, request_id: str, error: StembridgeError, *, usable: bool) -> None:
        body = {"symbol": error.symbol, "sentence": error.sentence, "usable": usable}
        self._say(json.dumps({"kind": "failed", "id": request_id, **body}))


def _paths_of(order: dict[str, Any], roots: AllowedRoots) -> list[str]:
    """The files that a canonical request, a separation, or a rework and its take, name.

    Raises:
        BadArgsError: an instrument among them, which is more than one file; a reference.
    """
    if "mix" in order:
        return [order["mix"]]
    taken: list[str] = []
    if "parent" in order:
        path = Path(order["parent"])
        receipt = read_whole_receipt(path, roots)
        numbers = sorted({stem["variation"] for stem in receipt["stems"]})
        chosen = numbers[:1] if "take" not in order else [order["take"] - 1]
        taken = [str(path), *(str(path.parent / state_name(one)) for one in chosen)]
        request = request_of(receipt)
    else:
        request = request_from_mapping(order)
    if order.get("instruments") or request.instruments:
        raise BadArgsError(
            "Instruments of your own are not played on a cluster; leave instrument.* out, or serve "
            "without --cluster."
        )
    if request.like:
        raise BadArgsError(
            "A reference (like) is not heard on a cluster; leave it out, or serve without "
            "--cluster."
        )
    return [*taken, *dict.fromkeys(clip.path for clip in request.context)]


def _start_actor(ray: Any, settings: ClusterSettings) -> tuple[Any, str]:
    """An actor that answers, and the folder it works in."""
    on_gpu = settings.worker["device"] != "cpu" and ray.cluster_resources().get("GPU", 0) >= 1
    remote = ray.remote(ClusterActor).options(
        num_cpus=settings.cpus, num_gpus=int(on_gpu), max_concurrency=4
    )
    actor = remote.remote(settings.worker)
    try:
        version, home, _pid = ray.get(actor.facts.remote(), timeout=PLACE_S)
    except ray.exceptions.GetTimeoutError:
        needs = f"{settings.cpus} CPU" + (" and one GPU" if on_gpu else "")
        raise ClusterDownError(
            f"The cluster found no place for a worker ({needs}) in {PLACE_S:g} s; ask for fewer "
            "workers, or add a machine."
        ) from None
    except ray.exceptions.RayError as error:
        said = str(error).strip().splitlines()[-1:]
        raise ClusterDownError(
            f"The cluster cannot run a worker; stembridge must be installed on each of its "
            f"machines ({''.join(said)[:200]})."
        ) from error
    if version != stembridge.__version__:
        raise IncompatibleApiError(
            f"A machine of the cluster has stembridge {version}, this one "
            f"{stembridge.__version__}; install the same on all."
        )
    return actor, home


def _listen(link: ClusterLink) -> None:
    with contextlib.suppress(Exception):  # the actor is lost, as the other thread hears
        for line in sys.stdin:
            link.tell(json.loads(line))
    os._exit(0)  # or the daemon is gone


def main() -> int:
    """The process: settings in argv[1], commands on stdin, events on stdout."""
    settings = ClusterSettings(**json.loads(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the daemon's business
    say = own_pipe()
    logging.basicConfig(level=logging.WARNING, format="cluster worker: %(message)s")
    try:
        with joined(settings.address, settings.cpus) as ray:
            link = ClusterLink(ray, settings, say)
            threading.Thread(target=_listen, args=(link,), daemon=True).start()
            try:
                link.pass_events()
            except ray.exceptions.RayError as error:
                _log.warning("lost: %s", str(error).strip().partition("\n")[0][:200])
    except StembridgeError as error:
        body = {"symbol": error.symbol, "sentence": error.sentence}
        say(json.dumps({"kind": "unusable", **body}))
    return 1


if __name__ == "__main__":
    status = main()
    # Ray's own farewell may wait for a cluster that is gone.
    os._exit(status)
