"""The model card of an artifact, written from its manifest alone, so that no figure can drift.

    python -m stembridge.training.model_card            the embedded default model's
    python -m stembridge.training.model_card FOLDER     another artifact's

After Mitchell et al. 2019, "Model cards for model reporting".
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stembridge.paths import pretrained_dir
from stembridge.runtime.manifest import MANIFEST_NAME, Manifest, read_manifest

CARD_NAME = "MODEL_CARD.md"

# File -> name and licence; Debian's packages hold the licences' texts.
SOUNDFONTS = {
    "FluidR3_GM.sf2": "FluidR3 GM (MIT)",
    "MuseScore_General.sf3": "MuseScore General (MIT)",
    "TimGM6mb.sf2": "TimGM6mb (GPL-2)",
}
_HELD_OUT = "TimGM6mb.sf2"

_WORDS = {
    "on_sixteenth": "Onsets on the sixteenth grid",
    "on_sixteenth_ceiling": "… of the ceiling",
    "on_grid_share_of_ceiling": "… divided by the ceiling's",
    "offset_ms": "Median onset offset from the grid, ms",
    "offset_ms_truth": "… of the true stem",
    "offset_beyond_truth_ms": "… beyond the true stem's, song by song",
    "onsets_per_s": "Onsets per second",
    "onsets_per_s_ceiling": "… of the ceiling",
    "onsets_per_s_truth": "… of the true stem",
    "onset_rate_of_truth": "Onsets per second, of the true stem's",
    "root": "Strongest note is the chord's root",
    "root_shuffled": "… by chance (another song's chords)",
    "in_chord": "Strongest note is in the chord",
    "in_chord_ceiling": "… of the ceiling",
    "in_chord_truth": "… of the true stem",
    "in_chord_shuffled": "… by chance (another song's chords)",
    "silent": "Share of takes that are silent",
    "loudness_difference_lu": "Loudness against the true stem, LU",
    "latent_deviation_ratio": "Spread of the latents, of the true ones'",
    "level_gain_db": "Mean gain that brought takes to their role's loudness, dB",
    "lsd_db_ceiling": "Codec alone: log-spectral distance, dB",
    "ceiling_treble_difference_db": "Codec alone: power above 10 kHz against the truth, dB",
    "quarter_change": "On-grid share, last quarter minus first",
    "quarter_change_truth": "… of the true stem",
    "bars_change": "On-grid share, last two bars minus first two",
    "bars_change_truth": "… of the true stem",
    "drift_ms": "Drift over the take, ms",
    "drift_ms_truth": "… of the true stem",
    "seam_click_rank": "Seams: rank of the click among other frames (0.5: none)",
    "seam_click_rank_truth": "… of the true stem",
    "seam_jump_rank": "Seams: rank of the spectral jump (0.5: none)",
    "seam_jump_rank_truth": "… of the true stem",
}
_FRECHET = {
    "generated": "Fréchet distance ({embedding}) to the true stem",
    "ceiling": "… of the ceiling",
    "retrieval": "… of another song's stem",
    "nearest_wrong_stem": "… to the nearest other stem",
    "truth_halves": "… between two halves of the true stems",
}


def model_card(manifest: Manifest) -> str:
    """The card's Markdown."""
    sections = (
        ("", _summary(manifest)),
        ("What it is for", _use(manifest)),
        ("What it was trained on", _training(manifest)),
        ("Figures", list(_figures(manifest.figures))),
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
        *([f"- follows {_listed(told)}"] if (told := _told(manifest)) else []),
        f"- artifact `{manifest.artifact_sha256[:16]}`; this card is written from its "
        f"`{MANIFEST_NAME}` by `python -m stembridge.training.model_card`",
    ]


