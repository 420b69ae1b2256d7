"""Somebody else's OSC client: liblo's oscsend and oscdump (Debian: liblo-tools)."""

from __future__ import annotations

import queue
import shutil
import socket
import subprocess
import threading
import time
from typing import Any

HERE = shutil.which("oscsend") is not None and shutil.which("oscdump") is not None
REASON = "oscsend and oscdump are not installed (Debian: apt install liblo-tools)"


def oscsend(port: int, address: str, types: str, *values: object) -> None:
    """Send one message from a socket that is closed at once."""
    command = ["oscsend", "127.0.0.1", str(port), f"/stembridge/{address}", types]
    subprocess.run([*command, *map(str, values)], check=True)


class OscDump:
    """oscdump on a free port, its lines as (address, values)."""

    def __init__(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = ["oscdump", "-L", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._heard: queue.Queue[tuple[str, list[str]]] = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> OscDump:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._thread.join(5)
        self._process.wait(5)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._heard.put(_message(line.rstrip("\n")))

    def hear(self, *addresses: str, about: str = "", timeout_s: float = 120.0) -> list[str]:
        """The next message with one of these addresses, about this job if one is named."""
        until_s = time.monotonic() + timeout_s
        while True:
            address, values = self._heard.get(timeout=max(0.01, until_s - time.monotonic()))
            if address in addresses and (not about or values[0] == about):
                return values

    def session(self, name: str) -> dict[str, list[list[str]]]:
        """Everything about a job up to `done` or `error`, by address."""
        heard: dict[str, list[list[str]]] = {}
        while not {"done", "error"} & set(heard):
            address, values = self._heard.get(timeout=120)
            if values[:1] == [name]:
                heard.setdefault(address, []).append(values)
        return heard


def _message(line: str) -> tuple[str, list[str]]:
    """One line of oscdump. It escapes nothing, so JSON can only be told apart as the last value."""
    _time, address, *rest = line.split(" ", 3)
    types, text = [*rest, "", ""][:2]
    values = []
    for position, tag in enumerate(types):
        last = position == len(types) - 1
        end = len(text) if last else text.index('" ' if tag == "s" else " ") + (tag == "s")
        values.append(text[:end].strip('"') if tag == "s" else text[:end])
        text = text[end + 1 :]
    return address.removeprefix("/stembridge/"), values


def types_of(*values: Any) -> str:
    """OSC type tags for oscsend."""
    return "".join({str: "s", int: "i", float: "f"}[type(value)] for value in values)
