"""Fits the reader of one stem's notes to latents whose notes are known.

The latents that a denoiser makes are never as clean as encoded sound: noise of any deviation up
to `noise` is added in training. On a GPU everything stays there, windows are cut on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stembridge.nn.note_reader import NoteReader, NoteReaderConfig
from stembridge.parts.reader import (
    OFFSET,
    ONSET,
    SOUNDING,
    VELOCITY,
    ReaderFacts,
    onset_mass,
    read_part,
)
from stembridge.training.note_rolls import ROWS, Rolls
from stembridge.transcription.notes import TimedNote
from stembridge.transcription.score import NoteScore, note_score

Say = Callable[[str], None]
_FINEST = np.linspace(0.15, 0.95, 41)

_AT_EDGES = 0.1
"""Share of the windows with which a song begins, and of those with which it ends, at least.

Of every take the first and the last note are wanted; chance would hardly ever show a song's edges.
"""


@dataclass(frozen=True)
class ReaderTraining:
    """Settings of the fit.

    Attributes:
        steps, batch, frames: how many windows of how many latent frames.
        learning_rate, weight_decay: of AdamW; the rate falls to 0 by a cosine.
        noise: largest deviation of the noise on the latents.
        seed: of windows, noise and first weights.
        max_s: stop after this time, the cosine's end included; None runs all steps.
    """

    steps: int = 1500
    batch: int = 16
    frames: int = 128
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    noise: float = 0.6
    seed: int = 1
    max_s: float | None = None


@dataclass(frozen=True)
class FittedReader:
    """A reader, and what it reached on songs kept out of training.

    Attributes:
        module: the network, on the CPU.
        facts: how its answers are read.
        score: note counts on the kept-out songs.
    """

    module: NoteReader
    facts: ReaderFacts
    score: NoteScore


@dataclass(frozen=True)
class Again:
    """A fit that goes on from an earlier one.

    Attributes:
        reader: the network as it is; it is changed.
        fresh: how many songs, the last ones, it has not heard yet.
        share: of the windows, that are theirs.
    """

    reader: NoteReader
    fresh: int
    share: float


def fit_note_reader(
    stem: str,
    train: Rolls,
    kept_out: Rolls,
    frame_s: float,
    training: ReaderTraining | None = None,
    *,
    device: str = "cpu",
    again: Again | None = None,
    say: Say = print,
) -> FittedReader:
    """Fits one stem's reader and calibrates its threshold.

    Args:
        stem: which.
        train: songs to learn from.
        kept_out: songs to be judged by.
        frame_s: length of a latent frame, s.
        training: settings.
        device: torch's; products are in bfloat16 on a GPU.
        again: what the fit goes on from; None begins anew.
        say: told the loss now and then, and the F measure.
    """
    chosen = training or ReaderTraining()
    torch.manual_seed(chosen.seed)
    lowest, pitches = ROWS[stem]
    config = NoteReaderConfig(train.latents.shape[1], lowest, pitches)
    module = (again.reader.train() if again else NoteReader(config)).to(device)
    _descend(module, ReaderWindows(train, chosen, device, again), chosen, stem, say)
    module = module.float().cpu().eval()
    fitted = calibrated(module, stem, kept_out, frame_s)
    say(f"{stem}: note F1 {fitted.score.f1:.3f} on {len(kept_out.notes)} songs kept out, "
        f"threshold {fitted.facts.threshold:.2f}")  # fmt: skip
    return fitted


class ReaderWindows:
    """Random stretches of all songs, on the device."""

    def __init__(
        self, songs: Rolls, training: ReaderTraining, device: str, again: Again | None = None
    ) -> None:
        self.latents = torch.from_numpy(np.ascontiguousarray(songs.latents)).to(device)
        self.rolls = torch.from_numpy(songs.rolls).to(device)
        self.last = torch.from_numpy(songs.lengths.astype(np.int64)).to(device) - training.frames
        self.training, self.device, self.again = training, device, again
        self.generator = torch.Generator(device).manual_seed(training.seed)
        self.offsets = torch.arange(training.frames, device=device)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Noisy latents `[B, C, f]` and targets `[B, 4, P, f]`, 0..1."""
        size, gen = self.training.batch, self.generator
        songs = self._songs()
        chance = torch.rand(size, generator=gen, device=self.device)
        start = ((1 + 2 * _AT_EDGES) * chance - _AT_EDGES).clamp(0, 1 - 1e-6)
        at = (start * (self.last[songs].clamp_min(0) + 1)).long()[:, None] + self.offsets
        heard = self.latents[songs[:, None], :, at].transpose(1, 2).float()
        deviation = self.training.noise * torch.rand(size, 1, 1, generator=gen, device=self.device)
        noise = torch.randn(heard.shape, generator=gen, device=self.device)
        targets = self.rolls[songs[:, None], :, :, at].permute(0, 2, 3, 1).float() / 255
        return heard + deviation.square() / self.training.noise * noise, targets

    def _songs(self) -> Tensor:
        """Numbers of the songs that windows are cut from, `[B]`."""
        size, gen, count = (self.training.batch,), self.generator, len(self.latents)
        if self.again is None:
            return torch.randint(count, size, generator=gen, device=self.device)
        fresh, known = self.again.fresh, count - self.again.fresh
        chance, place = torch.rand(2, *size, generator=gen, device=self.device)
        is_fresh = chance < self.again.share
        # Whole before they are added: 1500 + 165.99999 is 1666 in float32, and no song.
        return torch.where(is_fresh, known + (place * fresh).long(), (place * known).long())


