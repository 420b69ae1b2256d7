"""The model card of an artifact, written from its manifest alone, so that no figure can drift.

    python -m stembridge.training.model_card            the embedded default model's
    python -m stembridge.training.model_card FOLDER     another artifact's

After Mitchell et al. 2019, "Model cards for model reporting".
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stembridge.paths import pretrained_dir
from stembridge.runtime.manifest import MANIFEST_NAME, Manifest, read_manifest
from stembridge.training.card_tables import figures_section, table_head
from stembridge.training.credits import credit_lines

CARD_NAME = "MODEL_CARD.md"

# File -> name and licence; Debian's packages hold the licences' texts.
SOUNDFONTS = {
    "FluidR3_GM.sf2": "FluidR3 GM (MIT)",
    "MuseScore_General.sf3": "MuseScore General (MIT)",
    "TimGM6mb.sf2": "TimGM6mb (GPL-2)",
}
_HELD_OUT = "TimGM6mb.sf2"


def model_card(manifest: Manifest) -> str:
    """The card's Markdown."""
    sections = (
        ("", _summary(manifest)),
        ("What it is for", _use(manifest)),
        ("What it was trained on", _training(manifest)),
        ("What more training buys", _learning(manifest)),
        ("Figures", [*_meaning(manifest), *figures_section(manifest.figures)]),
        ("Limits", _limits(manifest)),
        ("Licence", _licence(manifest)),
        ("How to make one like it", _again(manifest)),
    )
    lines = [f"# {manifest.name}", ""]
    for title, body in sections:
        if body:
            lines += [*([f"## {title}", ""] if title else []), *body, ""]
    return "\n".join(lines)


def write_card(folder: Path) -> Path:
    """Writes the card beside an artifact's manifest; returns its path.

    Raises:
        NoSuchFileError, ModelUntrustedError: the folder holds no valid manifest.
    """
    path = folder / CARD_NAME
    path.write_text(model_card(read_manifest(folder)), encoding="utf-8")
    return path


