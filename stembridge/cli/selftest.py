"""`stembridge selftest`: the daemon of this installation, attacked; a figure beside each mark."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from stembridge.cli.shared import JsonOption, print_json
from stembridge.errors import BadArgsError

if TYPE_CHECKING:
    from stembridge.selftest.table import Result

LAST_ROW = 16


def selftest(
    rows: Annotated[
        str, typer.Option(help="Numbers of the rows to run, by comma; all if left out.")
    ] = "",
    long: Annotated[
        bool, typer.Option("--long", help="The form for releases: an hour, and a soak of eight.")
    ] = False,
    soak_hours: Annotated[
        float | None, typer.Option(min=0.001, max=1000, help="Length of row 15, in hours.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Attack this installation's daemon (a model is not needed) and say how it stood."""
    from stembridge.selftest.table import run

    logging.getLogger("stembridge").setLevel(logging.CRITICAL)  # the table says what matters
    wanted = _numbers(rows)
    results = []
    for result in run(wanted, long=long, soak_s=soak_hours and 3600 * soak_hours):
        results.append(result)
        if not json:
            _print(result)
    missed = [result for result in results if result.verdict == "NOT MET"]
    if json:
        print_json({"ok": not missed, "rows": [_facts(result) for result in results]})
    else:
        _print_summary(results)
    raise typer.Exit(1 if missed else 0)


def _numbers(rows: str) -> set[int]:
    words = [word.strip() for word in rows.split(",") if word.strip()]
    if not all(word.isdecimal() and 1 <= int(word) <= LAST_ROW for word in words):
        raise BadArgsError(f"Rows are numbers from 1 to {LAST_ROW}, by comma.")
    return {int(word) for word in words}


def _facts(result: Result) -> dict[str, object]:
    row = result.row
    return {
        "row": row.number, "what": row.title, "mark": row.mark, "verdict": result.verdict,
        "figure": result.figure, "depends_on_load": row.by_load, "took_s": round(result.took_s, 1),
    }  # fmt: skip


def _print(result: Result) -> None:
    row = result.row
    load = " (depends on load)" if row.by_load else ""
    print(f"{row.number:2d}  {result.verdict:8s} {row.title}: {row.mark}{load}")
    print(f"             {result.figure} [{result.took_s:.0f} s]", flush=True)


def _print_summary(results: list[Result]) -> None:
    counts = {
        verdict: sum(result.verdict == verdict for result in results)
        for verdict in ("met", "NOT MET", "skipped")
    }
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count))
    if counts["NOT MET"] and any(
        result.row.by_load for result in results if result.verdict == "NOT MET"
    ):
        print("A busy machine misses marks that depend on load: run those rows again alone.")
