"""What a fine-tune brought, as `report.html`, which needs nothing else, and `report.json`.

The sound: one held-out song, whose stem that gained most is made by the old and by the new model
from the same noise, given the song's other stems.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.conditions import Conditions
from stembridge.dataset.pieces import recording_of
from stembridge.dataset.song import STEMS
from stembridge.evaluation.pictures import player
from stembridge.inference import codec, infer, settings_of
from stembridge.runtime.load import load_model
from stembridge.runtime.model import StemModel
from stembridge.training.curve import Point
from stembridge.training.finetune import WORK_NAME, FineTuneReport
from stembridge.training.latents import LatentSet
from stembridge.training.split import VALIDATION
from stembridge.training.validation import ALL

Array = NDArray[np.float32]

JSON_NAME, HTML_NAME = "report.json", "report.html"
_HARDLY = 0.02  # changes below this are within the noise of a few songs

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:920px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;text-align:right}
th{border-bottom:1px solid #999}td:first-child,th:first-child{text-align:left}
small{color:#777}figure{display:inline-block;margin:.5em 1em .5em 0}img{display:block}
audio{width:420px}.lead{font-size:1.3em}code{background:#eee;padding:.1em .4em}
"""


def write_report(report: FineTuneReport) -> Path:
    """Writes both files beside the new artifact; returns the page's path."""
    facts = facts_of(report)
    (report.artifact / JSON_NAME).write_text(json.dumps(facts, indent=1), encoding="utf-8")
    path = report.artifact / HTML_NAME
    path.write_text(_page(report, facts), encoding="utf-8")
    return path


def facts_of(report: FineTuneReport) -> dict[str, Any]:
    """The report's numbers as JSON-able values."""
    before, after = report.points[0], report.best
    return {
        "sentence": sentence(report),
        "gain": report.gain,
        "validation_loss": {
            name: {"before": loss, "after": after.losses[name]}
            for name, loss in before.losses.items()
        },
        "kept_aside": {
            song: {"before": loss, "after": after.songs[song]}
            for song, loss in before.songs.items()
        },
        "trained_on": sorted({recording_of(name) for name in report.split.train}),
        "windows_measured": report.n_windows,
        "steps": report.steps,
        "kept_step": after.step,
        "curve": [asdict(point) for point in report.points],
        "training_s": sum(point.seconds for point in report.points),
        "this_call_s": round(report.seconds, 1),
        "serve": f"stembridge serve --model {shlex.quote(str(report.artifact))}",
    }


def sentence(report: FineTuneReport) -> str:
    """The outcome in words."""
    n_songs, percent = len(report.best.songs), f"{abs(report.gain) * 100:.0f} %"
    kept = (
        "pieces of the one recording were kept aside to measure this, and sound like what was "
        "learned: on other music expect less"
        if report.split.within_one
        else f"{n_songs} song{'s' if n_songs > 1 else ''} kept aside to measure this"
    )
    if report.gain >= _HARDLY:
        return f"The model now predicts your music {percent} better ({kept})."
    if report.gain > -_HARDLY:
        return f"The model predicts your music hardly better than before ({kept})."
    return (
        f"The model predicts your music {percent} worse than before ({kept}): do not use "
        "it. More songs, or fewer steps, may help."
    )


def _page(report: FineTuneReport, facts: Mapping[str, Any]) -> str:
    title = f"Fine-tune of {len(facts['trained_on'])} songs"
    parts = [
        f"<!doctype html><meta charset='utf-8'><title>{escape(title)}</title>",
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>",
        f"<p class='lead'>{escape(facts['sentence'])}</p>",
        f"<p>Use it: <code>{escape(facts['serve'])}</code></p>",
        "<h2>Validation loss</h2>",
        _loss_table(facts["validation_loss"], "stem"),
        f"<p><small>The training loss on {facts['windows_measured']} windows of the songs kept "
        "aside: the same windows and the same noise before and after. Lower is better; 0 is out "
        "of reach, since nobody can foretell every note.</small></p>",
        curve_svg(report.points, report.best.step),
        _course(facts),
        "<h2>Songs kept aside</h2>",
        _loss_table(facts["kept_aside"], "song"),
        f"<p><small>Learned from: {escape(', '.join(facts['trained_on']))}.</small></p>",
        *_listening(report),
    ]
    return "\n".join(parts)


def _course(facts: Mapping[str, Any]) -> str:
    curve = facts["curve"]
    text = (
        f"{facts['steps']} steps in {facts['training_s'] / 60:.1f} minutes of training. The ring "
        "marks the weights that were kept, those of the lowest loss."
    )
    if facts["kept_step"] != curve[-1]["step"]:
        text += (
            f" After step {facts['kept_step']} it rose again: fewer steps, or more songs, would "
            "do better."
        )
    elif len(curve) > 2 and curve[-1]["losses"][ALL] < 0.99 * curve[-2]["losses"][ALL]:
        text += " It still fell at the end: more steps should bring more."
    return f"<p>{escape(text)}</p>"


