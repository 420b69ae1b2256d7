"""The shipped model from downloads to an artifact that is verified, as one order of stages.

    material ─► kits ─► codecs, styles ─► express run ─► artifact ─► thresholds ─► verified

Codecs and the style classifier learn from songs on SoundFonts, all other networks from a band's on
the kit's instruments; some note readers go on with fresh songs of both.

What a stage has finished stays, so that the same order goes on after an interruption. The folder:
`material/`, `kit/`, `heldout/`, `codecs/` (a run of `recipe`), what `express_run` leaves, and
`artifact/`, which appears once it is whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib import resources
from pathlib import Path

from stembridge.dataset import charts, grooves
from stembridge.dataset.augment import NOMINAL_LUFS, NOMINAL_STEM_LUFS
from stembridge.dataset.kit import INDEX_NAME, Kit
from stembridge.dataset.kit_build import build_kit
from stembridge.dataset.material import write_material
from stembridge.dataset.recorded import KitSongs
from stembridge.dataset.song import STEMS
from stembridge.dataset.sources import BILLBOARD, GROOVE, require_sources
from stembridge.errors import CreateFailedError, NoSuchFileError
from stembridge.nn.exporting import update_manifest
from stembridge.nn.registry import read_network
from stembridge.nn.verifying import check_artifact
from stembridge.pool.jobs import Crew
from stembridge.training.density import calibrate
from stembridge.training.express import kit_song
from stembridge.training.express_export import export_express
from stembridge.training.express_recipe import ExpressRecipe, composers_layout
from stembridge.training.express_run import run_express
from stembridge.training.fresh_songs import FreshSongs
from stembridge.training.model_card import write_card
from stembridge.training.recipe import (
    Recipe,
    encode_songs,
    export_codecs,
    export_styles,
    fit_codecs,
    fit_styles,
)
from stembridge.training.recipe_tables import ExpressTables, FigureTable
from stembridge.training.songs import make_songs

Say = Callable[[str], None]
ARTIFACT = "artifact"


@dataclass(frozen=True)
class ModelOrder:
    """What is to be made.

    Attributes:
        material: folder with the downloads (`dataset.sources`).
        out: the run's folder.
        codecs: recipe of the codecs.
        tables: recipe of everything else.
        base: artifact whose codecs and style classifier are kept instead of fitting them.
        device, pace: of the express run.
        workers: processes that make songs.
        some: do without what is missing of the material.
    """

    material: Path
    out: Path
    codecs: Recipe
    tables: ExpressTables
    base: Path | None = None
    device: str = "cpu"
    pace: float = 1.0
    workers: int = 2
    some: bool = False


def tried_out(order: ModelOrder, songs: int) -> ModelOrder:
    """The same order at toy size: so many songs of everything, to see that all stages run."""
    few = max(2, songs // 10)
    table, codec = order.tables, order.codecs
    figures = FigureTable(**{row.name: few for row in fields(FigureTable)} | {"long": 0})
    denoiser = replace(table.denoiser, batch=min(songs, table.denoiser.batch))
    readers = {
        stem: replace(reader, steps=min(10 * songs, reader.steps))
        for stem, reader in table.fresh.readers.items()
    }
    fresh = replace(table.fresh, songs=min(few, table.fresh.songs), readers=readers)
    return replace(
        order,
        codecs=replace(
            codec, data=replace(codec.data, songs=songs),
            codec=replace(codec.codec, songs=min(songs, codec.codec.songs)),
            style=replace(codec.style, steps=min(10 * songs, codec.style.steps)),
        ),
        tables=replace(
            table, denoiser=denoiser, fresh=fresh, calibration=2, figures=figures,
            songs=replace(table.songs, train=songs, validation=few),
        ),
    )  # fmt: skip


def make_model(order: ModelOrder, say: Say) -> Path:
    """All stages; returns the artifact's folder.

    Raises:
        NoSuchFileError: material is missing, and the order does not do without.
        MissingExtraError: sfizz or FluidSynth is not installed.
        CreateFailedError: the artifact computes something else than was trained.
    """
    artifact = order.out / ARTIFACT
    if artifact.is_dir():
        say(f"'{artifact}' is there")
        return artifact
    require_sources(order.material, order.some, say)
    compare_material(order.material, order.out / "material", say)
    kit, held_out = (_kit(order, name, say) for name in ("kit", "heldout"))
    if kit is None:
        raise NoSuchFileError(f"'{order.material}' has no instruments for some of the stems.")
    recipe = ExpressRecipe(order.tables, order.base or _codecs(order, say), order.codecs)
    plan = recipe.plan(order.device, order.pace)
    data = order.codecs.data
    played = partial(kit_song, KitSongs(kit, data.rate, data.length_s))
    fresh = FreshSongs(kit, data, order.tables.fresh.first)
    orders = recipe.orders(order.out, played, fresh)
    run_express(plan, orders, order.out, order.workers, say)
    unfinished = artifact.with_suffix(".partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    export_express(recipe, order.out, unfinished, say)
    say(f"thresholds of the note readers, on {order.tables.calibration} songs of each kind:")
    calibrate(unfinished, order.tables.calibration, held_out, say)
    verify(unfinished, say)
    write_card(unfinished)
    unfinished.rename(artifact)
    return artifact


def compare_material(folder: Path, out: Path, say: Say) -> None:
    """Makes what the composer draws from anew, and says whether the package's own is the same."""
    if not all((folder / name).is_file() for name in (GROOVE, BILLBOARD)):
        say("charts and drum performances are the package's own")
        return
    made = [out / Path(name).name for name in (charts.PACKED, grooves.PACKED)]
    if not all(path.is_file() for path in made):
        write_material(folder / GROOVE, folder / BILLBOARD, out)
    for path, name in zip(made, (charts.PACKED, grooves.PACKED), strict=True):
        own = resources.files("stembridge.dataset").joinpath(name).read_bytes()
        same = path.read_bytes() == own
        say(f"{path.name}: {'as' if same else 'NOT as'} in the package, whose is used")


