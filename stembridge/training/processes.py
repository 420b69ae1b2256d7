"""What training processes on one machine share: a meeting place, cores, and one gradient."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch
import torch.distributed as dist
from torch import nn


def average_gradients(parameters: list[nn.Parameter], world: int) -> None:
    """Replaces every process's gradients by their mean: one all-reduce of one flat vector."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    flat /= world
    offset = 0
    for gradient in gradients:
        gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient))
        offset += gradient.numel()


def bfloat16_is_fast(device: str) -> bool:
    """Whether the hardware computes in bfloat16; a CPU that only imitates it is 30 times slower."""
    if device != "cpu":
        return True
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def own_core(rank: int) -> None:
    """Keeps each single-threaded process on a core: the scheduler likes to stack them on one."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[rank % len(cores)]})


def orphaned() -> bool:
    """Whether this is a worker whose parent has ended: nobody waits for it, another may follow."""
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()


def free_port() -> int:
    """A loopback port nobody listens on, where the processes of one run can meet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def ctrl_c_waits(here: bool = True) -> Iterator[Callable[[], bool]]:
    """Holds Ctrl-C back for the block, which looks between two steps whether it came.

    A second one is not held back. Where this process is not to be interrupted so (not `here`), or
    the thread is none that gets signals, nothing changes.
    """
    came = threading.Event()
    if not here or threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def hold(number: int, frame: FrameType | None) -> None:
        came.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, hold)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def stopped_at(step: int) -> str:
    """What an interrupted run says."""
    return f"Stopped at step {step}; the same command goes on from here."
