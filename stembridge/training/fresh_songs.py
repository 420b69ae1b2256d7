"""Songs that no other network has heard, and the note readers that go on with them.

Readers know their own songs by heart long before they read others as well as they can (F measure
.99 and .93 when they had 160), and hardly see how takes end: these songs are cut anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from stembridge.dataset import recorded, synthetic
from stembridge.dataset.compose import compose, song_seed
from stembridge.dataset.kit import Kit
from stembridge.nn.note_reader import NoteReader
from stembridge.nn.registry import CONFIG_NAME, Network, config_fields, read_network, write_network
from stembridge.training.encoded_songs import MadeSong
from stembridge.training.note_reader import Again, Say, fit_note_reader
from stembridge.training.parts import cut_anywhere, encoded_songs, rolls_of
from stembridge.training.recipe_tables import FreshTable, SongTable

_OF_BAND = 7  # of so many songs one is the band's; the others are what readers lack


@dataclass(frozen=True)
class FreshSongs:
    """Songs by split and number; can be sent to other processes.

    Attributes:
        kit: a kit's folder.
        table: length, rate and SoundFonts.
        first: number of the first.
        on_kit: play the composer's songs on the kit's General MIDI sounds, too: a machine that is
            lent for minutes has no SoundFonts.
    """

    kit: Path
    table: SongTable
    first: int
    on_kit: bool = False

    def __call__(self, split: str, index: int) -> MadeSong:
        """Song `first + index`: the composer's, every seventh the band's; cut somewhere."""
        number, rate, length_s = self.first + index, self.table.rate, self.table.length_s
        if index % _OF_BAND == _OF_BAND - 1:
            kit = _opened(self.kit)
            song = recorded.make_song(split, number, kit, rate=rate, length_s=length_s)
        elif self.on_kit:
            kit, composed = _opened(self.kit), compose(song_seed(split, number), None, length_s)
            song = recorded.perform_general_midi(composed, kit, f"{split}-{number:05d}", rate)
        else:
            font = self.table.soundfonts[number % len(self.table.soundfonts)]
            song = synthetic.make_song(split, number, rate=rate, soundfont=font, length_s=length_s)
        return MadeSong(cut_anywhere(song, np.random.default_rng([number, 5])))


@cache
def _opened(folder: Path) -> Kit:
    return Kit(folder)


@dataclass(frozen=True)
class ReaderSongs:
    """Encoded songs `*.npz` by folder, those that readers learned from and are judged by."""

    known: list[Path]
    fresh: list[Path]
    kept_out: list[Path]


def readers_that_go_on(table: FreshTable, run: Path) -> list[str]:
    """Stems whose readers are to go on with fresh songs, and have not yet."""
    return [s for s in table.readers if not (run / "fresh" / s / CONFIG_NAME).exists()]


def fit_again(
    table: FreshTable, songs: ReaderSongs, run: Path, frame_s: float, device: str, say: Say
) -> None:
    """Readers of `run/readers/<stem>` go on with fresh songs, into `run/fresh/<stem>`."""
    wanted = readers_that_go_on(table, run)
    if not wanted or not songs.fresh:
        return
    train, judged = encoded_songs([*songs.known, *songs.fresh]), encoded_songs(songs.kept_out)
    for stem in wanted:
        reader = read_network(run / "readers" / stem).module
        if not isinstance(reader, NoteReader):
            raise ValueError(f"{run / 'readers' / stem} holds no note reader")
        fitted = fit_note_reader(
            stem, rolls_of(train, stem, frame_s), rolls_of(judged, stem, frame_s), frame_s,
            table.readers[stem], device=device, say=say,
            again=Again(reader, len(songs.fresh), table.share),
        )  # fmt: skip
        say(f"{stem}: threshold {table.threshold}, as the recipe says")
        facts = {"threshold": table.threshold, "f1": fitted.score.f1}
        fields = config_fields(fitted.module.config)
        write_network(Network("note_reader", fields, fitted.module, facts), run / "fresh" / stem)
