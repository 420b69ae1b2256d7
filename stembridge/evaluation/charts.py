"""Bars as PNG, by matplotlib, which is imported only here. Colours are Okabe and Ito's."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from stembridge.errors import MissingExtraError

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
_INCH = 130  # pixels


def check_charts() -> None:
    """Before hours of work: are there the means to draw their pictures?

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "Pictures of tables need matplotlib: pip install 'stembridge[train]'."
        ) from error


def bars_png(
    title: str,
    names: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    axis: str,
) -> bytes:
    """Groups of bars.

    Args:
        title: over the picture.
        names: of the groups.
        series: name -> a value for each group; None leaves a gap.
        axis: what the values are.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), dpi=_INCH, layout="constrained")
    axes = figure.add_subplot()
    width = 0.8 / max(1, len(series))
    for number, (name, values) in enumerate(series.items()):
        known = [(at, value) for at, value in enumerate(values) if value is not None]
        places = [at + (number - (len(series) - 1) / 2) * width for at, _ in known]
        colour = _COLOURS[number % len(_COLOURS)]
        axes.bar(places, [value for _, value in known], width * 0.92, label=name, color=colour)
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_ylabel(axis)
    axes.set_xticks(range(len(names)), names, fontsize=8 if len(names) > 8 else 10)
    axes.grid(axis="y", color="#dddddd")
    axes.set_axisbelow(True)
    axes.axhline(0, color="#333333", linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.legend(loc="outside lower center", ncols=min(4, len(series)), frameon=False, fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
