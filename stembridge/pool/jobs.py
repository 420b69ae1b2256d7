"""One function over many jobs: in this process, in several, or on a cluster.

What a job gives must not depend on which process does it, nor on what that did before.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Generic, TypeVar

from stembridge.pool.cluster import joined

Tool = TypeVar("Tool")
Job = TypeVar("Job")
Result = TypeVar("Result")

_AHEAD = 2  # jobs handed out per worker, finished ones that wait for their turn among them
_TRIES = 3


@dataclass(frozen=True)
class Crew:
    """Who does the jobs.

    Attributes:
        workers: processes; one without a cluster is this process itself.
        cluster: address of a Ray cluster ("local", "auto", host:port); None is this machine.
        on_gpu: whether each worker gets a GPU of a cluster that has any.
    """

    workers: int = 1
    cluster: str | None = None
    on_gpu: bool = False

    @property
    def is_alone(self) -> bool:
        """Whether the jobs are done in this process."""
        return self.workers == 1 and self.cluster is None


def run_jobs(
    work: Callable[[Tool, Job], Result],
    jobs: Iterable[Job],
    prepare: Callable[[], Tool],
    crew: Crew | None = None,
) -> Iterator[Result]:
    """`work(tool, job)` of every job, in the jobs' order, a few jobs ahead of who asks.

    Args:
        work: a function of a module.
        jobs: each picklable, with several processes.
        prepare: makes the tool, such as an open model, once in every process; picklable likewise.
        crew: who works; None is this process.
    """
    crew = crew or Crew()
    if crew.is_alone:
        tool = prepare()
        yield from (work(tool, job) for job in jobs)
    elif crew.cluster is not None:
        yield from _on_cluster(work, jobs, prepare, crew)
    else:
        yield from _in_processes(work, jobs, prepare, crew.workers)


# The one tool of a process, put there by `_enter`.
_tools: list[Any] = []


def _in_processes(
    work: Callable[[Tool, Job], Result],
    jobs: Iterable[Job],
    prepare: Callable[[], Tool],
    workers: int,
) -> Iterator[Result]:
    # Forking would copy the threads' locks of torch and ONNX Runtime in whatever state they are.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_enter, initargs=(prepare,)) as pool:
        waiting: deque[Future[Result]] = deque()
        for job in jobs:
            waiting.append(pool.submit(_do, work, job))
            if len(waiting) == _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _enter(prepare: Callable[[], Tool]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _tools.append(prepare())


def _end_with_parent() -> None:
    """A worker of a killed process would wait for its next job for ever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _do(work: Callable[[Tool, Job], Result], job: Job) -> Result:
    return work(_tools[0], job)


class _Hand(Generic[Tool]):
    """A worker of the cluster."""

    def __init__(self, prepare: Callable[[], Tool]) -> None:
        self._tool = prepare()

    def do(self, work: Callable[[Tool, Job], Result], job: Job) -> Result:
        """One job."""
        return work(self._tool, job)


def _on_cluster(
    work: Callable[[Tool, Job], Result],
    jobs: Iterable[Job],
    prepare: Callable[[], Tool],
    crew: Crew,
) -> Iterator[Result]:
    """A worker that is lost comes again, elsewhere if need be, and does its job again."""
    with joined(str(crew.cluster), crew.workers) as ray:
        on_gpu = crew.on_gpu and ray.cluster_resources().get("GPU", 0) >= 1
        remote = ray.remote(_Hand).options(
            num_cpus=1, num_gpus=int(on_gpu), max_restarts=_TRIES, max_task_retries=_TRIES - 1
        )
        idle = [remote.remote(prepare) for _ in range(crew.workers)]
        busy: dict[Any, Any] = {}
        waiting: deque[Any] = deque()
        try:
            for job in jobs:
                while not idle or len(waiting) == _AHEAD * crew.workers:
                    idle += _finished(ray, busy)
                    while waiting and waiting[0] not in busy:
                        yield ray.get(waiting.popleft())
                hand = idle.pop()
                waiting.append(hand.do.remote(work, job))
                busy[waiting[-1]] = hand
            while waiting:
                yield ray.get(waiting.popleft())
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None


def _finished(ray: Any, busy: dict[Any, Any]) -> list[Any]:
    """Workers that have become idle; waits for one if all are busy."""
    if not busy:
        return []
    ready, _ = ray.wait(list(busy), num_returns=1)
    return [busy.pop(reference) for reference in ready]
