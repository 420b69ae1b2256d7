"""The bench that the tests of watch work on."""

from __future__ import annotations

from pathlib import Path

import pytest
from watch_bench import Bench, StubClient


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    for name in ("songs", "out"):
        (tmp_path / name).mkdir()
    return Bench(tmp_path / "songs", StubClient(tmp_path / "out"))
