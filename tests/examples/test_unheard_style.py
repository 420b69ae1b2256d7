"""The example that writes songs the default model knows nothing like."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stembridge.dataset.soundfonts import HELD_OUT, find_soundfont
from stembridge.dataset.stems_folder import read_stems_folder
from stembridge.dataset.styles import METRES
from stembridge.errors import MissingExtraError
from stembridge.musical_time import TimeSignature

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "unheard_style.py"


def test_it_writes_a_stems_folder_in_five_four(tmp_path: Path) -> None:
    pytest.importorskip("fluidsynth", reason="FluidSynth or its Python binding is not installed")
    try:
        find_soundfont(HELD_OUT)
    except MissingExtraError as error:
        pytest.skip(reason=str(error))
    command = [sys.executable, str(EXAMPLE), "--out", str(tmp_path), "--songs", "2",
               "--seconds", "6"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    songs = list(read_stems_folder(tmp_path))
    assert [song.name for song in songs] == ["village-00", "village-01"]
    assert "5/4" not in METRES  # the composer of training songs does not know it
    for song in songs:
        assert song.time_signature == TimeSignature(5, 4)
        assert song.chords[0].start_beats == 0
        assert song.chords[0].pitch_classes
        assert (np.abs(song.audio).max(axis=1) > 0).sum() >= 3  # a section may leave one out
    assert not np.array_equal(songs[0].audio[:, :44100], songs[1].audio[:, :44100])