def _loss_table(rows: Mapping[str, Mapping[str, float]], what: str) -> str:
    body = "".join(
        f"<tr><td>{escape(name)}</td><td>{row['before']:.3f}</td><td>{row['after']:.3f}</td>"
        f"<td>{(row['after'] / row['before'] - 1) * 100:+.0f} %</td></tr>"
        for name, row in rows.items()
    )
    head = f"<tr><th>{what}</th><th>before</th><th>after</th><th>change</th></tr>"
    return f"<table>{head}{body}</table>"


def curve_svg(points: Sequence[Point], kept: int, width: int = 640, height: int = 220) -> str:
    """Loss over steps as an inline picture; a ring marks the weights that were kept."""
    left, bottom, top = 50, height - 30, 15
    steps, losses = (
        np.array(values, float)
        for values in ([p.step for p in points], [p.losses[ALL] for p in points])
    )
    low, high = losses.min(), max(losses.max(), losses.min() + 1e-6)
    x = left + steps / max(1.0, steps.max()) * (width - left - 20)
    y = bottom - (losses - low) / (high - low) * (bottom - top)
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    marks = "".join(
        f"<circle cx='{a:.1f}' cy='{b:.1f}' r='{5 if p.step == kept else 2.5}' "
        f"fill='{'none' if p.step == kept else '#c33'}' stroke='#c33'>"
        f"<title>step {p.step}: {p.losses[ALL]:.4f}</title></circle>"
        f"<text x='{a:.1f}' y='{height - 10}' text-anchor='middle'>{p.step}</text>"
        for a, b, p in zip(x, y, points, strict=True)
    )
    scale = "".join(
        f"<text x='{left - 8}' y='{at + 4}' text-anchor='end'>{value:.3f}</text>"
        f"<line x1='{left}' y1='{at}' x2='{width - 20}' y2='{at}' stroke='#ddd'/>"
        for value, at in ((high, top), (low, bottom))
    )
    return (
        f"<svg role='img' aria-label='validation loss over training steps' width='{width}' "
        f"height='{height}' font-size='11' font-family='system-ui,sans-serif'>{scale}"
        f"<polyline points='{line}' fill='none' stroke='#c33' stroke-width='1.5'/>{marks}</svg>"
    )


def _listening(report: FineTuneReport) -> list[str]:
    """Players of one kept-out song; nothing where it has one stem alone."""
    held = LatentSet.open(report.artifact / WORK_NAME / VALIDATION)
    row = int(np.argmax(held.present.sum(1)))
    before, after = report.points[0].losses, report.best.losses
    there = [s for s, here in zip(STEMS, held.present[row], strict=True) if here and s in before]
    if len(there) < 2:
        return []
    stem = min(there, key=lambda name: after[name] / before[name])
    given = [name for name in there if name != stem]
    sounds: dict[str, Array] = {}
    for title, folder in (("before", report.start), ("after", report.artifact)):
        model = load_model(folder, "cpu")
        latents = np.asarray(held.latents[row, ..., : model.manifest.window_frames], np.float32)
        if not sounds:
            context = sum(_decoded(model, latents, name) for name in given)
            sounds[f"given: {', '.join(given)}"] = np.asarray(context, np.float32)
        made = _take(model, latents, held.conditions[row], given)
        sounds[f"{stem}, {title}"] = _decoded(model, made, stem)
        if title == "after":
            sounds[f"{stem}, as it really is"] = _decoded(model, latents, stem)
        rate = model.manifest.sample_rate
        model.close()
    song = escape(report.split.kept_out[row])
    lead = f"<p>{song}, kept aside. The stem that gained most: {stem}. All through the codec.</p>"
    return [
        "<h2>Listen</h2>",
        lead,
        *(player(t, _tamed(sound), rate) for t, sound in sounds.items()),
    ]


def _take(
    model: StemModel, latents: Array, conditions: NDArray[np.float16], given: Sequence[str]
) -> Array:
    """Latents `[S, C, F]` with everything but the given stems made anew."""
    cut = np.asarray(conditions[None, :, : latents.shape[-1]], np.float32)
    known = codec.known_stems(model.manifest, latents[None], [stem in given for stem in STEMS])
    return infer(model, Conditions(cut), known, settings_of(model.manifest), [0])[0]


def _decoded(model: StemModel, latents: Array, stem: str) -> Array:
    """Audio `[n_samples]` of a stem of latents `[S, C, F]`."""
    return model.decode(stem, np.ascontiguousarray(latents[None, STEMS.index(stem)]))[0]


def _tamed(audio: Array) -> Array:
    """No louder than a player can play."""
    peak = float(np.abs(audio).max(initial=0.0))
    return audio / peak * 0.9 if peak > 0.9 else audio
