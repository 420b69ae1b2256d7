"""Notices the end of the JACK server, which rtmidi does not.

The graph of a dead server stays readable in shared memory, ports and all, so looking at ports says
nothing. libjack tells a client through its shutdown callback; this is the smallest client there is.
"""

from __future__ import annotations

import ctypes
import sys

from stembridge.errors import DeviceLostError

NO_START_SERVER = 0x01
_LIBRARY = {"darwin": "libjack.0.dylib", "win32": "libjack64.dll"}
_Shutdown = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class JackWatch:
    """A client without ports.

    Attributes:
        lost: the server has gone.
    """

    def __init__(self, name: str) -> None:
        """Join the running server.

        Raises:
            DeviceLostError: there is none.
        """
        self.lost = False
        library = ctypes.CDLL(_LIBRARY.get(sys.platform, "libjack.so.0"))
        library.jack_client_open.restype = ctypes.c_void_p
        status = ctypes.c_int(0)
        client = library.jack_client_open(name.encode(), NO_START_SERVER, ctypes.byref(status))
        if not client:
            raise DeviceLostError("No JACK server runs.", retry_after_ms=1000)
        self._callback = _Shutdown(self._shut_down)  # libjack keeps only the address
        library.jack_on_shutdown(ctypes.c_void_p(client), self._callback, None)
        library.jack_activate(ctypes.c_void_p(client))

    def _shut_down(self, _: object) -> None:
        self.lost = True
