"""`stembridge evaluate`: how good is a model, on songs it never saw."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stembridge.cli.evaluate_instead import Instead
from stembridge.cli.evaluate_songs import Measuring, Programs, SongSet, SongSource
from stembridge.cli.evaluate_tables import TablesAsked, tell_tables
from stembridge.cli.shared import (
    ClusterOption,
    CpuOption,
    GpuOption,
    ModelOption,
    WorkersOption,
    console,
    crew_of,
    device_word,
    open_model,
)
from stembridge.errors import BadArgsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stembridge.evaluation.heldout import Trial
    from stembridge.evaluation.songs import Songs
    from stembridge.pool.jobs import Crew
    from stembridge.runtime.manifest import Manifest
    from stembridge.runtime.model import StemModel


def _panel(title: str) -> Callable[..., Any]:
    return partial(typer.Option, rich_help_panel=title)


_songs, _takes = _panel("The songs"), _panel("How the takes are made")
_also, _instead = _panel("What is measured"), _panel("Another report instead")
_of_those = _panel("What those reports also take")


def evaluate(
    out: Annotated[Path, typer.Option(help="Folder for report.html and report.json.")],
    songs: Annotated[int, _songs(min=0, help="Number of held-out songs.")] = 100,
    data: Annotated[
        Path | None, _songs(help="Folder of rendered songs; composed anew if left out.")
    ] = None,
    song_set: Annotated[
        SongSet,
        _songs("--set", help="Composed on SoundFonts, or real instruments and drummers."),
    ] = SongSet.SYNTHETIC,
    kit: Annotated[
        Path | None,
        _songs(help="Instruments of the real set: `stembridge train kit --held-out`."),
    ] = None,
    reference: Annotated[
        Path | None,
        _songs(help="Your own multitracks: folders of stems (stembridge/training/README.md)."),
    ] = None,
    soundfont: Annotated[str, _songs(help="SoundFont of the songs.")] = "FluidR3_GM.sf2",
    programs: Annotated[
        Programs, _songs(help="Instruments as in training, or none of those.")
    ] = Programs.TRAINED,
    ceiling_only: Annotated[
        bool, _also("--ceiling-only", help="Only what the codec makes of the true stems.")
    ] = False,
    played_only: Annotated[
        bool, _also("--played-only", help="Takes as an instrument plays them, nothing else.")
    ] = False,
    long_form: Annotated[
        int, _also(min=0, help="Long songs of each case: metres, tempos, 16 and 32 bars.")
    ] = 0,
    rework: Annotated[
        int, _also(min=0, help="Songs of which some bars are made anew, for their seams.")
    ] = 0,
    prompts: Annotated[int, _instead(min=0, help="Takes with so many prompts, and without.")] = 0,
    edges: Annotated[
        str, _instead(help='Edges and loop seams of 60 takes, "played" or "model".')
    ] = "",
    subsets: Annotated[
        bool, _instead("--subsets", help="All subsets of stems, the papers' tables.")
    ] = False,
    separation: Annotated[
        bool, _instead("--separation", help="Their mixes taken apart; also beside.")
    ] = False,
    listening: Annotated[
        int, _instead(min=0, help="A page on which people rate clips of N songs.")
    ] = 0,
    ratings: Annotated[
        Path | None, _instead(help="Tell what the listeners' files in there say.")
    ] = None,
    embedding: Annotated[
        str, _of_those(help="Of --subsets: ONNX file, or vggish=FILE, clap=FILE; ours if none.")
    ] = "",
    embedding_rate: Annotated[
        int | None, _of_those(min=1000, max=192_000, help="Rate of --embedding, Hz.")
    ] = None,
    embedding_sha256: Annotated[
        str, _of_those(help="Vouches for an --embedding in TorchScript, a program.")
    ] = "",
    closed_forms: Annotated[
        bool, _instead("--closed-forms", help="Procedures against exact answers.")
    ] = False,
    coherence: Annotated[
        bool, _instead("--coherence", help="Do stems made at once belong together.")
    ] = False,
    beside: Annotated[
        list[Path] | None, _of_those(help="Earlier --coherence reports to be shown beside.")
    ] = None,
    ears: Annotated[
        bool, _instead("--ears", help="Do the chord ears hear right, beside others.")
    ] = False,
    basic_pitch: Annotated[
        Path | None, _of_those(help="basic-pitch's nmp.onnx, to be heard with --ears.")
    ] = None,
    curve: Annotated[str, _also(help="Steps to compare the figures at, such as 5,10,20.")] = "",
    steps: Annotated[int | None, _takes(help="Sampler steps.")] = None,
    sampler: Annotated[str | None, _takes(help="As in `arrange --sampler`.")] = None,
    guidance: Annotated[float | None, _takes(help="Pull of the conditions.")] = None,
    chords: Annotated[bool, _takes("--chords", help="Tell the model the chords.")] = False,
    no_grid: Annotated[bool, _takes("--no-grid", help="Do not tell the tempo.")] = False,
    no_choice: Annotated[
        bool, _takes("--no-choice", help="Style and instruments stay open.")
    ] = False,
    seed: Annotated[int, _takes(help="Seed of the takes.")] = 0,
    workers: WorkersOption = 1,
    cluster: ClusterOption = None,
    model: ModelOption = None,
    gpu: GpuOption = None,
    cpu: CpuOption = False,
) -> None:
    """Generate every stem of held-out songs given the rest, and measure it."""
    from stembridge.evaluation.heldout import Trial
    from stembridge.evaluation.long_form import evaluate_long
    from stembridge.evaluation.run import evaluate as run
    from stembridge.evaluation.summary import summary

    source = SongSource(song_set, kit, reference, data, soundfont, programs)
    way = Instead(
        closed_forms, prompts, edges, ears, basic_pitch, ratings, coherence, beside, steps
    )
    asked = TablesAsked(subsets, separation, listening, embedding, embedding_rate, embedding_sha256)
    way.check(asked)
    if way.asked:
        opened = partial(open_model, model, device_word(gpu, cpu))
        facts_of = partial(_facts, seed=seed, source=source)
        return way.measure(out, seed, opened, partial(source.songs, songs), facts_of)
    counts = _step_counts(curve, songs)
    crew = crew_of(workers, cluster, gpu, cpu)
    opener, manifest = _opener(model, device_word(gpu, cpu), crew)
    trial = Trial(
        sampler, steps, guidance, chords, not no_grid, ceiling_only, not no_choice, played_only
    )
    held_out, say = source.songs(songs, manifest), console().print
    facts = _facts(manifest, held_out, trial, seed, source)
    if asked.asked:
        what = Measuring(opener, manifest, held_out, trial, seed, crew)
        return tell_tables(out, asked, what, facts)
    measure = partial(run, opener, held_out, seed=seed, crew=crew, say=say)
    results, report = {}, {"facts": facts | {"programs": programs.value}}
    if songs:
        results = _compared(measure(trial))
        report["stems"] = summary(results)
    if counts:
        report["curve"] = _curve(counts, trial, measure, manifest)
    if long_form:
        report["long_form"] = evaluate_long(
            opener, long_form, soundfont, trial, seed=seed, crew=crew, say=say
        )
    if rework:
        report["redone"] = _redone(opener, source.songs(rework, manifest), seed)
    return _write(out, report, results, manifest)


def _redone(opener: Callable[[], StemModel], songs: Songs, seed: int) -> Any:
    from stembridge.evaluation.redone import evaluate_redone

    return evaluate_redone(opener, songs, seed=seed, say=console().print)


def _compared(results: Any) -> Any:
    """Stems of two songs or more: figures are means, and distances want another song."""
    for stem in (stem for stem, rows in results.items() if len(rows) < 2):
        console().print(f"{stem}: in one song only, so not measured")
    return {stem: rows for stem, rows in results.items() if len(rows) > 1}


def _step_counts(text: str, songs: int) -> list[int]:
    """Steps to compare at; one song alone has no other for a control."""
    try:
        counts = [int(word) for word in text.split(",") if word.strip()]
    except ValueError:
        counts = [0]
    if any(count < 1 for count in counts):
        raise BadArgsError(f'"{text}" is not a list of steps; write for example 5,10,20.')
    if songs < 2 and (songs or counts):
        raise BadArgsError("Give at least two songs: one lends its chords to the other as control.")
    return counts


def _opener(model: str | None, device: str, crew: Crew) -> tuple[Callable[[], StemModel], Manifest]:
    """What opens the model in each process, and its manifest."""
    from stembridge.runtime.device import Threads, share_of_cores

    opened = open_model(model, device)
    if crew.is_alone:
        return (lambda: opened), opened.manifest
    cores = 1 if crew.cluster else share_of_cores(crew.workers)
    return partial(open_model, model, device, Threads(cores=cores)), opened.manifest


def _facts(
    manifest: Manifest, songs: Songs, trial: Trial | str, seed: int, source: SongSource
) -> dict[str, Any]:
    return {
        "model": manifest.name,
        "artifact": manifest.artifact_sha256,
        "songs": len(songs),
        "soundfont": str(source),
        "setting": str(trial),
        "seed": seed,
    }


def _curve(counts: list[int], trial: Trial, measure: Any, manifest: Manifest) -> Any:
    from stembridge.evaluation.curve import curve
    from stembridge.evaluation.summary import summary

    def figures_at(count: int) -> dict[str, Any]:
        console().print(f"{count} steps")
        return summary(measure(replace(trial, steps=count), n_examples=0))

    return curve(counts, figures_at, manifest.window_frames * manifest.hop / manifest.sample_rate)


def _write(out: Path, report: dict[str, Any], results: Any, manifest: Manifest) -> None:
    from stembridge.cli.evaluate_print import print_table
    from stembridge.evaluation.report import html_report

    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(report, indent=1))
    title = f"{manifest.name} on held-out songs"
    page = html_report(title, report, results, manifest.sample_rate)
    (out / "report.html").write_text(page, encoding="utf-8")
    if "stems" in report:
        print_table(report["stems"])
    print(out / "report.html")
