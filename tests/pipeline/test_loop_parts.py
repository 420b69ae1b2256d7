"""Parts of loops: what is read of latents whose last frame goes on into the first."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.conditions import Conditions
from stembridge.parts import Part
from stembridge.pipeline.choice import Choice
from stembridge.pipeline.generate import Take
from stembridge.pipeline.performance import parts_of
from stembridge.request import parse_request
from stembridge.runtime.manifest import NoteReaderEntry
from stembridge.testing import FakeModel, fake_manifest

MODEL = FakeModel(
    fake_manifest(note_readers={"bass": NoteReaderEntry(file="fake", lowest=40, threshold=0.5)})
)
MANIFEST = MODEL.manifest
N_FRAMES = 64
BPM = 4 * 60 / (N_FRAMES * MANIFEST.hop / MANIFEST.sample_rate)
"""Four beats are 64 frames: a sixteenth is four of them."""


def read(levels: np.ndarray, **wishes: object) -> Part:
    """The bass of a level for each frame `[F]`, silent at -1."""
    request = parse_request(
        {"generate": "bass", "bpm": BPM, "length_beats": 4, "snap": 0, "seed": 0} | wishes
    )
    shape = (MANIFEST.n_stems, MANIFEST.latent_channels, N_FRAMES)
    latents = np.broadcast_to(levels.astype(np.float32), shape).copy()
    take = Take(0, {}, Choice(), latents, Conditions(np.zeros((1, 1, N_FRAMES), np.float32)))
    return parts_of(take, request, MODEL)["bass"]


def sounding(*spans: tuple[int, int]) -> np.ndarray:
    """Levels of notes from one frame to another, round the loop."""
    levels = np.full(N_FRAMES, -1.0)
    for first, stop in spans:
        levels[np.arange(first, stop) % N_FRAMES] = 2.0
    return levels


def test_a_note_over_the_seam_is_one_note() -> None:
    levels = sounding((16, 24), (48, 72))
    (first, held) = read(levels, loop=True).notes
    assert first.start_beats == pytest.approx(1.0, abs=0.05)
    assert held.start_beats == pytest.approx(3.0, abs=0.05)
    assert held.length_beats == pytest.approx(1.5, abs=0.1)
    assert len(read(levels).notes) == 3  # without a loop it begins anew, and is cut


def test_a_downbeat_a_touch_early_begins_the_loop() -> None:
    (early,) = read(sounding((63, 70)), loop=True).notes
    assert early.start_beats == 0.0
    (pushed,) = read(sounding((60, 70)), loop=True).notes
    assert pushed.start_beats == pytest.approx(3.75, abs=0.05)


def test_a_take_that_ends_does_not_begin_the_next_bar() -> None:
    levels = sounding((0, 4), (56, 60))
    levels[63] = 2.0  # the next downbeat, a touch early
    assert [note.start_beats for note in read(levels).notes] == pytest.approx([0, 3.5], abs=0.05)


def test_on_the_grid_nothing_is_lost_at_the_seam() -> None:
    levels = sounding((2, 5), (63, 64))
    starts = [note.start_beats for note in read(levels, loop=True, snap=1).notes]
    assert starts == pytest.approx([0.0, 0.0], abs=1e-6)


@pytest.mark.parametrize("turn", [5, 16, 31, 58])
def test_a_turned_loop_is_the_same_loop_turned(turn: int) -> None:
    levels = sounding((3, 9), (20, 28), (50, 58))
    one, other = (read(np.roll(levels, by), loop=True).notes for by in (0, turn))
    lengths = sorted(round(note.length_beats, 3) for note in one)
    assert sorted(round(note.length_beats, 3) for note in other) == lengths
    turned = sorted((note.start_beats + turn / 16) % 4 for note in one)
    assert sorted(note.start_beats for note in other) == pytest.approx(turned, abs=1e-3)
