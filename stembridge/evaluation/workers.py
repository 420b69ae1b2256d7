"""Spreads jobs over processes, each with its own model.

What a job gives must not depend on which process does it, nor on what that did before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

from stembridge.runtime.model import StemModel

Opener = Callable[[], StemModel]
Job = TypeVar("Job")
Result = TypeVar("Result")

# The one model of a worker process, put there by `_enter`.
_opened: list[StemModel] = []


def run_jobs(
    opener: Opener, work: Callable[[StemModel, Job], Result], jobs: Sequence[Job], workers: int = 1
) -> Iterator[Result]:
    """`work(model, job)` of every job, in the jobs' order.

    Args:
        opener: opens the model, once in every process; must be picklable with several workers.
        work: a function of a module.
        jobs: picklable with several workers.
        workers: number of processes; 1 works in this one.
    """
    if workers == 1:
        model = opener()
        yield from (work(model, job) for job in jobs)
        return
    # Forking would copy the threads' locks of torch and ONNX Runtime in whatever state they are.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_enter, initargs=(opener,)) as pool:
        yield from pool.map(partial(_do, work), jobs)


def _enter(opener: Opener) -> None:
    _opened.append(opener())


def _do(work: Callable[[StemModel, Job], Result], job: Job) -> Result:
    return work(_opened[0], job)
