"""The default model's networks in minutes, on one GPU, against the clock.

    songs (many cores) ─┬► denoiser ─► chord ears ─► note readers
                        └► style classifier (two cores, beside)

The folder: `songs/<split>/` (one file a song), `run/` (denoiser), `ears/`, `readers/<stem>/`,
`style/`. Every stage that is there is left alone, so that the same command goes on.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from stembridge.conditions import CHORD_CHANNELS, GRID_CHANNELS, Layout
from stembridge.dataset.song import STEMS
from stembridge.nn.backbone import BackboneConfig
from stembridge.nn.registry import CONFIG_NAME, Network, config_fields, write_network
from stembridge.training.chord_ears import UNKNOWN, EarsTraining, accuracy, chord_labels, train_ears
from stembridge.training.denoiser import DenoiserTraining
from stembridge.training.encoded_songs import EncodedSong, load
from stembridge.training.express import SongOrder, start_makers
from stembridge.training.latents import Encoded, LatentSet, write_encoded
from stembridge.training.live import LiveTraining, train_live
from stembridge.training.note_reader import ReaderTraining, fit_note_reader
from stembridge.training.parts import encoded_songs, rolls_of
from stembridge.training.processes import orphaned
from stembridge.training.style_classifier import (
    StyleTraining,
    fit_style_classifier,
    timbres_by_style,
)
from stembridge.training.style_classifier import accuracy as style_accuracy

Say = Callable[[str], None]
_STYLED = 900  # songs the style classifier is fitted to: it has few weights


@dataclass(frozen=True)
class Express:
    """Everything but the songs.

    Attributes:
        backbone, denoiser, live: the denoiser, its training and its clock.
        ears, reader: the other networks' training; their clocks are in these.
        style: of the style classifier, by steps.
        frame_s: length of a latent frame, s.
        device: "cuda" or "cpu".
        ears_from, readers_from: songs the chord ears and the note readers learn from, at most.
    """

    backbone: BackboneConfig
    denoiser: DenoiserTraining
    live: LiveTraining
    ears: EarsTraining
    reader: ReaderTraining
    style: StyleTraining = field(default_factory=StyleTraining)
    frame_s: float = 2048 / 44100
    device: str = "cuda"
    ears_from: int = 2500
    readers_from: int = 1500


def run_express(
    plan: Express, orders: Sequence[SongOrder], folder: Path, workers: int, say: Say
) -> None:
    """All stages.

    Args:
        plan: networks and clocks.
        orders: the last makes the songs to train on, the first those kept out.
        folder: see the module.
        workers: processes that make songs.
        say: told what happens.
    """
    makers = start_makers(orders, workers)
    kept_out, songs, layout = orders[0].folder, orders[-1].folder, orders[-1].layout
    # Beside a GPU's training the style classifier has cores to itself. The others wait for the
    # denoiser: two processes training on one GPU ended both with a launch failure when tried.
    beside = multiprocessing.get_context("spawn").Process(
        target=fit_beside, args=(plan, songs, layout, folder), daemon=True
    )
    if plan.device != "cpu":
        beside.start()
    if not (folder / "run" / "done").exists():
        train_live(plan.backbone, plan.denoiser, plan.live, songs=songs, layout=layout,
                   folder=folder / "run", say=say)  # fmt: skip
        (folder / "run" / "done").touch()
    for maker in makers:
        maker.terminate()
    fit_ears(plan, songs, kept_out, folder / "ears", say)
    fit_readers(plan, songs, kept_out, folder / "readers", say)
    if plan.device != "cpu":
        beside.join()
    fit_style(plan, songs, layout, folder, say)  # unless that is done


def fit_beside(plan: Express, songs: Path, layout: Layout, folder: Path) -> None:
    """The style classifier, once enough songs are there (in a process of its own)."""
    torch.set_num_threads(2)
    latest = time.monotonic() + plan.live.seconds
    while len(list(songs.glob("*.npz"))) < _STYLED and time.monotonic() < latest:
        if orphaned():
            return
        time.sleep(1.0)
    fit_style(plan, songs, layout, folder, _shown)


def _shown(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def fit_style(plan: Express, songs: Path, layout: Layout, folder: Path, say: Say) -> None:
    """Fits the style classifier to some of the songs: it has few weights."""
    home = folder / "style"
    if (home / CONFIG_NAME).exists():
        return
    paths = sorted(songs.glob("*.npz"))[:_STYLED]
    write_encoded(folder / "styled", [Encoded(*load(path).encoded[:3]) for path in paths])
    latents = LatentSet.open(folder / "styled")
    classifier = fit_style_classifier(latents, layout, plan.frame_s, plan.style)
    right = [f"{style_accuracy(classifier, latents, layout, i):.2f}" for i in range(len(STEMS))]
    say(f"styles heard right without {', '.join(STEMS)}: {', '.join(right)}")
    facts = {"style_timbres": timbres_by_style(latents, layout)}
    fields = config_fields(classifier.config)
    write_network(Network("style_classifier", fields, classifier, facts), home)


def fit_ears(plan: Express, songs: Path, kept_out: Path, home: Path, say: Say) -> None:
    """Trains the chord network on every song's two spectra."""
    if (home / CONFIG_NAME).exists():
        return
    spectra, labels, lengths = heard_chords_of(songs, plan.ears.frames, plan.ears_from)
    say(f"chord ears: {len(spectra)} spectra")
    at = plan.device
    ears = train_ears(spectra.to(at), labels.to(at), lengths.to(at), plan.ears)
    judged = heard_chords_of(kept_out, plan.ears.frames, plan.ears_from)
    right = accuracy(ears, *judged[:2])
    say("chord ears, kept-out songs: " + ", ".join(f"{k} {v:.3f}" for k, v in right.items()))
    write_network(
        Network("chord_ears", config_fields(ears.config), ears, {"kept_out": right}), home
    )