def _told(manifest: Manifest) -> list[str]:
    chords_heard = manifest.chords_from_context
    style_heard = manifest.style_classifier is not None
    words = {
        "grid": "tempo and metre",
        "chords": "chords" + " (heard in the given stems if none are told)" * chords_heard,
        "style": "a style" + " (heard likewise)" * style_heard,
        "timbre": "an instrument per stem" + " (else one that goes with the style)" * style_heard,
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
    if fonts:
        lines += [f"- Rendered with {_listed([SOUNDFONTS.get(font, font) for font in fonts])}."]
    if training.get("note"):
        lines += [f"- {training['note']}"]
    elif run.get("steps"):
        per_step = run.get("batch", 0) * run.get("processes", 1)
        lines += [f"- {run['steps']} steps of {per_step} windows."]
    return lines + _fine_tune(training.get("fine_tune"))


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


def _figures(figures: Mapping[str, Any], title: str = "") -> Iterator[str]:
    """The table of one evaluation, and what other evaluations inside it found."""
    if not figures:
        return
    if title:
        yield from ("", f"### {title.replace('_', ' ')}", "")
    stems = figures.get("stems", {})
    if stems:
        yield (
            f"By `stembridge evaluate`: {figures.get('songs', 'some')} songs from seeds that "
            "training never used, each stem made given the other three. Shares are of 1; the true "
            "stem through the codec alone is the ceiling."
        )
        if figures.get("setting"):
            yield from ("", f"Setting: `{figures['setting']}`")
        yield from ("", *_table(stems))
    rest = {k: v for k, v in figures.items() if k not in ("stems", "songs", "setting")}
    yield from (f"- {_name(k)}: {v}" for k, v in _flat(rest, within=False).items())
    for name, inner in rest.items():
        if isinstance(inner, Mapping):
            yield from _figures(inner, name)


def _table(stems: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    flat = {stem: _flat(values) for stem, values in stems.items()}
    present = dict.fromkeys(name for values in flat.values() for name in values)
    yield f"| | {' | '.join(flat)} |"
    yield f"|---|{'---|' * len(flat)}"
    for name in sorted(present, key=_rank):
        cells = [values.get(name, "") for values in flat.values()]
        yield f"| {_name(name)} | {' | '.join(cells)} |"


def _rank(figure: str) -> tuple[int, str, int]:
    """Order of the rows: known figures, distances by embedding, the rest as they come."""
    outer, _, inner = figure.partition(".")
    if figure in _WORDS:
        return 0, "", list(_WORDS).index(figure)
    return (1, outer, list(_FRECHET).index(inner)) if inner in _FRECHET else (2, "", 0)


def _flat(values: Mapping[str, Any], *, within: bool = True) -> dict[str, str]:
    """Figures as text, with those of mappings inside (if wanted) as "OUTER.INNER"."""
    result: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and "mean" in value:
            low, high = (f"{value[edge]:.2f}" for edge in ("low", "high"))
            result[name] = f"{value['mean']:.2f} ({low} to {high})"
        elif isinstance(value, Mapping) and within:
            result |= {f"{name}.{key}": inner for key, inner in _flat(value).items()}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            result[name] = f"{value:.2f}" if isinstance(value, float) else str(value)
    return result


def _name(figure: str) -> str:
    outer, _, inner = figure.partition(".")
    if outer.startswith("frechet") and inner in _FRECHET:
        embedding = outer.removeprefix("frechet_").replace("_", "-")
        return _FRECHET[inner].format(embedding=embedding)
    return _WORDS.get(figure, figure.replace(".", ", ").replace("_", " "))


def _limits(manifest: Manifest) -> list[str]:
    window_s = manifest.window_frames * manifest.hop / manifest.sample_rate
    guitars = {"guitar", "piano"} <= set(manifest.stems)
    return [
        "- Its music is a composer's patterns on General MIDI instruments: parts are plain, and "
        "sound lo-fi beside a sample library.",
        "- Stems are mono; pan and widen them yourself.",
        f"- Longer requests are made in windows of {window_s:.1f} s, each hearing the one before.",
        *(["- Guitar and piano comp and arpeggiate; they seldom play a tune."] if guitars else []),
        "- Real recordings differ from what it was trained on: expect its figures to be lower on "
        "them. A fine-tune on one's own stems helps.",
        "- Figures come from songs, not from listeners: they say how well it learned, not how well "
        "it pleases.",
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
        "    stembridge train default --out runs/default",
        "    stembridge evaluate --songs 100 --model runs/default/artifact --out report",
    ]


def main(arguments: Sequence[str]) -> None:
    """Writes the card of the folder that is named, or of the embedded model."""
    path = write_card(Path(arguments[0]) if arguments else pretrained_dir())
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
