"""The evaluation as one HTML file that needs nothing else: tables, pictures, players."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.evaluation.pictures import data_url, ogg, spectrogram_png
from stembridge.evaluation.run import SUBJECTS, StemResults

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;text-align:right}
th{border-bottom:1px solid #999}td:first-child,th:first-child{text-align:left}
small{color:#777}figure{display:inline-block;margin:.5em 1em .5em 0}img{display:block}
audio{width:420px}
"""

_WORDS = {
    "on_eighth": "onsets on the eighth grid",
    "on_sixteenth": "onsets on the sixteenth grid",
    "offset_ms": "median offset from the grid, ms",
    "onsets_per_s": "onsets per second",
    "onset_f1": "onset F1 against the true stem",
    "root": "strongest pitch class is the root",
    "in_chord": "strongest pitch class is in the chord",
    "chroma": "chroma energy in the chord",
    "root_shuffled": "root, another song's chords (chance)",
    "in_chord_shuffled": "in chord, another song's chords (chance)",
    "silent": "silent stems",
    "loudness_difference_lu": "loudness against the true stem, LU",
    "lsd_db": "log-spectral distance to the true stem, dB",
    "treble_db": "power above 10 kHz, dB of all",
}


def _cell(value: Mapping[str, float] | None) -> str:
    if value is None:
        return "<td></td>"
    low, high = value["low"], value["high"]
    return f"<td>{value['mean']:.2f} <small>{low:.2f}…{high:.2f}</small></td>"


def _figure_table(stem: Mapping[str, Any]) -> str:
    head = "".join(f"<th>{subject}</th>" for subject in SUBJECTS)
    rows = "".join(
        f"<tr><td>{words}</td>" + "".join(_cell(stem[s].get(name)) for s in SUBJECTS) + "</tr>"
        for name, words in _WORDS.items()
        if any(name in stem[subject] for subject in SUBJECTS)
    )
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _ratio_table(stem: Mapping[str, Any]) -> str:
    frechet = ", ".join(f"{k} {v:.3f}" for k, v in stem["frechet_logmel40_1s"].items())
    lines = (
        ("on-grid share, of the codec ceiling's", stem["on_grid_share_of_ceiling"]),
        ("onset rate, of the true stem's", stem["onset_rate_of_truth"]),
        ("latent deviation, of the true latents'", stem["latent_deviation_ratio"]),
        ("seconds per second of audio", stem["seconds_per_audio_second"]),
    )
    rows = "".join(f"<tr><td>{words}</td><td>{value:.3f}</td></tr>" for words, value in lines)
    return f"<table>{rows}</table><p>Fréchet distance (logmel40-1s) to the true stem: {frechet}</p>"


def _player(title: str, audio: NDArray[np.float32], rate: int) -> str:
    picture = data_url("image/png", spectrogram_png(audio, rate))
    sound = data_url("audio/ogg", ogg(audio, rate))
    return (
        f"<figure><figcaption>{escape(title)}</figcaption><img src='{picture}' alt='spectrogram'>"
        f"<audio controls preload='none' src='{sound}'></audio></figure>"
    )


def html_report(
    title: str, facts: Mapping[str, Any], figures: Mapping[str, Any],
    results: Mapping[str, StemResults], rate: int,
) -> str:  # fmt: skip
    """The report's text.

    Args:
        title: heading.
        facts: artifact, settings, number of songs: shown as they are.
        figures: `evaluation.run.summary`.
        results: for the examples' sound.
        rate: Hz.
    """
    parts = [f"<!doctype html><meta charset='utf-8'><title>{escape(title)}</title>"]
    parts += [f"<style>{_STYLE}</style><h1>{escape(title)}</h1><ul>"]
    parts += [f"<li>{escape(str(k))}: {escape(str(v))}</li>" for k, v in facts.items()]
    parts += ["</ul><p>Every stem was generated given the other three. Brackets: 95 % bootstrap "
              "interval over songs. Ceiling: the true stem through the codec. Retrieval: the true "
              "stem of another song.</p>"]  # fmt: skip
    for stem, values in figures.items():
        parts += [f"<h2>{escape(stem)}</h2>", _figure_table(values), _ratio_table(values)]
        for name, made, true in results[stem].examples:
            parts += [_player(f"{name}, generated", made, rate)]
            parts += [_player(f"{name}, true", true, rate), "<br>"]
    return "\n".join(parts)
