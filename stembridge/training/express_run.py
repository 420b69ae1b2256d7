"""The default model's networks in minutes, on one GPU, against the clock.

    songs (many cores) ─► denoiser ─► chord ears ─► note readers ─► some go on with fresh songs

The folder: `songs/<split>/` (one file a song), `run/` (denoiser), `ears/`, `readers/<stem>/`,
`fresh/<stem>/`. Every stage that is there is left alone, so that the same command goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from stembridge.conditions import CHORD_CHANNELS, GRID_CHANNELS
from stembridge.dataset.song import STEMS
from stembridge.nn.backbone import BackboneConfig
from stembridge.nn.registry import CONFIG_NAME, Network, config_fields, write_network
from stembridge.training.chord_ears import UNKNOWN, EarsTraining, accuracy, chord_labels, train_ears
from stembridge.training.denoiser import DenoiserTraining
from stembridge.training.encoded_songs import EncodedSong, load
from stembridge.training.express import SongOrder, start_makers
from stembridge.training.fresh_songs import ReaderSongs, fit_again, readers_that_go_on
from stembridge.training.live import LiveTraining, train_live
from stembridge.training.note_reader import ReaderTraining, fit_note_reader
from stembridge.training.parts import encoded_songs, rolls_of
from stembridge.training.recipe_tables import FreshTable

Say = Callable[[str], None]


@dataclass(frozen=True)
class Express:
    """Everything but the songs.

    Attributes:
        backbone, denoiser, live: the denoiser, its training and its clock.
        ears, reader: the other networks' training; their clocks are in these.
        fresh: what some of the readers go on with.
        frame_s: length of a latent frame, s.
        device: "cuda" or "cpu".
        ears_from, readers_from: songs the chord ears and the note readers learn from, at most.
    """

    backbone: BackboneConfig
    denoiser: DenoiserTraining
    live: LiveTraining
    ears: EarsTraining
    reader: ReaderTraining
    fresh: FreshTable = field(default_factory=FreshTable)
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
        orders: of songs that are kept out, to train on, and, where readers go on, fresh.
        folder: see the module.
        workers: processes that make songs.
        say: told what happens.
    """
    kept_out, songs = orders[0].folder, orders[1].folder
    # One after the other: two processes training on one GPU ended both with a launch failure.
    if not (folder / "run" / "done").exists():
        makers = start_makers(orders, workers)
        train_live(plan.backbone, plan.denoiser, plan.live, songs=songs, layout=orders[1].layout,
                   folder=folder / "run", say=say)  # fmt: skip
        (folder / "run" / "done").touch()
        for maker in makers:
            maker.terminate()
    fit_ears(plan, songs, kept_out, folder / "ears", say)
    fit_readers(plan, songs, kept_out, folder / "readers", say)
    for order in orders[2:] if readers_that_go_on(plan.fresh, folder) else ():
        known = replace(orders[1], count=min(orders[1].count, plan.readers_from))
        # Those that are not there yet; where networks were trained elsewhere, the known ones, too.
        for maker in start_makers([orders[0], known, order], max(1, workers)):
            maker.join()
        fresh = _some(order.folder, order.count)
        if len(fresh) < order.count:
            say(f"only {len(fresh)} of {order.count} fresh songs could be made")
        heard = ReaderSongs(_some(songs, plan.readers_from), fresh, _some(kept_out))
        fit_again(plan.fresh, heard, folder, plan.frame_s, plan.device, say)


def _some(folder: Path, at_most: int | None = None) -> list[Path]:
    """A folder's songs, the first of them."""
    return sorted(folder.glob("*.npz"))[:at_most]


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
    for path in _some(folder, at_most):
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
    paths = _some(songs, plan.readers_from), _some(kept_out)
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
