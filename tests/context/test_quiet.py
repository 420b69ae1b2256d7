"""What C libraries say of damaged files stays off stderr; what Python says does not."""

from __future__ import annotations

import ctypes
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.context.probe import open_context
from stembridge.context.quiet import quiet_libraries

CAPTURED = pytest.CaptureFixture[str]


def chatter() -> None:
    """A line on C's stderr, as libmpg123 writes one for a damaged frame."""
    ctypes.CDLL(None).perror(b"dequantization failed")


def test_a_file_is_read_without_a_word_of_its_library(
    tmp_path: Path, capfd: CAPTURED, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "damaged.wav"
    soundfile.write(path, np.full(1000, 0.1), 44_100)
    plain = soundfile.SoundFile.read

    def noisy(self: soundfile.SoundFile, *values: Any, **named: Any) -> Any:
        chatter()
        return plain(self, *values, **named)

    monkeypatch.setattr(soundfile.SoundFile, "read", noisy)
    with open_context(str(path), AllowedRoots.anywhere()) as file:
        assert file.read(0, file.n_samples).samples.any()
    assert capfd.readouterr().err == ""
    chatter()
    assert "dequantization" in capfd.readouterr().err  # and afterwards it is as it was


def test_what_python_writes_meanwhile_comes_through_from_every_thread(capfd: CAPTURED) -> None:
    def talk() -> None:
        for _ in range(20):
            with quiet_libraries():
                chatter()

    with quiet_libraries():
        threads = [threading.Thread(target=talk) for _ in range(4)]
        for thread in threads:
            thread.start()
        sys.stderr.write("a word of the log\n")
        for thread in threads:
            thread.join()
        chatter()
    assert capfd.readouterr().err == "a word of the log\n"
    chatter()
    assert capfd.readouterr().err
