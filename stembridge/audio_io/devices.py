"""Sound devices: the only user of sounddevice, which binds PortAudio."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stembridge.errors import BadArgsError, DeviceLostError, MissingExtraError

NONE = "none"
INSTALL_PORTAUDIO = (
    "The PortAudio library is missing, so nothing can be played or captured. "
    "Debian and Ubuntu: apt install libportaudio2. Elsewhere: pip install --force-reinstall "
    "sounddevice."
)
NO_DEVICE = "There is no sound device. Plug one in, or start a sound server (JACK, PipeWire) first."
_PREFERRED_ON_LINUX = ("JACK", "ALSA")


@dataclass(frozen=True)
class Device:
    """A sound device as PortAudio shows it.

    Attributes:
        index: PortAudio's number, valid until devices are scanned again.
        name: of the device.
        system: driver family, such as "JACK Audio Connection Kit" or "Core Audio".
        n_outputs: channels.
        n_inputs: channels.
        rate: its own, in Hz.
    """

    index: int
    name: str
    system: str
    n_outputs: int
    n_inputs: int
    rate: int


def library() -> Any:
    """The sounddevice module.

    Raises:
        MissingExtraError: PortAudio is not installed; the sentence says how to.
    """
    try:
        import sounddevice
    except OSError as error:
        raise MissingExtraError(INSTALL_PORTAUDIO) from error
    except ImportError as error:
        raise MissingExtraError("Sound needs: pip install sounddevice.") from error
    return sounddevice


def list_devices(*, rescan: bool = False) -> list[Device]:
    """All devices there are now; empty without sound hardware or server.

    Args:
        rescan: look again for what came or went since the first call; streams must be closed.

    Raises:
        MissingExtraError: PortAudio is not installed.
    """
    sounddevice = library()
    if rescan:
        with contextlib.suppress(sounddevice.PortAudioError):
            sounddevice._terminate()
        sounddevice._initialize()
    systems = [system["name"] for system in sounddevice.query_hostapis()]
    return [
        Device(
            index,
            str(info["name"]),
            systems[info["hostapi"]],
            int(info["max_output_channels"]),
            int(info["max_input_channels"]),
            round(info["default_samplerate"]),
        )
        for index, info in enumerate(sounddevice.query_devices())
    ]


def choose(devices: list[Device], wanted: str, *, output: bool) -> Device | None:
    """The device whose name or system contains `wanted`; "" for the default, "none" for none.

    Raises:
        BadArgsError: no such device, though there are others.
        DeviceLostError: there is no device at all.
    """
    if wanted == NONE:
        return None
    able = [d for d in devices if (d.n_outputs if output else d.n_inputs) > 0]
    if not able:
        raise DeviceLostError(NO_DEVICE, retry_after_ms=1000)
    fitting = [d for d in able if wanted.lower() in f"{d.name} ({d.system})".lower()]
    if not fitting:
        names = ", ".join(sorted({d.name for d in able}))
        raise BadArgsError(f'There is no sound device like "{wanted[:60]}"; there are: {names}.')
    return fitting[0] if wanted else _default(fitting)


def _default(devices: list[Device]) -> Device:
    """A running JACK server is wanted by who started it; else PortAudio's first."""
    if sys.platform.startswith("linux"):
        for system in _PREFERRED_ON_LINUX:
            for device in devices:
                if device.system.startswith(system):
                    return device
    index = min(d.index for d in devices)
    return next(d for d in devices if d.index == index)


def channels(available: int) -> int:
    """How many of a device's channels are used: two, where it has them."""
    return min(2, available)


Callback = Callable[[Any, Any], None]
"""Called with (out [frames, channels], in [frames, channels] or None)."""


class Stream:
    """An open, running duplex (or one-way) stream.

    Attributes:
        rate: Hz.
        output_latency_s: as the driver says.
        input_latency_s: as the driver says.
    """

    def __init__(
        self, output: Device, source: Device | None, rate: int, block: int, callback: Callback
    ) -> None:
        """Open it and start it.

        Args:
            output: where to play.
            source: where to record from, if at all.
            rate: Hz; 0: the device's own.
            block: frames per callback; 0: the device's own.
            callback: fills and reads the blocks, on the driver's thread.

        Raises:
            DeviceLostError: the device cannot be opened.
        """
        sounddevice = library()
        self.rate = rate or output.rate
        self.n_outputs = channels(output.n_outputs)
        self.n_inputs = channels(source.n_inputs) if source else 0
        common = {"samplerate": self.rate, "blocksize": block, "dtype": "float32"}
        try:
            if source is None:
                self._stream = sounddevice.OutputStream(
                    device=output.index,
                    channels=self.n_outputs,
                    latency="low",
                    callback=lambda out, n, time, status: callback(out, None),
                    **common,
                )
                self.output_latency_s, self.input_latency_s = float(self._stream.latency), 0.0
            else:
                self._stream = sounddevice.Stream(
                    device=(source.index, output.index),
                    channels=(self.n_inputs, self.n_outputs),
                    latency="low",
                    callback=lambda in_, out, n, time, status: callback(out, in_),
                    **common,
                )
                self.input_latency_s, self.output_latency_s = map(float, self._stream.latency)
            self._stream.start()
        except sounddevice.PortAudioError as error:
            raise DeviceLostError(
                f"{output.name} cannot be opened: {error}.", retry_after_ms=1000
            ) from error

    def close(self) -> None:
        """Stop and close; may block for ever if the sound server has died."""
        self._stream.close()
