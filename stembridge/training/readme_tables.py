"""The README's tables of a model's figures, from its manifest alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stembridge.training.card_tables import table_head

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"

# Rows of the README's table: title and form of a stem's cell. All others stand in the model card.
_ROWS = {
    "Notes on the grid": "{on_sixteenth:.0%}",
    "… of what the codec lets through": "{on_sixteenth_ceiling:.0%}",
    "Later than the grid, ms (true part)": "{offset_ms:+.0f} ({offset_ms_truth:+.0f})",
    "Strongest note fits the chord (true part; by chance)": (
        "{in_chord:.0%} ({in_chord_truth:.0%}; {in_chord_shuffled:.0%})"
    ),
    "Silent though it should play": "{silent:.0%}",
}
_PLAYED_ROWS = {
    "Onsets on the grid (true part)": "{notes_on_grid:.0%} ({notes_on_grid_truth:.0%})",
    "Notes in the chord (true part)": "{notes_in_chord:.0%} ({notes_in_chord_truth:.0%})",
    "Notes a second, of the true part's": "{notes_per_s_of_truth:.0%}",
    "Notes read rightly in true parts (F1)": "{note_f1:.2f}",
}
_COMPOSED = "songs of the composer that it never heard"
_REAL = "songs of held-out charts, drummers and real instruments"
_SETS = {  # what everybody gets first
    "real_played": (f"{_REAL}, played by instruments", _PLAYED_ROWS),
    "played": (f"{_COMPOSED}, played by instruments", _PLAYED_ROWS),
    "real": (_REAL, _ROWS),
    "": (_COMPOSED, _ROWS),
}


def readme_tables(figures: Mapping[str, Any]) -> str:
    """The README's tables, from a manifest's figures alone: one for each set of songs."""
    lines: list[str] = []
    for name, (words, rows) in _SETS.items():
        found = figures.get(name, {}) if name else figures
        if "stems" in found:
            title = f"{found['songs']} {words}"
            lines += table_head(title, found["stems"])
            lines += [_row(row, form, found["stems"]) for row, form in rows.items()]
            lines.append("")
    return "\n".join(lines).strip()


def _row(title: str, form: str, stems: Mapping[str, dict[str, Any]]) -> str:
    return f"| {title} | {' | '.join(_cell(form, values) for values in stems.values())} |"


def _cell(form: str, values: Mapping[str, Any]) -> str:
    """Empty where the stem has not all the figures: drums have no harmony."""
    try:
        return form.format(**values)
    except KeyError:
        return ""


def with_tables(readme: str, figures: Mapping[str, Any]) -> str:
    """A README whose tables, between their two marks, are those of the figures."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{readme_tables(figures)}\n\n{END}{after}"
