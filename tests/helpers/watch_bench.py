"""A watched folder, and a client whose daemon makes every stem at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import soundfile

from stembridge.client import Stem
from stembridge.errors import StembridgeError
from stembridge.watch import Watcher, WatchSettings


@dataclass
class StubJob:
    stems: list[Stem]

    def wait(self, timeout_s: float | None = None) -> list[Stem]:
        return self.stems

    def cancel(self) -> str:
        return "cancelled"


@dataclass
class StubClient:
    """Attributes: asked: keys of all requests; refuse: what to raise for keys, if anything."""

    out: Path
    refuse: Callable[[dict[str, Any]], StembridgeError | None] = lambda _keys: None
    asked: list[dict[str, Any]] = field(default_factory=list)
    asynchronous: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(boot_id="one"))

    def generate(self, **keys: Any) -> StubJob:
        self.asked.append(keys)
        error = self.refuse(keys)
        if error is not None:
            raise error
        return StubJob([self._stem(stem) for stem in keys["generate"].split(",")])

    def model(self) -> dict[str, str]:
        return {"stems": "bass,drums,guitar,piano"}

    def _stem(self, stem: str) -> Stem:
        path = self.out / f"{len(self.asked)}-{stem}.wav"
        path.write_text(f"take {len(self.asked)} of {stem}")
        return Stem(stem, 0, str(path), "", 1, 44_100, "{}")


@dataclass
class Bench:
    """A watched folder and its watcher."""

    root: Path
    client: StubClient
    said: list[str] = field(default_factory=list)
    watcher: Watcher | None = None

    def start(self, **settings: Any) -> Watcher:
        """A new run of watch over the same folder."""
        wanted = WatchSettings(**({"settle_s": 0.0} | settings))
        self.watcher = Watcher(self.root, wanted, self.client, self.said.append)  # type: ignore[arg-type]
        return self.watcher

    def look(self) -> list[str]:
        """Names of what one look made."""
        watcher = self.watcher or self.start()
        return [path.name for path in watcher.look()]

    @property
    def refused(self) -> dict[Path, StembridgeError]:
        """Songs the last look could not make."""
        assert self.watcher is not None
        return self.watcher.refused

    def drop(self, *names: str, length_s: float = 4.0) -> Path:
        """Put audio files, named from the root; returns the folder of the last."""
        for name in names:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            tone = 0.1 * np.sin(np.arange(round(8000 * length_s)) / 5)
            soundfile.write(path, tone, 8000)
        return (self.root / names[-1]).parent
