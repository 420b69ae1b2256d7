"""The shipped model from downloads to an artifact that is verified, as one order of stages.

    material ─► kits ─► songs on SoundFonts ─► codecs ─► express run ─► artifact ─► thresholds

What a stage has finished stays, so that the same order goes on after an interruption. The folder:
`material/`, `kit/`, `heldout/`, `codecs/` (a run of `recipe`), what `express_run` leaves, and
`artifact/`, which appears once it is whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from stembridge.nn.verifying import check_artifact
from stembridge.pool.jobs import Crew
from stembridge.training.density import calibrate
from stembridge.training.express import kit_song
from stembridge.training.express_export import export_express
from stembridge.training.express_recipe import ExpressRecipe
from stembridge.training.express_run import run_express
from stembridge.training.model_card import write_card
from stembridge.training.recipe import Recipe, export_codecs, fit_codecs
from stembridge.training.recipe_tables import ExpressTables
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
        base: artifact whose codecs are kept instead of fitting them.
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
    figures = replace(table.figures, songs=few, played=few, real_played=few, separation=few)
    denoiser = replace(table.denoiser, batch=min(songs, table.denoiser.batch))
    return replace(
        order,
        codecs=replace(codec, codec=replace(codec.codec, songs=min(songs, codec.codec.songs))),
        tables=replace(
            table, denoiser=denoiser, songs=replace(table.songs, train=songs, validation=few),
            calibration=2, figures=replace(figures, long=0),
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
    songs = recipe.orders(order.out, partial(kit_song, KitSongs(kit, data.rate, data.length_s)))
    run_express(plan, songs, order.out, order.workers, say)
    unfinished = artifact.with_suffix(".partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    export_express(recipe, order.out, unfinished)
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
    """Fits the codecs to songs on SoundFonts; returns the artifact that holds them alone."""
    recipe, home = order.codecs, order.out / "codecs"
    names = make_songs(recipe.data, home, "train", recipe.codec.songs, None, Crew(order.workers))
    for done, name in enumerate(names):
        if done % 50 == 0:
            say(f"song {name}, for the codecs")
    fit_codecs(recipe, home, say)
    artifact = home / ARTIFACT
    export_codecs(home, artifact)
    facts = {"name": recipe.name, "licence": recipe.licence}
    loudness = {"nominal_lufs": NOMINAL_LUFS, "nominal_stem_lufs": NOMINAL_STEM_LUFS}
    update_manifest(artifact, facts | loudness, [])
    return artifact


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
