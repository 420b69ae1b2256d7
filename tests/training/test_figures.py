"""From evaluation reports to manifest, card and README, without a hand in between."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from stembridge.dataset.song import STEMS
from stembridge.evaluation.summary import FRECHET
from stembridge.paths import pretrained_dir
from stembridge.runtime.load import load_model
from stembridge.runtime.manifest import read_manifest
from stembridge.training.figures import figures_of_tables, main, manifest_figures
from stembridge.training.model_card import CARD_NAME, model_card
from stembridge.training.readme_tables import BEGIN, END, readme_tables, with_tables

README = Path(__file__).parents[2] / "README.md"
NAMES = (
    "on_sixteenth", "offset_ms", "onsets_per_s", "silent", "loudness_difference_lu", "lsd_db",
)  # fmt: skip
HARMONY = ("root", "root_shuffled", "in_chord", "in_chord_shuffled")


def estimate(value: float) -> dict[str, float]:
    return {"mean": value, "low": value - 1, "high": value + 1, "n": 3}


def stem_report(stem: str, *, ceiling_only: bool = False) -> dict[str, Any]:
    names = NAMES if stem == "drums" else NAMES + HARMONY
    levels = {"generated": 0.1, "ceiling": 0.2, "truth": 0.3}
    if ceiling_only:
        del levels["generated"]
    report: dict[str, Any] = {
        subject: {name: estimate(level) for name in names} for subject, level in levels.items()
    }
    report[FRECHET] = {"generated": 2.0, "ceiling": 1.0, "nearest_wrong_stem": 30.0}
    report["ceiling_treble_difference_db"] = estimate(-3.0)
    if not ceiling_only:
        report |= {"latent_deviation_ratio": 0.95, "level_gain_db": -1.0}
    return report


def reports() -> dict[str, Any]:
    facts = {"artifact": "a", "songs": 3, "setting": "Setting()"}
    alone = {stem: stem_report(stem, ceiling_only=True) for stem in STEMS}
    takes = ("quarter_change", "bars_change", "drift_ms", "seam_click_rank", "seam_jump_rank")
    long = {
        "generated": dict.fromkeys(takes, estimate(0.5)),
        "truth": dict.fromkeys(takes, estimate(0.4)),
    }
    return {
        "songs": {"facts": facts, "stems": {stem: stem_report(stem) for stem in STEMS}},
        "programs": {"facts": facts, "stems": alone},
        "soundfont": {"facts": facts, "stems": alone},
        "long": {"facts": facts, "long_form": {"all": dict.fromkeys([*STEMS, "all"], long)}},
    }


def write(folder: Path, found: dict[str, Any]) -> None:
    for name, report in found.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "report.json").write_text(json.dumps(report))


def test_figures_keep_their_subjects_apart() -> None:
    figures = manifest_figures(reports())
    bass, drums = figures["stems"]["bass"], figures["stems"]["drums"]
    assert (bass["on_sixteenth"], bass["on_sixteenth_ceiling"]) == (0.1, 0.2)
    assert (bass["offset_ms"], bass["offset_ms_truth"]) == (0.1, 0.3)
    assert bass["latent_deviation_ratio"] == 0.95
    assert "root" in bass
    assert "root" not in drums
    alone = {"lsd_db_ceiling": 0.2, "ceiling_treble_difference_db": -3.0}
    assert figures["held_out_programs"] == {"songs": 3, "stems": dict.fromkeys(STEMS, alone)}
    assert figures["long_takes"]["stems"]["piano"]["drift_ms_truth"] == 0.4


def test_reports_of_two_artifacts_are_refused() -> None:
    found = reports()
    found["long"]["facts"] = {**found["long"]["facts"], "artifact": "b"}
    with pytest.raises(ValueError, match="different artifacts"):
        manifest_figures(found)


def test_one_command_writes_manifest_card_and_tables(tiny_run: Path, tmp_path: Path) -> None:
    artifact, readme = tmp_path / "artifact", tmp_path / "README.md"
    shutil.copytree(tiny_run / "artifact", artifact)
    write(tmp_path / "reports", reports())
    readme.write_text(f"before\n{BEGIN}stale{END}\nafter\n")
    for _ in range(2):  # and again
        main([str(tmp_path / "reports"), str(artifact), "--readme", str(readme)])
    manifest = read_manifest(artifact)
    assert manifest.figures == manifest_figures(reports())
    assert (artifact / CARD_NAME).read_text() == model_card(manifest)
    load_model(artifact, "cpu").close()
    text = readme.read_text()
    assert text == with_tables(text, manifest.figures)
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "stale" not in text
    fits = "| Strongest note fits the chord (true part; by chance) | 10% (30%; 10%) |  |"
    assert fits in text
    assert "| Silent though it should play | 10% | 10% | 10% | 10% |" in text


def test_a_real_set_has_a_table_of_its_own() -> None:
    found = reports()
    found["real"] = found["songs"]
    figures = manifest_figures(found)
    assert figures["real"]["stems"] == figures["stems"]
    assert readme_tables(figures).count("| Silent though it should play |") == 2
    assert "real instruments | bass |" in readme_tables(figures)


@pytest.mark.weights
def test_the_readme_shows_the_figures_of_the_embedded_model() -> None:
    readme = README.read_text(encoding="utf-8")
    assert readme == with_tables(readme, read_manifest(pretrained_dir()).figures)


def test_played_takes_stand_beside_what_was_measured_before(tmp_path: Path) -> None:
    artifact, folder = tmp_path / "artifact", tmp_path / "reports" / "real_played"
    shutil.copytree(pretrained_dir(), artifact)
    folder.mkdir(parents=True)
    values: dict[str, Any] = {
        "played": {"root": estimate(0.7), "on_sixteenth": estimate(0.98)},
        "truth": {"root": estimate(0.6), "on_sixteenth": estimate(0.97)},
        "part": {"note_f1": estimate(0.95), "notes_in_chord": estimate(0.96)},
        "notes_per_s_of_truth": 0.93,
        FRECHET: {"played": 5.0},
    }
    facts = {"artifact": "a", "songs": 60}
    (folder / "report.json").write_text(json.dumps({"facts": facts, "stems": {"bass": values}}))
    before = read_manifest(artifact).to_mapping()["figures"]
    main([str(tmp_path / "reports"), str(artifact), "--add"])
    figures = read_manifest(artifact).to_mapping()["figures"]
    assert figures["stems"] == before["stems"]
    bass = figures["real_played"]["stems"]["bass"]
    assert (bass["root"], bass["root_truth"], bass["notes_per_s_of_truth"]) == (0.7, 0.6, 0.93)
    assert "| Notes a second, of the true part's | 93% |" in readme_tables(figures)
    assert "Played: notes in the chord | 0.96 |" in (artifact / CARD_NAME).read_text()


def test_separation_reaches_manifest_and_card_beside_other_figures(tmp_path: Path) -> None:
    artifact = Path(shutil.copytree(pretrained_dir(), tmp_path / "artifact"))
    row = {"stems": dict.fromkeys(STEMS, 7.5), "mean": 7.5, "windows": 96}
    report = {"facts": {"artifact": "a", "songs": 24, "soundfont": "X.sf2"},
              "separation": {"mask": row, "ceiling": row}}  # fmt: skip
    (tmp_path / "reports" / "separation").mkdir(parents=True)
    (tmp_path / "reports" / "separation" / "report.json").write_text(json.dumps(report))
    before = read_manifest(artifact).figures
    main([str(tmp_path / "reports"), str(artifact), "--add"])
    after = read_manifest(artifact).figures
    assert {k: v for k, v in after.items() if k != "separation"} == {
        k: v for k, v in before.items() if k != "separation"
    }
    card = (artifact / CARD_NAME).read_text()
    assert "mixes of 24 songs (X.sf2), 96 windows" in card
    assert "SI-SDR above the mix's own, dB | 7.50 |" in card


def test_subsets_and_separation_of_one_report_stand_apart() -> None:
    subjects = {"made": 0.9, "true": 0.8, "another song's": 0.2, "codec alone": 0.5}
    pair = {"apa": 0.75, "beats": subjects}
    report = {
        "facts": {"artifact": "a", "songs": 24, "soundfont": "X.sf2"},
        "separation": {"mask": {"stems": {"bass": 7.5}, "mean": 7.5, "windows": 96}},
        "subsets": {
            "songs": 23, "distance": "Fréchet distance (timbre12)", "true_halves": 5.0,
            "mean_of_partial": subjects, "mixes": {"all": subjects},
            "stems": {"bass": {"made": 4.0, "made for the rest": 3.0, "codec alone": 1.0}},
            "pairs": {"B": pair, "all": pair},
        },
    }  # fmt: skip
    figures = figures_of_tables("subsets", report)
    assert set(figures) == {"subsets", "subsets_separation"}
    assert figures["subsets"]["stems"]["bass"]["apa_pair3"] == 0.75
    assert "23 songs (X.sf2)" in figures["subsets"]["measured"]
    assert "not comparable with published FAD" in figures["subsets"]["measured"]
