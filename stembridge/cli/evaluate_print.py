"""The table that `stembridge evaluate` prints: played and model sound side by side, the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def print_table(figures: dict[str, Any]) -> None:
    """A column for each stem."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", *figures)
    columns = [_column(values) for values in figures.values()]
    for name in columns[0]:
        cells = [column[name] for column in columns]
        if any(cells):
            table.add_row(name, *cells)
    Console().print(table)


_SIDES = ("played", "generated", "ceiling", "truth")
_SIDE_BY_SIDE = {
    "on_sixteenth": "on sixteenths",
    "root": "root",
    "in_chord": "in chord",
    "offset_ms": "median offset, ms",
    "loudness_difference_lu": "loudness, LU",
    "silent": "silent",
}


def _column(values: dict[str, Any]) -> dict[str, str]:
    from stembridge.evaluation.summary import FRECHET

    frechet, part, ceiling = values[FRECHET], values.get("part", {}), values.get("ceiling", {})
    beside = {
        words: _beside([_mean(values.get(side, {}), name) for side in _SIDES])
        for name, words in _SIDE_BY_SIDE.items()
    }
    return {
        "": "played/model/codec/true",
        **beside,
        "Fréchet to the true stem": _beside([_number(frechet.get(side)) for side in _SIDES[:3]]),
        "Fréchet, nearest wrong stem": _number(frechet["nearest_wrong_stem"]),
        "played: offset beyond the true stem's, ms": _number(
            values.get("played_offset_beyond_truth_ms")
        ),
        "played: rise beyond the true stem's, ms": _number(
            values.get("played_rise_beyond_truth_ms")
        ),
        "notes a second, of the true part's": _number(values.get("notes_per_s_of_truth")),
        "notes in chord": _mean(part, "notes_in_chord"),
        "notes on the grid": _mean(part, "notes_on_grid"),
        "notes read in the true stem, F1": _mean(part, "note_f1"),
        "played: side beside middle, dB (mono holds below 0)": _mean(part, "side_db"),
        "model: on-grid share, of the ceiling's": _number(values.get("on_grid_share_of_ceiling")),
        "model: offset beyond the true stem's, ms": _number(values.get("offset_beyond_truth_ms")),
        "model: onset rate, of the truth's": _number(values.get("onset_rate_of_truth")),
        "model: levelled by, dB": _number(values.get("level_gain_db")),
        "model: latent deviation": _number(values.get("latent_deviation_ratio")),
        "ceiling: spectral distance, dB": _mean(ceiling, "lsd_db"),
        "ceiling: treble, dB": _number((values["ceiling_treble_difference_db"] or {}).get("mean")),
    }


def _beside(cells: Sequence[str]) -> str:
    """Cells as one, a dash where there is nothing; empty where there is nothing at all."""
    return " / ".join(cell or "-" for cell in cells) if any(cells) else ""


def _mean(figures: dict[str, Any], name: str) -> str:
    return _number(figures[name]["mean"]) if name in figures else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
