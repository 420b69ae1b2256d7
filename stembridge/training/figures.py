"""Puts the figures of evaluations into an artifact's manifest, and from there into its card.

    python -m stembridge.training.figures REPORTS [FOLDER]          the embedded model, or another's
    python -m stembridge.training.figures REPORTS --readme README.md     its tables too
    python -m stembridge.training.figures REPORTS --add                  the others' stay

REPORTS holds a folder for each evaluation of the artifact that was made (`--out`):

    songs/       stembridge evaluate --songs 100
    programs/    stembridge evaluate --songs 24 --programs held-out --ceiling-only
    soundfont/   stembridge evaluate --songs 24 --soundfont TimGM6mb.sf2 --ceiling-only
    long/        stembridge evaluate --songs 0 --long-form 1
    played/      stembridge evaluate --songs 100 --played-only     (or a copy of songs/)
    real_played/ stembridge evaluate --set real --kit KIT --songs 60 --played-only
    separation/  stembridge evaluate --songs 24 --separation    (or separation_real, --set real)
    subsets/     stembridge evaluate --songs 24 --subsets       (or with --separation)
    curve.json   stembridge train loss 2900=OLD 8100=OLDER … --data LATENTS --out curve.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stembridge.dataset.song import STEMS
from stembridge.evaluation.subset_figures import ALL
from stembridge.evaluation.subsets import CODEC, MADE, OTHER, RESTED, TRUE
from stembridge.evaluation.summary import FRECHET
from stembridge.paths import pretrained_dir
from stembridge.runtime.manifest import parse_manifest, read_manifest, write_manifest
from stembridge.training.model_card import write_card
from stembridge.training.readme_tables import with_tables

_OF_STEM = (
    "on_grid_share_of_ceiling",
    "onset_rate_of_truth",
    "offset_beyond_truth_ms",
    "latent_deviation_ratio",
    "level_gain_db",
)
# Figure -> the subjects whose mean is kept; the take's goes by the figure's own name.
_OF_SUBJECT = {
    "on_sixteenth": ("generated", "ceiling"),
    "offset_ms": ("generated", "truth"),
    "onsets_per_s": ("generated", "ceiling", "truth"),
    "root": ("generated", "truth"),
    "root_shuffled": ("generated",),
    "in_chord": ("generated", "ceiling", "truth"),
    "in_chord_shuffled": ("generated",),
    "silent": ("generated",),
    "loudness_difference_lu": ("generated",),
    "lsd_db": ("ceiling",),
}
_OF_LONG = dict.fromkeys(
    ("quarter_change", "bars_change", "drift_ms", "seam_click_rank", "seam_jump_rank"),
    ("generated", "truth"),
)
_OF_PLAYED_SOUND = {
    "on_sixteenth": ("played", "truth"),
    "root": ("played", "truth"),
    "in_chord": ("played", "truth"),
    "loudness_difference_lu": ("played",),
    "silent": ("played",),
}
_OF_PLAYED = (
    "notes_per_s_of_truth",
    "played_offset_beyond_truth_ms",
    "played_rise_beyond_truth_ms",
)
_OF_PART = (
    "note_f1", "notes_in_chord", "notes_in_chord_truth", "notes_on_grid", "notes_on_grid_truth",
    "side_db",
)  # fmt: skip
_TAKES = ("generated", "played")
_CODEC_ALONE = ("lsd_db_ceiling", "ceiling_treble_difference_db")

Figures = dict[str, Any]


def manifest_figures(reports: Mapping[str, Mapping[str, Any]]) -> Figures:
    """What the manifest keeps of the reports ("songs", "real", "programs", "soundfont", "long").

    Raises:
        ValueError: they are not all of the same artifact.
    """
    if len({report["facts"]["artifact"] for report in reports.values()}) > 1:
        raise ValueError("the reports are of different artifacts")
    out: Figures = {}
    if "songs" in reports:
        facts = reports["songs"]["facts"]
        out |= {"songs": facts["songs"], "setting": facts["setting"]}
        out["stems"] = {stem: _kept(values) for stem, values in reports["songs"]["stems"].items()}
    if "real" in reports:
        stems = {stem: _kept(values) for stem, values in reports["real"]["stems"].items()}
        out["real"] = {"songs": reports["real"]["facts"]["songs"], "stems": stems}
    for name in ("programs", "soundfont"):
        if name not in reports:
            continue
        kept = {stem: _kept(values) for stem, values in reports[name]["stems"].items()}
        alone = {s: {k: v for k, v in f.items() if k in _CODEC_ALONE} for s, f in kept.items()}
        out[f"held_out_{name}"] = {"songs": reports[name]["facts"]["songs"], "stems": alone}
    for name in ("played", "real_played"):
        if name in reports:
            stems = {s: _kept_played(values) for s, values in reports[name]["stems"].items()}
            out[name] = {"songs": reports[name]["facts"]["songs"], "stems": stems}
    if "long" in reports:
        takes = reports["long"]["long_form"]["all"]
        out["long_takes"] = {
            "measured": (
                "By `stembridge evaluate --long-form`: whole songs of 16 and 32 bars in several "
                f"metres and tempi, {takes[STEMS[0]]['generated']['drift_ms']['n']} in all."
            ),
            "stems": {stem: _means(takes[stem], _OF_LONG) for stem in STEMS},
        }
    return out


def figures_of_tables(name: str, report: Mapping[str, Any]) -> Figures:
    """What the manifest keeps of a report with the papers' tables, by the report's name."""
    out: Figures = {}
    if "subsets" in report:
        out[name] = _subsets(report)
    if "mask" in report.get("separation", {}):
        out[f"{name}_separation" if out else name] = _separation(report)
    return out


def _subsets(report: Mapping[str, Any]) -> Figures:
    found, facts = report["subsets"], report["facts"]
    mean, whole, pairs = found["mean_of_partial"], found["mixes"][ALL], found["pairs"]
    words = (
        f"By `stembridge evaluate --subsets --songs {facts['songs']}`: mixes of {found['songs']} "
        f"songs ({facts['soundfont']}) with every subset of the stems made for the rest. "
        f"{found['distance']} to the true mixes: {mean[MADE]:.2f} on average over the partial "
        f"subsets (true stems through the codec {mean[CODEC]:.2f}, another song's "
        f"{mean[OTHER]:.2f}); all stems made for nothing {whole[MADE]:.2f} (codec "
        f"{whole[CODEC]:.2f}); two halves of the true mixes {found['true_halves']:.2f}. Beats "
        f"heard alike in each stem and the others: made {pairs[ALL]['beats'][MADE]:.2f}, true "
        f"{pairs[ALL]['beats'][TRUE]:.2f}, another song's {pairs[ALL]['beats'][OTHER]:.2f}. All by "
        "this project's own embeddings: not comparable with published FAD, APA or COCOLA."
    )
    stems = {
        stem: {
            "subset_distance_together": row[MADE],
            "subset_distance_rest": row[RESTED],
            "subset_distance_codec": row[CODEC],
            "apa_pair3": found["pairs"][stem[0].upper()]["apa"],
        }
        for stem, row in found["stems"].items()
    }
    return {"songs": found["songs"], "measured": words, "stems": stems}


def _separation(report: Mapping[str, Any]) -> Figures:
    found = report["separation"]
    kinds = {"": found["mask"]} | ({"_ceiling": found["ceiling"]} if "ceiling" in found else {})
    stems = {
        stem: {f"si_sdr_improvement_db{kind}": row["stems"][stem] for kind, row in kinds.items()}
        for stem in found["mask"]["stems"]
    }
    songs, source = report["facts"]["songs"], report["facts"]["soundfont"]
    mean, windows = found["mask"]["mean"], found["mask"]["windows"]
    words = (
        f"By `stembridge evaluate --separation`: mixes of {songs} songs ({source}"
        f"), {windows} windows of 4 s; mean of the stems {mean:.2f} dB. Masks of "
        "the true stems as the codecs hold them are the ceiling."
    )
    return {"songs": songs, "measured": words, "stems": stems}


def _kept(values: Mapping[str, Any]) -> Figures:
    present = (name for name in _OF_STEM if values.get(name) is not None)
    out: Figures = {name: _rounded(values[name]) for name in present}
    out |= _means(values, _OF_SUBJECT)
    out[FRECHET] = {name: _rounded(value) for name, value in values[FRECHET].items()}
    if values["ceiling_treble_difference_db"]:
        out["ceiling_treble_difference_db"] = _rounded(
            values["ceiling_treble_difference_db"]["mean"]
        )
    return out


def _kept_played(values: Mapping[str, Any]) -> Figures:
    out = {name: _rounded(values[name]) for name in _OF_PLAYED if values.get(name) is not None}
    part = values["part"]
    out |= {name: _rounded(part[name]["mean"]) for name in _OF_PART if name in part}
    out |= _means(values, _OF_PLAYED_SOUND)
    return out | {FRECHET: {"played": _rounded(values[FRECHET]["played"])}}


def _means(values: Mapping[str, Any], table: Mapping[str, tuple[str, ...]]) -> Figures:
    """The means that a table keeps, of those subjects that have the figure."""
    return {
        name if subject in _TAKES else f"{name}_{subject}": _rounded(values[subject][name]["mean"])
        for name, subjects in table.items()
        for subject in subjects
        if name in values.get(subject, {})
    }


def _rounded(value: float) -> float:
    return round(float(value), 3)


def read_report(folder: Path) -> dict[str, Any]:
    """The report that an evaluation left in a folder."""
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


def put_figures(
    reports: Mapping[str, Mapping[str, Any]],
    artifact: Path,
    *,
    kept: bool = False,
    curve: Mapping[str, Any] | None = None,
) -> Figures:
    """Writes figures into an artifact's manifest and card; returns all that stand there.

    Args:
        reports: by name, as in the module.
        artifact: that they are of.
        kept: figures of other reports stay.
        curve: losses after so many steps.
    """
    figures = manifest_figures(reports)
    for name, report in reports.items():
        figures |= figures_of_tables(name, report)
    mapping = read_manifest(artifact).to_mapping()
    figures = (mapping["figures"] if kept else {}) | figures
    mapping["figures"] = figures
    if curve is not None:
        mapping["training"]["learning_curve"] = curve
    write_manifest(parse_manifest(mapping), artifact)
    write_card(artifact)
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes manifest and card, and the README's tables if asked to."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("reports", type=Path)
    parser.add_argument("artifact", type=Path, nargs="?", default=pretrained_dir())
    parser.add_argument("--readme", type=Path)
    parser.add_argument("--add", action="store_true")
    args = parser.parse_args(arguments)
    reports = {
        path.parent.name: read_report(path.parent)
        for path in sorted(args.reports.glob("*/report.json"))
    }
    curve = args.reports / "curve.json"
    losses = json.loads(curve.read_text()) if curve.is_file() else None
    figures = put_figures(reports, args.artifact, kept=args.add, curve=losses)
    if args.readme:
        text = args.readme.read_text(encoding="utf-8")
        args.readme.write_text(with_tables(text, figures), encoding="utf-8")


if __name__ == "__main__":
    main()
