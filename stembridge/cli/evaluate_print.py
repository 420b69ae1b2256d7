"""The table that `stembridge evaluate` prints of the figures of stems."""

from __future__ import annotations

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


def _column(values: dict[str, Any]) -> dict[str, str]:
    from stembridge.evaluation.summary import FRECHET

    frechet = values[FRECHET]
    made, ceiling, played = (values.get(s, {}) for s in ("generated", "ceiling", "played"))
    part = values.get("part", {})
    return {
        "played: root": _mean(played, "root"),
        "played: in chord": _mean(played, "in_chord"),
        "played: on sixteenths": _mean(played, "on_sixteenth"),
        "played: offset beyond the true stem's, ms": _number(
            values.get("played_offset_beyond_truth_ms")
        ),
        "played: rise beyond the true stem's, ms": _number(
            values.get("played_rise_beyond_truth_ms")
        ),
        "played: Fréchet": _number(frechet.get("played")),
        "played: loudness, LU": _mean(played, "loudness_difference_lu"),
        "notes a second, of the true part's": _number(values.get("notes_per_s_of_truth")),
        "notes in chord": _mean(part, "notes_in_chord"),
        "notes on the grid": _mean(part, "notes_on_grid"),
        "notes read in the true stem, F1": _mean(part, "note_f1"),
        "side beside middle, dB": _mean(part, "side_db"),
        "on-grid share, of the ceiling's": _number(values.get("on_grid_share_of_ceiling")),
        "median offset, ms": _mean(made, "offset_ms"),
        "the same beyond the true stem's": _number(values.get("offset_beyond_truth_ms")),
        "onset rate, of the truth's": _number(values.get("onset_rate_of_truth")),
        "root": _mean(made, "root"),
        "in chord": _mean(made, "in_chord"),
        "silent": _mean(made, "silent"),
        "loudness, LU": _mean(made, "loudness_difference_lu"),
        "levelled by, dB": _number(values.get("level_gain_db")),
        "latent deviation": _number(values.get("latent_deviation_ratio")),
        "Fréchet, own": _number(frechet.get("generated")),
        "Fréchet, ceiling": _number(frechet.get("ceiling")),
        "Fréchet, nearest wrong stem": _number(frechet["nearest_wrong_stem"]),
        "ceiling: spectral distance, dB": _mean(ceiling, "lsd_db"),
        "ceiling: treble, dB": _number((values["ceiling_treble_difference_db"] or {}).get("mean")),
    }


def _mean(figures: dict[str, Any], name: str) -> str:
    return _number(figures[name]["mean"]) if name in figures else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
