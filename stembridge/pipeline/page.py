"""A take's page: everything of a folder of takes to be seen and heard in a browser, offline.

It lies beside the files that it plays, names no place on the network, and runs from the disk.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.files import write_atomically
from stembridge.chords import progression_text
from stembridge.parts import Part
from stembridge.pipeline.events import StemFile
from stembridge.request import GenerationRequest
from stembridge.roles import role

PAGE_NAME = "take.html"
_COLUMNS, _WIDTH, _ROLL, _WAVE = 600, 1000.0, 84.0, 40.0

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#777}
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1rem}
h1{font-size:1.35rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
p,code{overflow-wrap:anywhere}p{margin:.3rem 0}
code{background:#8882;padding:.1rem .3rem;border-radius:.3rem}small,.soft{color:var(--soft)}
.stem{border-top:1px solid var(--line);padding:.6rem 0}
.head{display:flex;flex-wrap:wrap;gap:.3rem 1rem;align-items:center}
.head b{min-width:4.5rem}audio{height:2rem;flex:1 1 16rem;min-width:0;max-width:100%}
svg{display:block;width:100%;height:7.8rem;margin-top:.3rem;background:#8881;border-radius:.3rem}
button{font:inherit;padding:.25rem .9rem;border-radius:.4rem;border:1px solid var(--line)}
label{white-space:nowrap}ul{margin:.2rem 0;padding-left:1.2rem}
"""

_BUTTONS = "<button>Play all</button> <button>Stop</button>"

_SCRIPT = """
for (const take of document.querySelectorAll('section')) {
  const given = [...document.querySelectorAll('#context audio')];
  const all = () => [...take.querySelectorAll('audio'), ...given];
  const on = (audio) => audio.closest('[data-stem]').querySelector('input').checked;
  take.querySelector('button').onclick = () => {
    for (const audio of document.querySelectorAll('audio')) audio.pause();
    for (const audio of all()) if (on(audio)) { audio.currentTime = 0; audio.play(); }
  };
  take.querySelectorAll('button')[1].onclick = () => { for (const audio of all()) audio.pause(); };
}
"""


@dataclass(frozen=True)
class Seen:
    """A stem file as the page shows it.

    Attributes:
        file: the file.
        part: its notes, where they are known.
        peaks: the highest sample of each of some equal stretches.
    """

    file: StemFile
    part: Part | None
    peaks: FloatArray


