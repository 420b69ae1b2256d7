"""Every error stembridge can say, in one drawn tree.

Each error has a stable negative `code` and a `symbol` (both travel over OSC, so they never
change meaning) and a `sentence` a musician understands. Errors are raised low, where the fact is
known, and translated into an `/stembridge/error` message or an exit status once, at the top.

    StembridgeError                 -1    GENERAL
    ├── IncompatibleApiError        -2    INCOMPATIBLE_API
    ├── NoSuchFileError             -5    NO_SUCH_FILE
    ├── NotNowError                 -8    NOT_NOW
    ├── CreateFailedError           -10   CREATE_FAILED
    ├── BadArgsError                -101  BAD_ARGS
    ├── UnknownIdError              -102  UNKNOWN_ID
    ├── QueueFullError              -103  QUEUE_FULL
    ├── DiskFullError               -104  DISK_FULL
    ├── ModelUntrustedError         -105  MODEL_UNTRUSTED
    ├── OutOfMemoryError            -106  OUT_OF_MEMORY
    ├── TimedOutError               -107  TIMEOUT
    ├── CancelledError              -108  CANCELLED
    ├── AttemptsExhaustedError      -109  ATTEMPTS_EXHAUSTED
    ├── PathDeniedError             -110  PATH_DENIED
    ├── IdConflictError             -111  ID_CONFLICT
    ├── DeviceLostError             -112  DEVICE_LOST
    ├── BadTimeError                -113  BAD_TIME
    ├── ClusterDownError            -114  CLUSTER_DOWN
    ├── BadAudioError               -115  BAD_AUDIO
    ├── NoGpuError                  -116  NO_GPU
    ├── MissingExtraError           -117  MISSING_EXTRA
    └── TokenNeededError            -118  TOKEN_NEEDED

The codes -1 to -10 keep the meaning they have in the New Session Manager API.
"""

from __future__ import annotations

from typing import ClassVar


class StembridgeError(Exception):
    """Something failed in a way none of the named errors describes.

    Attributes:
        code: stable negative number for programs.
        symbol: stable upper-case name for programs and logs.
        sentence: what happened and, where it helps, what to do; for a human.
        retry_after_ms: when a repeat may succeed (0: a repeat will not help by itself).
    """

    code: ClassVar[int] = -1
    symbol: ClassVar[str] = "GENERAL"

    def __init__(self, sentence: str, *, retry_after_ms: int = 0) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.retry_after_ms = retry_after_ms

    def __str__(self) -> str:
        return self.sentence


class IncompatibleApiError(StembridgeError):
    """The client speaks another major version of the protocol."""

    code = -2
    symbol = "INCOMPATIBLE_API"


class NoSuchFileError(StembridgeError):
    """A file the request names is not there, or is not a file."""

    code = -5
    symbol = "NO_SUCH_FILE"


class NotNowError(StembridgeError):
    """The request is fine but cannot be served in the present state."""

    code = -8
    symbol = "NOT_NOW"


class CreateFailedError(StembridgeError):
    """A port, file or folder cannot be created."""

    code = -10
    symbol = "CREATE_FAILED"


class BadArgsError(StembridgeError):
    """A value of the request is missing, of the wrong kind or out of range."""

    code = -101
    symbol = "BAD_ARGS"


class UnknownIdError(StembridgeError):
    """No job with this id is known here; it must never be read as "done"."""

    code = -102
    symbol = "UNKNOWN_ID"


class QueueFullError(StembridgeError):
    """Too many jobs wait already."""

    code = -103
    symbol = "QUEUE_FULL"


class DiskFullError(StembridgeError):
    """No room for the files."""

    code = -104
    symbol = "DISK_FULL"


class ModelUntrustedError(StembridgeError):
    """A model file does not match the hash its manifest vouches for."""

    code = -105
    symbol = "MODEL_UNTRUSTED"


class OutOfMemoryError(StembridgeError):
    """The device has no memory left for the request."""

    code = -106
    symbol = "OUT_OF_MEMORY"


class TimedOutError(StembridgeError):
    """The work took longer than allowed, or a peer did not answer."""

    code = -107
    symbol = "TIMEOUT"


class CancelledError(StembridgeError):
    """The user took the request back."""

    code = -108
    symbol = "CANCELLED"


class AttemptsExhaustedError(StembridgeError):
    """The job ended its worker too often and is given up."""

    code = -109
    symbol = "ATTEMPTS_EXHAUSTED"


class PathDeniedError(StembridgeError):
    """A path lies outside the folders the daemon may read or write."""

    code = -110
    symbol = "PATH_DENIED"


class IdConflictError(StembridgeError):
    """The same id was used for two different requests."""

    code = -111
    symbol = "ID_CONFLICT"

    @classmethod
    def of(cls, request_id: str) -> IdConflictError:
        """What is said of that id."""
        return cls(
            f"The request id {request_id} already stands for another request; take a new one."
        )


class DeviceLostError(StembridgeError):
    """A GPU, sound card or MIDI port went away."""

    code = -112
    symbol = "DEVICE_LOST"


class BadTimeError(StembridgeError):
    """A time tag lies in the future; the daemon never sleeps on one."""

    code = -113
    symbol = "BAD_TIME"


class ClusterDownError(StembridgeError):
    """The machines that share the work cannot be reached."""

    code = -114
    symbol = "CLUSTER_DOWN"


class BadAudioError(StembridgeError):
    """An audio file cannot be read, or holds what no stem can hold."""

    code = -115
    symbol = "BAD_AUDIO"


class NoGpuError(StembridgeError):
    """A GPU was asked for by number and is not there."""

    code = -116
    symbol = "NO_GPU"


class MissingExtraError(StembridgeError):
    """An optional package or library is absent; the sentence says what to install."""

    code = -117
    symbol = "MISSING_EXTRA"


class TokenNeededError(StembridgeError):
    """A message from another machine lacks the daemon's token, or has another one."""

    code = -118
    symbol = "TOKEN_NEEDED"


_ALL: tuple[type[StembridgeError], ...] = (
    StembridgeError,
    *StembridgeError.__subclasses__(),
)
BY_SYMBOL: dict[str, type[StembridgeError]] = {error.symbol: error for error in _ALL}
"""Symbol -> error class, for the wire, the journal and the tests."""

PASSING = frozenset(
    {
        "NOT_NOW",
        "TIMEOUT",
        "QUEUE_FULL",
        "DISK_FULL",
        "DEVICE_LOST",
        "CLUSTER_DOWN",
        "OUT_OF_MEMORY",
    }
)
"""Symbols of what may go away by itself: the same request can succeed later."""


def error_from(symbol: str, sentence: str, retry_after_ms: int = 0) -> StembridgeError:
    """Rebuild an error from what travelled over the wire or lay in the journal.

    An unknown symbol (from a newer peer) becomes a plain `StembridgeError`.
    """
    return BY_SYMBOL.get(symbol, StembridgeError)(sentence, retry_after_ms=retry_after_ms)
