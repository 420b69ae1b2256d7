"""`stembridge serve` alone, so that the tests of the daemon need no other command."""

import typer

from stembridge.cli.serve import serve

app = typer.Typer()
app.command()(serve)


@app.callback()
def stembridge() -> None:
    """Keep `serve` a sub-command."""


if __name__ == "__main__":
    app()