def seen(file: StemFile, part: Part | None, audio: FloatArray) -> Seen:
    """What the page needs of a stem's audio `[n]` or `[2, n]`."""
    loud = np.abs(audio) if audio.ndim == 1 else np.abs(audio).max(axis=0)
    step = max(1, -(-loud.size // _COLUMNS))
    padded = np.pad(loud, (0, -loud.size % step))
    return Seen(file, part, padded.reshape(-1, step).max(axis=1).astype(np.float32))


def write_page(
    folder: Path, request: GenerationRequest, receipt: Mapping[str, Any], stems: Sequence[Seen]
) -> Path:
    """Write `take.html` beside the receipt; returns its path."""
    text = page(folder, request, receipt, stems)
    return write_atomically(folder / PAGE_NAME, text.encode("utf-8", "replace")).path


def page(
    folder: Path, request: GenerationRequest, receipt: Mapping[str, Any], stems: Sequence[Seen]
) -> str:
    """The page's text."""
    bars = request.length_beats / request.time_signature.beats_per_bar
    title = f"{', '.join(request.generate)}: {bars:g} bars at {request.bpm:g} bpm"
    again = f"stembridge arrange --receipt {shlex.quote(str(folder / 'receipt.json'))}"
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width,initial-scale=1'>",
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f"<p class='soft'>{escape(_facts(request, receipt))}</p>",
        *_reworked(folder, receipt),
        *_chords(request, receipt, stems),
        *_prompt(request, receipt),
        *_context(request),
    ]
    parts += _before(folder, receipt)
    for variation in sorted({one.file.variation for one in stems}):
        own = [one for one in stems if one.file.variation == variation]
        shared = set.intersection(*(set(one.file.verdict.warnings) for one in own))
        parts.append(f"<section><h2>Take {variation + 1}</h2><p>{_BUTTONS}</p>")
        parts.append(_remarks([w for w in own[0].file.verdict.warnings if w in shared]))
        parts += [_stem(one, request, shared) for one in own]
        parts.append("</section>")
    parts += [
        f"<h2>Again</h2><p><code>{escape(again)}</code></p>",
        f"<p><code>{escape('stembridge rework ' + shlex.quote(str(folder)))} …</code></p>",
        f"<script>{_SCRIPT}</script></body></html>",
    ]
    return "\n".join(parts)


def _facts(request: GenerationRequest, receipt: Mapping[str, Any]) -> str:
    told = [str(request.time_signature), f"{request.session_rate} Hz", f"seed {request.seed}"]
    told.append(f"model {receipt['model']['name']}")
    return " · ".join(told)


def _reworked(folder: Path, receipt: Mapping[str, Any]) -> list[str]:
    """What the take was made of, and what was asked for."""
    if not (parent := receipt.get("parent")):
        return []
    home = Path(parent["receipt"]).parent
    there = quote(Path(os.path.relpath(home / PAGE_NAME, folder)).as_posix())
    asked = {
        k: v for k, v in receipt["rework"].items() if k not in ("parent", "request_id", "take")
    }
    told = (f"{name.replace('_', ' ')} {_plain(value)}".strip() for name, value in asked.items())
    words = "; ".join(told)
    return [
        f"<p class='soft'>worked on from <a href='{there}'>take {parent['take']} of "
        f"{escape(home.name)}</a>: {escape(words)}</p>"
    ]


def _plain(value: object) -> str:
    if value is True:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={one}" for name, one in value.items())
    told = [str(one) for one in value] if isinstance(value, list) else [f"{value}"]
    return ("-" if all(one.isdigit() for one in told) else ", ").join(told)


def _chords(
    request: GenerationRequest, receipt: Mapping[str, Any], stems: Sequence[Seen]
) -> list[str]:
    file = stems[0].file
    told = progression_text(request.chords) or file.chords
    told = told or receipt.get("context", {}).get("chords_heard")
    source = "" if file.chords_from in (None, "told") else f" {file.chords_from}"
    key = f" (in {file.key})" if file.key else ""
    return [f"<p>{escape(f'Chords{source}: {told}{key}')}</p>"] if told else []


def _remarks(words: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(word)}</li>' for word in words)}</ul>" if words else ""


def _prompt(request: GenerationRequest, receipt: Mapping[str, Any]) -> list[str]:
    """What was asked for in words, and what was made of it."""
    told = {"Prompt": request.prompt, "Not": request.negative_prompt}
    rows = [f"<p>{name}: {escape(text)}</p>" for name, text in told.items() if text]
    remarks = receipt.get("context", {}).get("remarks", ())
    words = [one["words"] for one in remarks if str(one["code"]).startswith("prompt_")]
    return [*rows, *(f"<p class='soft'>{escape(line)}</p>" for line in words)]


def _context(request: GenerationRequest) -> list[str]:
    if not request.context:
        return []
    rows = []
    for clip in request.context:
        source = Path(clip.path).absolute().as_uri() if Path(clip.path).is_absolute() else ""
        rows.append(
            f"<div class='head' data-stem='{escape(clip.stem)}'><b>{escape(clip.stem)}</b>"
            f"<label><input type='checkbox' checked> with the take</label>"
            f"<audio controls preload='metadata' src='{escape(source, quote=True)}'></audio></div>"
        )
    return ["<div id='context'><h2>Given</h2>", *rows, "</div>"]


def _before(folder: Path, receipt: Mapping[str, Any]) -> list[str]:
    """The take that this one was made of, for A and B; it plays while its files are there."""
    parent = receipt.get("parent") or {}
    home = Path(os.path.relpath(Path(parent.get("receipt", "")).parent, folder))
    rows = [
        f"<div class='head stem' data-stem='{escape(stem)}'><b>{escape(stem)}</b>"
        f"<label><input type='checkbox' checked> play</label><audio controls preload='metadata' "
        f"src='{quote((home / one['file']).as_posix())}'></audio></div>"
        for stem, one in parent.get("stems", {}).items()
    ]
    title = f"<section><h2>Take {parent.get('take')}, before</h2><p>{_BUTTONS}</p>"
    return [title, *rows, "</section>"] if rows else []


def _stem(one: Seen, request: GenerationRequest, said: set[str]) -> str:
    file, verdict = one.file, one.file.verdict
    words = [file.sound, *(word for word in (file.style, file.timbre) if word)]
    if verdict.on_grid_share is not None:
        words.append(f"{verdict.on_grid_share:.0%} on the grid")
    if one.part is not None:
        words.append(f"{len(one.part.notes)} notes")
    remarks = _remarks([word for word in verdict.warnings if word not in said])
    midi = f" <a href='{quote(file.midi.name)}' download>MIDI</a>" if file.midi is not None else ""
    return (
        f"<div class='stem' data-stem='{escape(file.stem)}'><div class='head'>"
        f"<b>{escape(file.stem)}</b><label><input type='checkbox' checked> play</label>"
        f"<audio controls preload='metadata' src='{quote(file.path.name)}'></audio></div>"
        f"<small>{escape(', '.join(words))}{midi}</small>"
        f"{_picture(one, request)}{remarks}</div>"
    )


def _picture(one: Seen, request: GenerationRequest) -> str:
    """Piano roll above, waveform below, on the bar grid."""
    scale = _WIDTH / request.length_beats
    colour = f"#{role(one.file.stem).colour:06x}"
    bar, lines, beat = request.time_signature.beats_per_bar, [], 0.0
    first = -request.start_beats % bar
    height = _ROLL + _WAVE
    while first + beat < request.length_beats:
        x = (first + beat) * scale
        lines.append(f"<path d='M{x:.1f} 0V{height:g}' stroke='#8886'/>")
        beat += bar
    shape = "".join([*lines, *_notes(one.part, scale, colour), _wave(one.peaks, colour)])
    label = f"{one.file.stem}: notes and waveform"
    return (
        f"<svg viewBox='0 0 {_WIDTH:g} {height:g}' preserveAspectRatio='none' role='img' "
        f"aria-label='{escape(label, quote=True)}'>{shape}</svg>"
    )


def _notes(part: Part | None, scale: float, colour: str) -> list[str]:
    if part is None or not part.notes:
        return []
    pitches = [note.pitch for note in part.notes]
    low, high = min(pitches) - 1, max(pitches) + 1
    row = _ROLL / (high - low + 1)
    return [
        f"<rect x='{n.start_beats * scale:.1f}' y='{(high - n.pitch) * row:.1f}' "
        f"width='{max(2.0, n.length_beats * scale - 0.8):.1f}' height='{max(1.5, row * 0.85):.1f}' "
        f"fill='{colour}' opacity='{0.35 + 0.65 * n.velocity / 127:.2f}'/>"
        for n in part.notes
    ]


def _wave(peaks: FloatArray, colour: str) -> str:
    top = float(peaks.max(initial=0.0)) or 1.0
    middle, half = _ROLL + _WAVE / 2, _WAVE / 2 - 2
    x = np.linspace(0, _WIDTH, len(peaks))
    upper = " ".join(
        f"{a:.1f},{middle - half * b / top:.1f}" for a, b in zip(x, peaks, strict=True)
    )
    lower = " ".join(
        f"{a:.1f},{middle + half * b / top:.1f}" for a, b in zip(x[::-1], peaks[::-1], strict=True)
    )
    return f"<polygon points='{upper} {lower}' fill='{colour}' opacity='.8'/>"