def reader_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over windows and frames of the four quantities' losses, summed over pitches."""
    onset = functional.binary_cross_entropy_with_logits(
        logits[:, ONSET], targets[:, ONSET], reduction="none"
    )
    sounding = functional.binary_cross_entropy_with_logits(
        logits[:, SOUNDING], targets[:, SOUNDING], reduction="none"
    )
    offset = (logits[:, OFFSET] - (2 * targets[:, OFFSET] - 1)).square()
    velocity = (logits[:, VELOCITY].sigmoid() - targets[:, VELOCITY]).square()
    where_notes = targets[:, ONSET] * (4 * offset + 4 * velocity)
    return (onset + 0.3 * sounding + where_notes).sum(1).mean()


def _descend(
    module: NoteReader, windows: ReaderWindows, training: ReaderTraining, stem: str, say: Say
) -> None:
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    started, done, step = time.monotonic(), 0.0, 0
    while done < 1:
        spent = time.monotonic() - started
        done = max((step + 1) / training.steps, spent / (training.max_s or float("inf")))
        rate = training.learning_rate * (0.5 + 0.5 * np.cos(np.pi * min(done, 1.0)))
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 50)
        heard, targets = windows.draw()
        with torch.autocast(heard.device.type, torch.bfloat16, heard.is_cuda):
            logits = module.logits(heard)
        loss = reader_loss(logits.float(), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        if step % 200 == 0:
            say(f"{stem}: step {step}, loss {loss.item():.4f}, {spent:.0f} s")
        step += 1


def calibrated(module: NoteReader, stem: str, kept_out: Rolls, frame_s: float) -> FittedReader:
    """The reader with the threshold that gives as many notes as there are."""
    answers = [_answer(module, kept_out, i) for i in range(len(kept_out.notes))]
    wanted = sum(len(notes) for notes in kept_out.notes)
    masses = [onset_mass(answer[ONSET]) for answer in answers]
    counts = [sum(int((mass >= t).sum()) for mass in masses) for t in _FINEST]
    threshold = float(_FINEST[np.argmin(np.abs(np.array(counts) - wanted))])
    facts = ReaderFacts(ROWS[stem][0], threshold, frame_s)
    total = NoteScore()
    for answer, notes in zip(answers, kept_out.notes, strict=True):
        total += note_score(_in_seconds(answer, stem, facts), notes)
    return FittedReader(module, facts, total)


def _answer(module: NoteReader, songs: Rolls, index: int) -> NDArray[np.float32]:
    latents = songs.latents[index, :, : songs.lengths[index]].astype(np.float32)
    with torch.inference_mode():
        answer: NDArray[np.float32] = module(torch.from_numpy(latents)[None])[0].numpy()
    return answer


def _in_seconds(answer: NDArray[np.float32], stem: str, facts: ReaderFacts) -> list[TimedNote]:
    length_s = answer.shape[2] * facts.frame_s
    part = read_part(answer, stem, facts, 60.0, length_s)  # at 60 bpm a beat is a second
    return [TimedNote(n.start_beats, n.length_beats, n.pitch, n.velocity) for n in part.notes]
