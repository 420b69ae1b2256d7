"""The model card says what the manifest says."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import pytest

from stembridge.dataset.sources import sources
from stembridge.nn.parity import PARITY_NAME
from stembridge.paths import pretrained_dir
from stembridge.runtime.load import load_model
from stembridge.runtime.manifest import Manifest, parse_manifest, read_manifest
from stembridge.training.credits import LEARNED, learned_table
from stembridge.training.model_card import CARD_NAME, main, model_card

ROOT = Path(__file__).parents[2]


@pytest.fixture
def manifest(tiny_run: Path) -> Manifest:
    return read_manifest(tiny_run / "artifact")


@pytest.mark.weights
def test_the_committed_card_is_the_committed_manifests() -> None:
    card = (pretrained_dir() / CARD_NAME).read_text(encoding="utf-8")
    assert card == model_card(read_manifest(pretrained_dir())), (
        "run `python -m stembridge.training.model_card` and commit what it writes"
    )


@pytest.mark.weights
def test_every_figure_of_the_default_model_stands_in_its_card() -> None:
    manifest = read_manifest(pretrained_dir())
    card = model_card(manifest)
    found = set(re.findall(r"-?\d+\.\d\d(?= \|)", card))

    def numbers(value: object) -> set[str]:
        if isinstance(value, dict):
            return {n for inner in value.values() for n in numbers(inner)}
        return {f"{value:.2f}"} if isinstance(value, float) else set()

    assert numbers(manifest.figures.get("stems", {})) <= found
    assert manifest.artifact_sha256[:16] in card
    assert "MIT" in card


def test_the_recipe_writes_a_card_that_does_not_disturb_the_model(
    tiny_run: Path, manifest: Manifest
) -> None:
    assert (tiny_run / "artifact" / CARD_NAME).read_text() == model_card(manifest)
    assert CARD_NAME not in manifest.files
    load_model(tiny_run / "artifact", "cpu").close()


def test_soundfonts_and_their_licences(manifest: Manifest) -> None:
    card = model_card(manifest)  # the tiny recipe is rendered with the held-out SoundFont
    assert "Rendered with TimGM6mb (GPL-2)." in card
    assert "no sample of it" not in card.replace("\n", " ")
    mapping = manifest.to_mapping()
    mapping["training"]["data"]["soundfonts"] = ["FluidR3_GM.sf2", "MuseScore_General.sf3"]
    card = model_card(parse_manifest(mapping))
    assert "Rendered with FluidR3 GM (MIT) and MuseScore General (MIT)." in card
    assert "no sample of it" in card


def test_figures_become_a_table_and_unknown_ones_are_not_dropped(manifest: Manifest) -> None:
    in_chord = {"mean": 0.9, "low": 0.85, "high": 0.95}
    stems = {"bass": {"root": 0.765, "new_figure": 0.333, "frechet_x_1s": {"generated": 2.0}},
             "drums": {"new_figure": 0.5, "in_chord": in_chord}}  # fmt: skip
    mapping = manifest.to_mapping()
    mapping["figures"] = {"songs": 7, "stems": stems, "other_soundfont": {"stems": stems},
                          "long_form": {"bars": 32, "drift": 0.04}}  # fmt: skip
    card = model_card(parse_manifest(json.loads(json.dumps(mapping))))
    assert card.count("| | bass | drums |") == 2
    assert "### other soundfont" in card
    assert "| Strongest note is the chord's root | 0.77 |  |" in card
    assert "| new figure | 0.33 | 0.50 |" in card
    assert "| Fréchet distance (x-1s) to the true stem | 2.00 |  |" in card
    assert "| Strongest note is in the chord |  | 0.90 (0.85 to 0.95) |" in card
    assert "### long form\n\n- bars: 32\n- drift: 0.04" in card
    assert "7 songs" in card


def test_a_model_without_figures_or_history_has_a_card_too(manifest: Manifest) -> None:
    mapping = manifest.to_mapping() | {"training": {}, "figures": {}, "condition_layout": []}
    mapping |= {"style_classifier": None, "style_chords": {}}
    card = model_card(parse_manifest(mapping))
    assert "## Figures" not in card
    assert "## What it was trained on" not in card
    assert "follows" not in card


def test_a_fine_tune_promises_nothing_about_other_peoples_songs(manifest: Manifest) -> None:
    mapping = manifest.to_mapping()
    losses = {"validation_loss_before": {"all": 1.0}, "validation_loss_after": {"all": 0.75}}
    mapping["training"]["data"]["soundfonts"] = ["FluidR3_GM.sf2"]
    mapping["training"]["fine_tune"] = losses | {
        "from": "mother", "songs": 9, "validation_songs": 3, "steps": 50,
    }  # fmt: skip
    card = model_card(parse_manifest(mapping))
    assert "50 steps of fine-tuning from `mother` on 9 other songs" in card
    assert "1.000 before, 0.750 after (-25 %), on 3 songs kept aside" in card
    assert "depends on the songs they learned from" in card
    assert "no sample of it" not in card


def test_the_command_writes_it_anew(tiny_run: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes((tiny_run / "artifact/manifest.json").read_bytes())
    main([str(tmp_path)])
    assert (tmp_path / CARD_NAME).read_text().startswith("# tiny-recipe\n")


def test_the_learning_curve_is_a_table(manifest: Manifest) -> None:
    assert "What more training buys" not in model_card(manifest)
    losses = {"all": 0.4, "bass": 0.3, "drums": 0.1, "guitar": 0.5, "piano": 0.7}
    curve = {"100": losses, "200": losses | {"all": 0.25}}
    training = manifest.training | {"learning_curve": curve}
    card = model_card(manifest.model_copy(update={"training": training}))
    rows = card.split("What more training buys")[1].splitlines()
    assert "| Steps | all | bass | drums | guitar | piano |" in rows
    assert "| 100 | 0.400 | 0.300 | 0.100 | 0.500 | 0.700 |" in rows
    assert "| 200 | 0.250 | 0.300 | 0.100 | 0.500 | 0.700 |" in rows


def test_a_model_of_the_bands_songs_credits_whose_work_it_learnt_from(manifest: Manifest) -> None:
    training = manifest.training | {"data": {"train": 3600, "validation": 64}}
    card = model_card(manifest.model_copy(update={"training": training}))
    people = ("Groove MIDI Dataset", "Google LLC", "CC-BY-4.0", "Lars Muldjord", "Greg Sullivan")
    for words in (*people, "3600 songs", "McGill Billboard", "karoryfer.emilyguitar) (CC0-1.0)"):
        assert words in card
    assert "Groove" not in model_card(manifest)
    assert "karoryfer.shinyguitar" not in card  # held out


@pytest.mark.weights
def test_card_and_readme_say_of_every_network_what_it_learned_from() -> None:
    manifest = read_manifest(pretrained_dir())
    card = model_card(manifest)
    table = learned_table(manifest)
    assert all(row in card for row in table)
    assert "\n".join(table) in (ROOT / "stembridge" / "training" / "README.md").read_text(
        encoding="utf-8"
    )
    for name in set(manifest.files) - {PARITY_NAME}:
        rows = [
            files for _, files, _, _ in LEARNED if any(map(partial(fnmatch, name), files.split()))
        ]
        assert len(rows) == 1, name
    trained = [source for source in sources() if not source.held_out]
    assert all(f"({source.address})" in card for source in trained)
    assert all(source.name not in card for source in sources() if source.held_out)
