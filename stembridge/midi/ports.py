"""MIDI ports: the only user of python-rtmidi.

rtmidi's own classes are used instead of mido's ports: those turn a named port into a virtual one
when a client name is given.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stembridge.errors import DeviceLostError, MissingExtraError
from stembridge.midi.jack_watch import JackWatch

CLIENT = "stembridge"
VIRTUAL = "virtual"
NONE = "none"
INSTALL_RTMIDI = (
    "MIDI needs python-rtmidi: pip install python-rtmidi. On Python 3.13 it is compiled, which on "
    "Debian and Ubuntu needs: apt install build-essential libasound2-dev libjack-jackd2-dev."
)
NO_MIDI = (
    "There is no MIDI system. On Linux load snd-seq (modprobe snd-seq) or start a JACK server."
)
_BY_PLATFORM = {"linux": ("alsa", "jack"), "darwin": ("core", "jack"), "win32": ("mm",)}
_SEQUENCER = Path("/dev/snd/seq")


@dataclass(frozen=True)
class PortNames:
    """What there is to connect to.

    Attributes:
        api: "alsa", "jack", "core" or "mm".
        inputs: ports to receive from.
        outputs: ports to send to.
    """

    api: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def library() -> Any:
    """The rtmidi module.

    Raises:
        MissingExtraError: it is not installed; the sentence says what to install.
    """
    try:
        import rtmidi
    except ImportError as error:
        raise MissingExtraError(INSTALL_RTMIDI) from error
    return rtmidi


def open_client(wanted_api: str) -> tuple[str, Any, Any]:
    """A receiving and a sending client of the first MIDI system that works.

    Args:
        wanted_api: "alsa", "jack", "core", "mm", or "" to try what the platform has.

    Raises:
        MissingExtraError: rtmidi is not installed.
        DeviceLostError: no MIDI system answers.
    """
    rtmidi = library()
    apis = {
        "alsa": rtmidi.API_LINUX_ALSA,
        "jack": rtmidi.API_UNIX_JACK,
        "core": rtmidi.API_MACOSX_CORE,
        "mm": rtmidi.API_WINDOWS_MM,
    }
    compiled = rtmidi.get_compiled_api()
    names = (wanted_api,) if wanted_api else _BY_PLATFORM.get(sys.platform, tuple(apis))
    for name in names:
        if apis[name] not in compiled or (name == "alsa" and not _SEQUENCER.exists()):
            continue
        # rtmidi raises SystemError or its own errors, depending on where in C++ it fails.
        with contextlib.suppress(SystemError, rtmidi.RtMidiError):
            receiver = rtmidi.MidiIn(apis[name], name=CLIENT)
            return name, receiver, rtmidi.MidiOut(apis[name], name=CLIENT)
    raise DeviceLostError(NO_MIDI, retry_after_ms=1000)


def list_ports(wanted_api: str = "") -> PortNames:
    """Ports of other programs and devices.

    Raises:
        MissingExtraError, DeviceLostError: as `open_client`.
    """
    api, receiver, sender = open_client(wanted_api)
    names = PortNames(api, tuple(receiver.get_ports()), tuple(sender.get_ports()))
    receiver.delete()
    sender.delete()
    return names


class Ports:
    """One input and one output, opened when they are there and looked after.

    Attributes:
        api: the MIDI system in use.
        input: name of the open input, "" while there is none.
        output: name of the open output, "" while there is none.
    """

    def __init__(
        self, api: str, wanted_input: str, wanted_output: str, heard: Callable[[Any], None]
    ) -> None:
        """Open what is there.

        Args:
            api: as in the mapping.
            wanted_input: part of a name, "virtual" for a port of our own, "none".
            wanted_output: the same; "" takes the input's.
            heard: called with the bytes of each message, on rtmidi's thread.

        Raises:
            MissingExtraError, DeviceLostError: as `open_client`.
        """
        self.api, self._receiver, self._sender = open_client(api)
        self._watch = JackWatch(f"{CLIENT}-watch") if self.api == "jack" else None
        self._wanted_input = _possible(wanted_input)
        self._wanted_output = _possible(wanted_output or wanted_input)
        self.input = self.output = ""
        self._receiver.ignore_types(sysex=True, timing=False, active_sense=True)
        self._receiver.set_callback(lambda event, _: heard(event[0]))
        self.look_after()

    def look_after(self) -> bool:
        """Open what has come, drop what has gone; True if something changed.

        Raises:
            DeviceLostError: the MIDI system itself is gone.
        """
        before = (self.input, self.output)
        if self._watch is not None and self._watch.lost:
            raise DeviceLostError("The JACK server is gone; MIDI comes back with it.")
        self.input = self._tend(self._receiver, self._wanted_input, self.input, "in")
        self.output = self._tend(self._sender, self._wanted_output, self.output, "out")
        return (self.input, self.output) != before

    def send(self, data: tuple[int, ...]) -> None:
        """Send a message, if an output is open."""
        if self.output:
            self._sender.send_message(list(data))

    def close(self) -> None:
        """Leave the MIDI system."""
        self._receiver.delete()
        self._sender.delete()

    def _tend(self, port: Any, wanted: str, current: str, side: str) -> str:
        if wanted == NONE:
            return ""
        if wanted == VIRTUAL:
            if not current:
                port.open_virtual_port(side)
            return VIRTUAL
        names = [name for name in port.get_ports() if not name.startswith(CLIENT)]
        if current:
            if current in names:
                return current
            port.close_port()
        for name in names:
            if wanted.lower() in name.lower():
                port.open_port(port.get_ports().index(name), side)
                return str(name)
        return ""


def _possible(wanted: str) -> str:
    """Windows has no virtual ports; loopMIDI's are the nearest thing."""
    return "loopMIDI" if wanted == VIRTUAL and sys.platform == "win32" else wanted
