"""The bridge's children: which there are, what state they are in, who gets told what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stembridge.children.child import Child
from stembridge.children.messages import (
    Anchor,
    AudioReady,
    Failed,
    LinkPeers,
    MidiPorts,
    OpenAudio,
)

DEFAULT_DEVICES = OpenAudio("", "", 0, 0, -1)
PERMANENT = {"MISSING_EXTRA", "BAD_ARGS", "NO_SUCH_FILE"}


@dataclass(frozen=True)
class FamilyConfig:
    """Which children, on which ports and devices.

    Attributes:
        mapping: MIDI mapping file; None: a virtual port without pads.
        midi: whether to look for MIDI.
        audio: whether to look for sound.
        link: whether to join Ableton Link (it multicasts on every network interface).
        open_audio: devices wanted.
        roots: folders takes are played from; empty: anywhere.
    """

    mapping: Path | None = None
    midi: bool = True
    audio: bool = True
    link: bool = False
    open_audio: OpenAudio = DEFAULT_DEVICES
    roots: tuple[str, ...] = ()


class Family:
    """Starts the children and keeps score."""

    def __init__(
        self,
        config: FamilyConfig,
        on_message: Callable[[str, Any], None],
        on_state: Callable[[str, str, str], None],
    ) -> None:
        """Prepare.

        Args:
            config: which children.
            on_message: called on the event loop with (part, message).
            on_state: called on the event loop with (part, state, text) at every change.
        """
        self._on_message = on_message
        self._on_state = on_state
        self._anchor: Anchor | None = None
        self._states: dict[str, tuple[str, str]] = {
            part: ("waiting", "") if wanted else ("off", "")
            for part, wanted in (
                ("midi", config.midi),
                ("audio", config.audio),
                ("link", config.link),
            )
        }
        self._loop: asyncio.AbstractEventLoop | None = None
        self.children: dict[str, Child] = {}
        mapping = [str(config.mapping)] if config.mapping else []
        if config.midi:
            self._add("midi", "stembridge.midi", mapping, tuple)
        if config.audio:
            self._add(
                "audio",
                "stembridge.audio_io",
                list(config.roots),
                lambda: (config.open_audio, *((self._anchor,) if self._anchor else ())),
            )
        if config.link:
            self._add("link", "stembridge.link", [], tuple)

    def _add(self, part: str, module: str, arguments: list[str], setup: Callable[[], Any]) -> None:
        def on_message(message: Any) -> None:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._take, part, message)

        self.children[part] = Child(part, module, arguments, on_message=on_message, setup=setup)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start all children; messages arrive on `loop`."""
        self._loop = loop
        for child in self.children.values():
            child.start()

    def stop(self) -> None:
        """End all children; may take two seconds."""
        self._loop = None
        for child in self.children.values():
            child.stop()

    def tell(self, part: str, message: object) -> bool:
        """Hand a message to a child; False if there is none, or (audio) no open device."""
        child = self.children.get(part)
        if child is None or (part == "audio" and self._states[part][0] != "ready"):
            return False
        return child.send(message)

    def follow(self, anchor: Anchor) -> None:
        """Tell the player where the session is."""
        self._anchor = anchor
        child = self.children.get("audio")
        if child is not None:
            child.send(anchor)

    def states(self) -> list[tuple[str, str, str]]:
        """(part, state, text) of all."""
        return [(part, state, text) for part, (state, text) in self._states.items()]

    def _take(self, part: str, message: Any) -> None:
        match message:
            case MidiPorts():
                ready = bool(message.input)
                self._state(part, "ready" if ready else "waiting", message.input)
            case AudioReady():
                text = f"{message.output}, {message.rate} Hz"
                self._state(part, "ready", text)
            case LinkPeers():
                self._state(part, "ready", f"{message.count} peers")
            case Failed(about="", symbol=symbol, sentence=sentence):
                if symbol == "DEVICE_LOST" or symbol in PERMANENT:
                    self._state(part, "off" if symbol in PERMANENT else "waiting", sentence)
        self._on_message(part, message)

    def _state(self, part: str, state: str, text: str) -> None:
        if self._states[part] != (state, text):
            self._states[part] = (state, text)
            self._on_state(part, state, text)