def _kit(order: ModelOrder, name: str, say: Say) -> Path | None:
    """A kit of the material, or None where that has not an instrument for each stem."""
    home = order.out / name
    try:
        for line in build_kit(order.material, home, held_out=name == "heldout"):
            say(line)
    except NoSuchFileError:
        if not order.some:
            raise
    played = Kit(home).instruments.values() if (home / INDEX_NAME).is_file() else ()
    without = sorted(set(STEMS) - {instrument.stem for instrument in played})
    if without:
        say(f"no kit '{home}': there is nothing to play {', '.join(without)} on")
    return None if without else home


def _codecs(order: ModelOrder, say: Say) -> Path:
    """Fits codecs and style classifier to songs on SoundFonts; returns an artifact of these.

    Once that is there, the songs are not needed any more.
    """
    recipe, home, crew = order.codecs, order.out / "codecs", Crew(order.workers)
    artifact = home / ARTIFACT
    if artifact.is_dir():
        return artifact
    names = make_songs(recipe.data, home, "train", recipe.data.songs, None, crew)
    for done, name in enumerate(names):
        if done % 50 == 0:
            say(f"song {name}, for codecs and styles")
    codecs = fit_codecs(recipe, home, say)
    fit_styles(recipe, home, encode_songs(recipe, home, "train", codecs, crew), say)
    unfinished, layout = artifact.with_suffix(".partial"), composers_layout(recipe.codec.channels)
    export_codecs(home, unfinished)
    export_styles(read_network(home / "style"), unfinished, layout.channels)
    facts = {"name": recipe.name, "licence": recipe.licence}
    loudness = {"nominal_lufs": NOMINAL_LUFS, "nominal_stem_lufs": NOMINAL_STEM_LUFS}
    update_manifest(unfinished, facts | loudness, [])
    return unfinished.rename(artifact)


def verify(artifact: Path, say: Say) -> None:
    """Compares an artifact's networks with what torch answered when they were exported.

    Raises:
        CreateFailedError: one differs.
    """
    found = check_artifact(artifact)
    wrong = [f"{one.name} by {one.euclidean:.1e}" for one in found if not one.acceptable]
    if wrong:
        raise CreateFailedError(f"'{artifact}' is not what was trained: {', '.join(wrong)}.")
    say(f"verified: {len(found)} answers are what torch gave")
