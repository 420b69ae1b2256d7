"""Does a take begin and end without a click, and can one hear where a loop goes round?

Takes of many styles and metres, as their files hold them:

- first: sample 0 beside the stem's peak, dB. A take that is not a loop begins in silence, unless a
  note starts there with its own attack;
- last: the last 10 ms beside the peak, and how much louder they are than the 40 ms before them;
- seam: level above 6 kHz within 10 ms of a loop's seam beside that of its inner bar lines.

Music differs from bar line to bar line, too: a loop whose guitar strikes once is loud at its seam.
So the seam is also held against the same take *played on*: its notes twice in a row, or its latents
decoded twice in a row, without a loop. What is louder than every inner bar line and louder than
the take played on is the loop's own fault.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from stembridge.audio.seam import QUIET_DB, treble_db
from stembridge.context.pace import pace_for
from stembridge.inference import codec
from stembridge.musical_time import beats_to_samples
from stembridge.parts import Part
from stembridge.pipeline.performance import played
from stembridge.pipeline.render import conformed
from stembridge.pipeline.run import arrange
from stembridge.pipeline.take_state import TakeState, load_state
from stembridge.request import GenerationRequest, parse_request
from stembridge.runtime.model import StemModel

Audio = NDArray[np.float64]

CASES = (
    ("pop", "4/4", 112), ("rock", "4/4", 136), ("funk", "4/4", 100), ("house", "4/4", 124),
    ("hiphop", "4/4", 88), ("ballad", "4/4", 72), ("latin", "4/4", 108), ("reggae", "4/4", 76),
    ("jazz", "4/4", 140), ("waltz", "3/4", 150), ("six_eight", "6/8", 92), ("odd", "7/8", 130),
    ("odd", "5/4", 120), ("rock", "12/8", 96), ("latin", "2/4", 110),
)  # fmt: skip
"""Style, metre and tempo."""

N_BARS = 4
GIVEN = ("drums", "piano")
LAST_S, BEFORE_S = 0.010, 0.040
FIRST_DB, SEAM_DB = -60.0, 6.0
"""Marks of the first sample and of the seam."""

ATTACK_BEATS = 0.07


@dataclass(frozen=True)
class StemEdges:
    """Edges of one stem; levels in dB, beside its peak where not said otherwise.

    Attributes:
        first_db: sample 0.
        starts: whether a note begins there.
        last_db: the last 10 ms.
        climb_db: these beside the 40 ms before.
        seam_db: the seam above the loudest inner bar line; None without a loop.
        beyond_db: the seam above the loudest of these and the take played on.
    """

    first_db: float
    starts: bool
    last_db: float
    climb_db: float
    seam_db: float | None = None
    beyond_db: float | None = None

    @property
    def faults(self) -> list[str]:
        """What one would hear."""
        if self.beyond_db is not None:
            return [f"seam {self.beyond_db:+.1f} dB"] if self.beyond_db > SEAM_DB else []
        loud = self.first_db > FIRST_DB and not self.starts
        return [f"first sample {self.first_db:.0f} dB"] if loud else []


def stem_edges(
    audio: Audio, rate: int, *, starts: bool, n_bars: int = N_BARS, on: Audio | None = None
) -> StemEdges:
    """Measures a stem.

    Args:
        audio: `[n, channels]`.
        rate: Hz.
        starts: whether a note begins with it.
        n_bars: its bars.
        on: of a loop: the take played on, `[2 n, channels]`, at any level.
    """
    peak = max(float(np.abs(audio).max()), 1e-9)
    last, before = round(LAST_S * rate), round((LAST_S + BEFORE_S) * rate)
    last_db = _level_db(audio[-last:] / peak)
    climb_db = last_db - max(QUIET_DB, _level_db(audio[-before:-last] / peak))
    plain = StemEdges(
        _decibels(float(np.abs(audio[0]).max()) / peak), starts, last_db, max(0.0, climb_db)
    )
    if on is None:
        return plain
    n = len(audio)
    lines_at = [round(k * n / n_bars) for k in range(n_bars)]
    seam, *lines = [treble_db(audio.T / peak, rate, at) for at in lines_at]
    alike = np.sqrt(np.mean(audio**2) / max(float(np.mean(on**2)), 1e-18))
    on_db = treble_db(on.T * alike / peak, rate, n)
    return replace(plain, seam_db=seam - max(lines), beyond_db=seam - max(*lines, on_db))


def _level_db(samples: Audio) -> float:
    return _decibels(float(np.sqrt(np.mean(samples**2))))


def _decibels(amplitude: float) -> float:
    return 20 * float(np.log10(max(amplitude, 1e-9)))


def evaluate_edges(
    model: StemModel,
    *,
    sound: str | None = None,
    cases: Sequence[tuple[str, str, float]] = CASES,
    n_bars: int = N_BARS,
    say: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Four takes of each case: from nothing and with drums and piano given, as a loop or not.

    Args:
        model: an open one.
        sound: "played" or "model"; None as usual.
        cases: style, metre and tempo; styles that the model does not know are left open.
        n_bars: length.
        say: told every take.

    Returns:
        A row for each take: case, loop, given, stems.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (style, metre, bpm) in enumerate(cases):
            for loop in (False, True):
                wishes = {
                    "time_signature": metre, "bpm": bpm, "bars": n_bars, "seed": 100 + number,
                    "loop": loop, "sound": sound,
                }  # fmt: skip
                style_wish = {"style": style} if style in model.manifest.styles else {}
                for given, files, stems in _takes(model, wishes, style_wish, Path(folder)):
                    row = {"case": f"{style} {metre}", "loop": loop, "given": given, "files": files}
                    rows.append(row | {"stems": stems})
                    say(_line(rows[-1]))
    return rows


def _takes(
    model: StemModel, wishes: dict[str, Any], style: dict[str, str], folder: Path
) -> Iterator[tuple[bool, int, dict[str, StemEdges]]]:
    """A take from nothing, and one for its drums and piano."""
    stems = model.manifest.stems
    files, edges = _take(model, wishes | style | {"generate": ",".join(stems)}, folder)
    yield False, len(files), edges
    given = {f"context.{stem}": str(files[stem]) for stem in GIVEN if stem in files}
    rest = [stem for stem in stems if f"context.{stem}" not in given]
    if given and rest:
        files, edges = _take(model, wishes | given | {"generate": ",".join(rest)}, folder)
        yield True, len(files), edges


def _take(
    model: StemModel, wishes: dict[str, Any], folder: Path
) -> tuple[dict[str, Path], dict[str, StemEdges]]:
    request = parse_request(wishes)
    files = {stem.stem: stem.path for stem in arrange(request, model, folder)}
    state = load_state(next(iter(files.values())).parent, 0)
    n_bars = round(request.length_beats / request.time_signature.beats_per_bar)
    edges = {}
    for stem, path in files.items():
        audio, rate = soundfile.read(path, always_2d=True)
        part = state.parts.get(stem)
        starts = part is not None and any(n.start_beats < ATTACK_BEATS for n in part.notes)
        on = played_on(stem, state, request, model) if request.loop else None
        edges[stem] = stem_edges(audio, rate, starts=starts, n_bars=n_bars, on=on)
    return files, edges


def played_on(stem: str, state: TakeState, request: GenerationRequest, model: StemModel) -> Audio:
    """A loop's take twice in a row without a loop, `[2 n, channels]`, at some level."""
    manifest, turn = model.manifest, request.length_beats
    n = beats_to_samples(turn, request.bpm, request.session_rate)
    twice = replace(request, length_beats=2 * turn, loop=False)
    if stem in state.parts and request.sound != "model":
        notes = state.parts[stem].notes
        again = tuple(replace(note, start_beats=note.start_beats + turn) for note in notes)
        whole = Part(stem, notes + again, 2 * turn)
        sound = played(whole, twice, manifest, state.choice.timbres)
    else:
        pace = pace_for(request, manifest, 1.0)
        latents = np.tile(state.latents[manifest.stem_index(stem)], 2)
        decoded = codec.decode(model, stem, latents, latents.shape[-1] * manifest.hop)
        sound = conformed({stem: decoded}, manifest.sample_rate, twice, {}, pace)[stem]
    return np.atleast_2d(sound).T[: 2 * n].astype(np.float64)


