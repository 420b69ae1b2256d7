"""A cluster of this machine alone: the process that owns it, and its keeper in the daemon.

It ends with its stdin, so with the daemon, and takes all of Ray's processes along.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
import threading
import time

import psutil

from stembridge.errors import ClusterDownError, StembridgeError, error_from
from stembridge.pool.cluster import LOCAL, OWN, joined

START_S = 120.0
LOOK_S = 0.5


class OwnCluster:
    """Starts the cluster when the first worker asks, and again when it has died."""

    def __init__(self, cpus: int) -> None:
        self._cpus = cpus
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._address = ""
        # Its owner and whoever uses it must know the same secret, and stay on loopback.
        self.environment = OWN | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}

    async def address(self) -> str:
        """Where its head listens, on loopback.

        Raises:
            ClusterDownError: it cannot be started.
            MissingExtraError: Ray is not installed.
        """
        async with self._lock:
            if self._process is None or self._process.returncode is not None:
                self._address = await self._start()
            return self._address

    async def close(self) -> None:
        """End it."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                await asyncio.wait_for(self._process.wait(), 5.0)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def _start(self) -> str:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stembridge.daemon.cluster_head", str(self._cpus)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | self.environment,
        )
        assert self._process.stdout is not None  # noqa: S101 - we asked for a pipe
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), START_S)
            said = json.loads(line)
        except (TimeoutError, ValueError):
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            raise ClusterDownError("A cluster of this machine cannot be started.") from None
        if "address" not in said:
            raise error_from(said["symbol"], said["sentence"])
        return str(said["address"])


def main() -> int:
    """The process: number of processors in argv[1], one line on stdout, ends with stdin."""
    from stembridge.daemon.worker import own_pipe

    say = own_pipe()
    try:
        with joined(LOCAL, int(sys.argv[1])) as ray:
            say(json.dumps({"address": ray.get_runtime_context().gcs_address}))
            threading.Thread(target=_leave_with_ray, daemon=True).start()
            sys.stdin.read()
    except StembridgeError as error:
        say(json.dumps({"symbol": error.symbol, "sentence": error.sentence}))
        return 1
    return 0


def _leave_with_ray() -> None:
    """End when a part of the cluster dies: it will not come back, and a new one may start."""
    parts = psutil.Process().children()
    while all(part.is_running() and part.status() != psutil.STATUS_ZOMBIE for part in parts):
        time.sleep(LOOK_S)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
