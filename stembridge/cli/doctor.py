"""`stembridge doctor`: every link between the music and the model, and what to do about each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from stembridge.cli.shared import JsonOption, ModelOption, print_json

if TYPE_CHECKING:
    from stembridge.cli.finding import Finding


def doctor(
    model: ModelOption = None,
    host: str = typer.Option("127.0.0.1", help="Address the daemon would listen on."),
    port: int = typer.Option(9420, min=0, max=65_535, help="Its UDP port."),
    out: str | None = typer.Option(None, help="Folder for the takes."),
    json: JsonOption = False,
) -> None:
    """Check this machine link by link and say what to do about each failure."""
    from stembridge.cli.checks import run_checks

    findings = run_checks(model, host, port, out)
    if json:
        print_json({"ok": healthy(findings), "checks": [vars(finding) for finding in findings]})
    else:
        _print_table(findings)
    raise typer.Exit(0 if healthy(findings) else 1)


def healthy(findings: list[Finding]) -> bool:
    """Whether nothing stands in the way of making stems."""
    return all(finding.status != "fail" for finding in findings)


def _print_table(findings: list[Finding]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    colours = {"ok": "green", "note": "yellow", "fail": "red"}
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("", "what", "found"):
        table.add_column(title, overflow="fold")
    for finding in findings:
        advice = f"\n→ {finding.advice}" if finding.advice else ""
        table.add_row(
            f"[{colours[finding.status]}]{finding.status}",
            finding.name,
            escape(finding.found + advice),
        )
    Console(highlight=False, markup=True, emoji=False).print(table)
    failed = sum(finding.status == "fail" for finding in findings)
    print("Ready to make stems." if not failed else f"{failed} to mend before stems can be made.")
