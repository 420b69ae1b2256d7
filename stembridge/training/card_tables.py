"""Figures of a manifest as Markdown: their names in words, their order, tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

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
    "root_truth": "… of the true stem",
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
    "notes_per_s_of_truth": "Played: notes per second, of the true part's",
    "notes_in_chord": "Played: notes in the chord",
    "notes_in_chord_truth": "… of the true part",
    "notes_on_grid": "Played: onsets on the sixteenth grid, straight or swung as true",
    "notes_on_grid_truth": "… of the true part",
    "note_f1": "Notes read in the true stem, F measure",
    "played_offset_beyond_truth_ms": "Played: median offset beyond the true stem's, ms",
    "played_rise_beyond_truth_ms": "Played: attacks rise longer than the true stem's by, ms",
    "side_db": "Played: side signal beside the middle, dB",
    "on_sixteenth_truth": "Onsets on the sixteenth grid, true stem",
    "si_sdr_improvement_db": "Taken out of the mix: SI-SDR above the mix's own, dB",
    "si_sdr_improvement_db_ceiling": "… of the ceiling",
    "subset_distance_together": "Fréchet distance of the stem's seconds, all stems made at once",
    "subset_distance_rest": "… made for the rest",
    "subset_distance_codec": "… of the true stem through the codec",
    "apa_pair3": "Adherence to what was given (APA on pair3; 1 true pairs, 0 shuffled)",
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
    "played": "Fréchet distance ({embedding}) of the played stem to the true one",
    "ceiling": "… of the ceiling",
    "retrieval": "… of another song's stem",
    "nearest_wrong_stem": "… to the nearest other stem",
    "truth_halves": "… between two halves of the true stems",
}


def figures_section(figures: Mapping[str, Any], title: str = "") -> Iterator[str]:
    """The table of one evaluation, and what other evaluations inside it found."""
    if not figures:
        return
    if title:
        yield from ("", f"### {title.replace('_', ' ')}", "")
    stems = figures.get("stems", {})
    if stems:
        yield figures.get("measured") or (
            f"By `stembridge evaluate`: {figures.get('songs', 'some')} songs from seeds that "
            "training never used, each stem made given the other three. Shares are of 1; the true "
            "stem through the codec alone is the ceiling."
        )
        if figures.get("setting"):
            yield from ("", f"Setting: `{figures['setting']}`")
        yield from ("", *_table(stems))
    rest = {k: v for k, v in figures.items() if k not in ("stems", "songs", "setting", "measured")}
    yield from (f"- {_name(k)}: {v}" for k, v in _flat(rest, within=False).items())
    for name, inner in rest.items():
        if isinstance(inner, Mapping):
            yield from figures_section(inner, name)


def _table(columns: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Lines of a table: a column for each mapping, a row for each figure that one of them has."""
    flat = {stem: _flat(values) for stem, values in columns.items()}
    present = dict.fromkeys(name for values in flat.values() for name in values)
    yield f"| | {' | '.join(flat)} |"
    yield f"|---|{'---|' * len(flat)}"
    for name in sorted(present, key=_rank):
        cells = [values.get(name, "") for values in flat.values()]
        yield f"| {_name(name)} | {' | '.join(cells)} |"


def table_head(title: str, columns: Iterable[str]) -> list[str]:
    """The two lines that begin a table."""
    names = list(columns)
    return [f"| {title} | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]


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
