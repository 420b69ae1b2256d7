"""A worker whose FakeModel fails on command: files in $STEMBRIDGE_TEST_FAULTS tell it how.

slow   every network call takes as many seconds as the file says; "calls" has a letter for each
crash, stop, hang, oom, error, disk
       the next network call does that; a number in the file says how often (empty: always)
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from pathlib import Path

from stembridge.daemon import worker
from stembridge.errors import ModelUntrustedError
from stembridge.testing import FakeModel, FloatArray


def crash() -> None:
    os._exit(9)


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def hang() -> None:
    time.sleep(3600)


def oom() -> None:
    raise MemoryError


def error() -> None:
    raise RuntimeError("CUDA error: an illegal memory access")


def odd() -> None:
    raise ZeroDivisionError("odd")


def disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


class FaultyModel(FakeModel):
    """Looks for a fault before every network call."""

    faults = Path(os.environ["STEMBRIDGE_TEST_FAULTS"])

    def denoise(self, x: FloatArray, sigma: FloatArray, conditions: FloatArray) -> FloatArray:
        slow = self.faults / "slow"
        if slow.exists():
            with (self.faults / "calls").open("a") as calls:
                calls.write("x")
            time.sleep(float(slow.read_text()))
        for fault in (crash, stop, hang, oom, error, odd, disk):
            if self._due(self.faults / fault.__name__):
                fault()
        return super().denoise(x, sigma, conditions)

    @staticmethod
    def _due(file: Path) -> bool:
        if not file.exists():
            return False
        text = file.read_text().strip()
        if text == "1":
            file.unlink()
        elif text:
            file.write_text(str(int(text) - 1))
        return True


def open_faulty(_settings: worker.Settings) -> FaultyModel:
    if (FaultyModel.faults / "untrusted").exists():
        raise ModelUntrustedError("The model is not what it claims to be.")
    if (FaultyModel.faults / "no start").exists():
        os._exit(7)
    return FaultyModel()


if __name__ == "__main__":
    sys.exit(worker.main(open_faulty))