def _listed(words: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _summary(manifest: Manifest) -> list[str]:
    window_s = manifest.window_frames * manifest.hop / manifest.sample_rate
    size = sum(file.bytes for file in manifest.files.values()) / 2**20
    return [
        f"Makes {_listed(manifest.stems)} stems for given ones, on the bar line: a diffusion model "
        "on the latents of one codec per stem.",
        "",
        f"- mono, {manifest.sample_rate} Hz, {manifest.latent_channels} latent channels, "
        f"{manifest.sample_rate / manifest.hop:.1f} latent frames a second, "
        f"windows of {window_s:.1f} s",
        f"- {size:.0f} MiB; `{manifest.sampler.name}`, {manifest.sampler.steps} steps unless asked "
        "otherwise",
        *(
            []
            if manifest.needs_torch
            else ["- all networks are ONNX: it is served without PyTorch"]
        ),
        *([f"- follows {_listed(told)}"] if (told := _told(manifest)) else []),
        f"- artifact `{manifest.artifact_sha256[:16]}`; this card is written from its "
        f"`{MANIFEST_NAME}` by `python -m stembridge.training.model_card`",
    ]


def _told(manifest: Manifest) -> list[str]:
    chords_heard = manifest.chords_from_context
    style_heard = manifest.style_classifier is not None
    words = {
        "grid": "tempo and metre",
        "chords": "chords"
        + " (heard in the given stems if none are told)" * chords_heard
        + ", chosen where nothing given has a pitch" * bool(manifest.style_chords),
        "style": "a style" + " (heard in the given stems if none is told)" * style_heard,
        "timbre": "an instrument per stem" + " (else one that goes with the style)" * style_heard,
        "heard": "a mixture that holds, or goes with, the stems",
    }
    return [words[block.name] for block in manifest.condition_layout]


def _use(manifest: Manifest) -> list[str]:
    styles = f", in the manner of {_listed(manifest.styles)}" if manifest.styles else ""
    return [
        "- Sketching: parts that fit a song one is writing, to keep, to replay or to replace"
        f"{styles}.",
        "- A start for a fine-tune on one's own stems.",
        "- Not for: imitating a named artist or record, melodies and solos, voices, a finished "
        "production.",
    ]


def _training(manifest: Manifest) -> list[str]:
    training = manifest.training
    data, run = (training.get(key) or {} for key in ("data", "run"))
    fonts = _soundfonts(data)
    lines = []
    if data.get("songs"):
        hours = data["songs"] * data.get("length_s", 0.0) / 3600
        lines += [
            f"- {data['songs']} songs of {data.get('length_s', 0):.0f} s ({hours:.1f} h), composed "
            "by this project's own composer from a seed: no recording and no existing "
            "composition is in them."
        ]
    lines += credit_lines(manifest)
    if fonts:
        lines += [f"- Rendered with {_listed([SOUNDFONTS.get(font, font) for font in fonts])}."]
    if training.get("note"):
        lines += [f"- {training['note']}"]
    elif run.get("steps"):
        per_step = run.get("batch", 0) * run.get("processes", 1)
        lines += [f"- {run['steps']} steps of {per_step} windows."]
    return lines + _fine_tune(training.get("fine_tune"))


def _learning(manifest: Manifest) -> list[str]:
    """Validation losses of weights after fewer steps, and of these."""
    curve: Mapping[str, Mapping[str, float]] = manifest.training.get("learning_curve") or {}
    if not curve:
        return []
    names = ["all", *manifest.stems]
    nan = float("nan")
    ordered = sorted(curve.items(), key=lambda item: (len(item[0]), item[0]))  # 900 before 2900
    cells = {steps: [f"{losses.get(n, nan):.3f}" for n in names] for steps, losses in ordered}
    rows = [f"| {steps} | {' | '.join(row)} |" for steps, row in cells.items()]
    return [
        "Validation loss after so many steps (`stembridge train loss`), the same windows and noise "
        "of songs kept out of training:",
        "",
        *table_head("Steps", names),
        *rows,
    ]


def _soundfonts(data: Mapping[str, Any]) -> list[str]:
    """Recipes name several, older artifacts one."""
    return list(data.get("soundfonts") or [name for name in [data.get("soundfont")] if name])


def _fine_tune(tuning: Mapping[str, Any] | None) -> list[str]:
    if not tuning:
        return []
    before, after = (tuning[f"validation_loss_{when}"]["all"] for when in ("before", "after"))
    change = f"{(after / before - 1) * 100:+.0f} %"
    return [
        f"- Then {tuning['steps']} steps of fine-tuning from `{tuning['from']}` on "
        f"{tuning['songs']} other songs: validation loss {before:.3f} before, "
        f"{after:.3f} after ({change}), on {tuning['validation_songs']} songs "
        "kept aside."
    ]


def _limits(manifest: Manifest) -> list[str]:
    window_s = manifest.window_frames * manifest.hop / manifest.sample_rate
    guitars = {"guitar", "piano"} <= set(manifest.stems)
    return [
        "- Its music is a composer's patterns on General MIDI instruments: parts are plain, and "
        "sound lo-fi beside a sample library.",
        "- Stems are mono; pan and widen them yourself.",
        f"- Longer requests are made in windows of {window_s:.1f} s: side by side where chords are "
        "known, else each hearing the one before.",
        *(["- Guitar and piano comp and arpeggiate; they seldom play a tune."] if guitars else []),
        "- Real recordings differ from what it was trained on: expect its figures to be lower on "
        "them. A fine-tune on one's own stems helps.",
        "- Figures come from songs, not from listeners: they say how well it learned, not how well "
        "it pleases.",
    ]


def _meaning(manifest: Manifest) -> list[str]:
    """What the distances below say, for who has not met them."""
    if not manifest.figures:
        return []
    return [
        "A Fréchet distance says how far a crowd of takes sounds from a crowd of true parts: 0 is "
        "the same, the ceiling's is what the codec alone costs, and that to the nearest other stem "
        "is what a wrong instrument would get. A log-spectral distance says by how many decibels "
        "the sound of one file differs from another's on average over time and pitch; below 1 is "
        "hard to hear, above 3 plain. Ranks of seams are 0.5 where a joint between two windows is "
        "no louder and no more of a jump than any other moment of the take.",
        "",
    ]


def _licence(manifest: Manifest) -> list[str]:
    if manifest.training.get("fine_tune"):
        return [
            f"The model it started from: {manifest.licence}. Whether these weights may be passed "
            "on also depends on the songs they learned from."
        ]
    lines = [
        f"The weights: {manifest.licence}. The project claims no rights in what is made with them."
    ]
    fonts = _soundfonts(manifest.training.get("data") or {})
    if fonts and _HELD_OUT not in fonts:
        lines += [
            "",
            "TimGM6mb (GPL-2) renders songs for tests and for the held-out evaluation only: no "
            "sample of it, and nothing learned from one, is in the weights.",
        ]
    return lines


def _again(manifest: Manifest) -> list[str]:
    if manifest.training.get("fine_tune"):
        return ["    stembridge train denoiser --init default --data MY_STEMS --out MY_MODEL"]
    return [
        "    stembridge train default --from downloads --out runs/default --gpu 0",
        "    stembridge evaluate --songs 100 --model runs/default/artifact --out report",
    ]


def main(arguments: Sequence[str]) -> None:
    """Writes the card of the folder that is named, or of the embedded model."""
    path = write_card(Path(arguments[0]) if arguments else pretrained_dir())
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