def heard_chords_of(
    folder: Path, frames: int, at_most: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Spectra `[N, T, 252]` float16, chords `[N, T]` and lengths `[N]` of a folder's songs."""
    spectra, labels, lengths = [], [], []
    for path in sorted(folder.glob("*.npz"))[:at_most]:
        song = load(path)
        rows = chord_labels(_chord_rows(song))
        n_frames = min(song.spectra.shape[1], len(rows))
        if n_frames < frames:
            continue
        for one in song.spectra:
            spectra.append(torch.from_numpy(one[:n_frames]))
            labels.append(torch.from_numpy(rows[:n_frames]))
            lengths.append(n_frames)
    padded = torch.nn.utils.rnn.pad_sequence
    return (padded(spectra, True), padded(labels, True, UNKNOWN), torch.tensor(lengths))


def _chord_rows(song: EncodedSong) -> np.ndarray:
    at = slice(GRID_CHANNELS, GRID_CHANNELS + CHORD_CHANNELS)
    return np.asarray(song.encoded.conditions[at], np.float32)


def fit_readers(plan: Express, songs: Path, kept_out: Path, home: Path, say: Say) -> None:
    """Fits the four note readers."""
    paths = sorted(songs.glob("*.npz"))[: plan.readers_from], sorted(kept_out.glob("*.npz"))
    wanted = [stem for stem in STEMS if not (home / stem / CONFIG_NAME).exists()]
    loaded = [encoded_songs(some) for some in paths] if wanted else []
    for stem in wanted:
        train, judged = (rolls_of(some, stem, plan.frame_s) for some in loaded)
        fitted = fit_note_reader(
            stem, train, judged, plan.frame_s, plan.reader, device=plan.device, say=say
        )
        facts = {"threshold": fitted.facts.threshold, "f1": fitted.score.f1}
        fields = config_fields(fitted.module.config)
        write_network(Network("note_reader", fields, fitted.module, facts), home / stem)
