"""A reader learns notes that are plainly written in its latents."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stembridge.nn.note_reader import NoteReader, NoteReaderConfig
from stembridge.training.note_reader import (
    Again,
    ReaderTraining,
    ReaderWindows,
    fit_note_reader,
)
from stembridge.training.note_rolls import ROWS, Rolls, make_rolls
from stembridge.transcription.notes import TimedNote

FRAME_S, N_FRAMES = 0.05, 160


def songs(seed: int, count: int) -> Rolls:
    """Latents in which every pitch of a bass has a channel that rings from its onset on."""
    rng = np.random.default_rng(seed)
    lowest, pitches = ROWS["bass"]
    notes = [
        [
            TimedNote(step * 0.25 + 0.01, 0.2, lowest + int(rng.integers(pitches)), 90)
            for step in range(31)
        ]
        for _ in range(count)
    ]
    lengths = np.full(count, N_FRAMES, np.int32)
    rolls = make_rolls(np.zeros((count, 1, N_FRAMES), np.float16), lengths, notes, "bass", FRAME_S)
    latents = rolls.rolls[:, 0].astype(np.float32) / 64 - 1
    latents += 0.1 * rng.standard_normal(latents.shape, np.float32)
    return Rolls(latents.astype(np.float16), rolls.rolls, lengths, notes)


def test_it_learns_and_calibrates() -> None:
    said: list[str] = []
    training = ReaderTraining(steps=150, batch=8, frames=64, learning_rate=4e-3, noise=0.1)
    fitted = fit_note_reader("bass", songs(1, 12), songs(2, 3), FRAME_S, training, say=said.append)
    assert fitted.score.f1 > 0.9
    assert abs(fitted.score.estimated - fitted.score.reference) < 8
    assert any("note F1" in line for line in said)


def test_windows_show_how_songs_begin_and_end() -> None:
    training = ReaderTraining(batch=400, frames=16, noise=1e-6)
    made = songs(1, 2)
    place = np.arange(N_FRAMES, dtype=np.float16)
    made.latents[:] = place
    heard, targets = ReaderWindows(made, training, "cpu").draw()
    first = heard[:, 0, 0].round().numpy()
    assert targets.shape[0] == 400
    assert (first == 0).mean() > 0.04
    assert (first == N_FRAMES - 16).mean() > 0.04
    assert first.min() == 0
    assert first.max() == N_FRAMES - 16


def test_a_fit_goes_on_with_fresh_songs_more_often_than_with_those_it_knows() -> None:
    made = songs(1, 8)
    made.latents[:] = np.arange(8)[:, None, None]  # every song is its number
    training = ReaderTraining(batch=2000, frames=16, noise=1e-6)
    reader = NoteReader(NoteReaderConfig(made.latents.shape[1], *ROWS["bass"]))
    heard, _ = ReaderWindows(made, training, "cpu", Again(reader, 2, 0.75)).draw()
    counts = np.bincount(heard[:, 0, 0].round().long().numpy(), minlength=8) / 2000
    assert counts[6:] == pytest.approx(0.375, abs=0.05)
    assert counts[:6] == pytest.approx(0.25 / 6, abs=0.02)
    before = next(reader.parameters()).detach().clone()
    fitted = fit_note_reader(
        "bass", songs(1, 3), songs(2, 1), FRAME_S, ReaderTraining(steps=2, batch=2, frames=32),
        again=Again(reader, 1, 0.5), say=lambda text: None,
    )  # fmt: skip
    assert fitted.module is reader
    assert not (next(reader.parameters()).detach() == before).all()


def test_no_window_is_of_a_song_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def latest(*shape: object, **_: object) -> torch.Tensor:
        size = shape[0] if isinstance(shape[0], tuple) else shape
        return torch.full(size, 1 - 2**-24)  # the largest that torch.rand can draw

    monkeypatch.setattr(torch, "rand", latest)
    made, training = songs(1, 7), ReaderTraining(batch=2, frames=16, noise=1e-6)
    made.latents[:] = np.arange(7)[:, None, None]
    reader = NoteReader(NoteReaderConfig(made.latents.shape[1], *ROWS["bass"]))
    heard, _ = ReaderWindows(made, training, "cpu", Again(reader, 3, 1.0)).draw()
    assert heard.round().unique().tolist() == [6.0]


def test_it_ends_in_time() -> None:
    training = ReaderTraining(steps=10**9, batch=2, frames=32, max_s=0.5)
    fit_note_reader("bass", songs(1, 2), songs(2, 1), FRAME_S, training, say=lambda text: None)


def test_the_threshold_lets_as_many_notes_pass_as_are_wanted() -> None:
    from stembridge.training.density import LOWEST_SHARE, threshold_for

    masses = np.linspace(0.1, 0.9, 81, dtype=np.float32)
    found = threshold_for([(masses, 21)])
    assert int((masses >= found).sum()) == 21
    fewer = threshold_for([(masses, 21)], 0.5)
    assert int((masses >= fewer).sum()) in (10, 11)
    assert threshold_for([(np.linspace(0.001, 0.9, 81, dtype=np.float32), 500)]) == LOWEST_SHARE
    assert threshold_for([(np.zeros(0, np.float32), 3)]) == 0.5


def test_with_songs_of_two_kinds_it_lies_between_theirs() -> None:
    from stembridge.training.density import threshold_for

    clear = np.linspace(0.2, 1.0, 100, dtype=np.float32)
    faint = clear / 2
    alone = [threshold_for([(masses, 50)]) for masses in (faint, clear)]
    both = threshold_for([(clear, 50), (faint, 50)])
    assert alone[0] < both < alone[1]
    ratios = [(masses >= both).sum() / 50 for masses in (faint, clear)]
    assert ratios[0] * ratios[1] == pytest.approx(1.0, abs=0.05)
