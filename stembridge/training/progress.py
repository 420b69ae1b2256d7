"""A terminal progress bar for training runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(steps: int) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """Show steps, time left and losses while the block runs; yields an `on_step`."""
    columns = (
        TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns) as bar:
        task = bar.add_task("", total=steps)

        def on_step(step: int, losses: Mapping[str, float]) -> None:
            shown = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
            bar.update(task, completed=step, description=shown)

        yield on_step
