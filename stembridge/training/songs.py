"""The songs of a run, composed and rendered by as many processes as there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stembridge.dataset import recorded, synthetic
from stembridge.dataset.kit import Kit
from stembridge.errors import BadArgsError
from stembridge.pool.jobs import Crew
from stembridge.training.recipe_tables import SongTable


def make_songs(
    data: SongTable,
    folder: Path,
    split: str,
    count: int,
    kit: Path | None = None,
    crew: Crew | None = None,
) -> Iterator[str]:
    """Composes and renders songs of a split into `folder/songs/<split>`; yields their names.

    Args:
        data: the recipe's table of that name.
        folder: of the run.
        split: "train", "validation" or "test".
        count: songs there shall be.
        kit: makes songs of a band on its instruments; without, `compose`'s on SoundFonts.
        crew: who works; None is as many processes as the recipe says.

    Raises:
        BadArgsError: a kit's songs on a cluster; the kit is here.
    """
    crew = crew or Crew(data.workers)
    home, rate, length_s = folder / "songs" / split, data.rate, data.length_s
    if kit is None:
        fonts = data.soundfonts
        yield from synthetic.build(
            home, split, count, rate=rate, soundfonts=fonts, length_s=length_s, crew=crew
        )
        return
    if crew.cluster is not None:
        raise BadArgsError("Songs on a kit's instruments are made here; leave out --cluster.")
    yield from recorded.build(
        home, split, count, Kit(kit), rate=rate, length_s=length_s, workers=crew.workers
    )