def _line(row: Mapping[str, Any]) -> str:
    """A take in words: the worst of each edge."""
    stems: Mapping[str, StemEdges] = row["stems"]
    kind = ("loop" if row["loop"] else "take") + (", drums and piano given" if row["given"] else "")
    faults = [f"{stem}: {fault}" for stem, edges in stems.items() for fault in edges.faults]
    silent = [edges.first_db for edges in stems.values() if not edges.starts]
    figures = [f"first sample {max(silent):.0f} dB"] if silent and not row["loop"] else []
    if not row["loop"]:
        figures.append(f"last 10 ms {max(e.last_db for e in stems.values()):.0f} dB")
    else:
        seams = [(e.seam_db, e.beyond_db) for e in stems.values()]
        raw, beyond = (
            max(x for x in column if x is not None) for column in zip(*seams, strict=True)
        )
        figures.append(f"seam {raw:+.1f} dB, {beyond:+.1f} dB beyond the take played on")
    return f"{row['case']}, {kind}: {', '.join(figures)}" + (
        f"  {'; '.join(faults)}" if faults else ""
    )


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many edges of each kind there were, how many were heard, and the worst."""
    takes = [edges for row in rows if not row["loop"] for edges in row["stems"].values()]
    loops = [edges for row in rows if row["loop"] for edges in row["stems"].values()]
    silent = [edges.first_db for edges in takes if not edges.starts]
    return {
        "takes": len(rows),
        "stems": len(takes) + len(loops),
        "begin_without_a_note": len(silent),
        "first_sample_db": max(silent, default=None),
        "last_10_ms_db": max((edges.last_db for edges in takes), default=None),
        "climb_db": max(
            (edges.climb_db for edges in takes if edges.last_db > QUIET_DB), default=None
        ),
        "seams": len(loops),
        "seam_above_6_db": sum((edges.seam_db or 0.0) > SEAM_DB for edges in loops),
        "seam_db": max(
            (edges.seam_db for edges in loops if edges.seam_db is not None), default=None
        ),
        "beyond_db": max(
            (edges.beyond_db for edges in loops if edges.beyond_db is not None), default=None
        ),
        "faults": sum(len(edges.faults) for edges in (*takes, *loops)),
    }


def as_mapping(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """JSON-ready rows."""
    return [
        {**row, "stems": {stem: asdict(edges) for stem, edges in row["stems"].items()}}
        for row in rows
    ]
