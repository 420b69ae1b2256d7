"""The libraries that run engines, kept off the network and quiet.

`transformers` and `diffusers` fetch what they lack unless they are told not to before they are
imported; that is why this is the one place that imports them.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar

from stembridge.errors import MissingExtraError, ModelUntrustedError

_STAY_HERE: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
LOCAL: Final[dict[str, Any]] = {"local_files_only": True, "use_safetensors": True}
"""How weights are opened: from the disk, and no pickles."""

_T = TypeVar("_T")


def library(name: str, extra: str) -> Any:
    """`transformers` or `diffusers`, imported so that it asks nobody anything.

    Args:
        name: of the library.
        extra: that brings it.

    Raises:
        MissingExtraError: it is not installed.
    """
    os.environ.update(_STAY_HERE)
    try:
        with quietly():
            found = import_module(name)
            import_module(f"{name}.utils.logging").disable_progress_bar()
            _name_constructors()
    except ImportError as error:
        raise MissingExtraError(
            f"This needs {name}, which is not installed: pip install 'stembridge[{extra}]'."
        ) from error
    return found


def _name_constructors() -> None:
    """Has torch list its constructors, which it does once, before another list could be kept.

    While `transformers` opens weights, `torch.linspace` is another function. A list made meanwhile
    would lack the true one, and `with torch.device(...)` would pass it over from then on.
    """
    import torch

    with torch.device("meta"):
        torch.empty(0)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keeps the libraries' warnings to themselves: they are about code that is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def opened(folder: Path, open_: Callable[[], _T]) -> _T:
    """What `open_` makes of files that may be anything.

    Raises:
        ModelUntrustedError: they are not what they should be.
    """
    try:
        with quietly():
            return open_()
    except MemoryError:
        raise
    except Exception as error:  # the libraries raise what they like
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelUntrustedError(
            f"What lies in '{folder}' cannot be opened ({said[0][:160]}). Download it again, whole."
        ) from error


def tokenizer(transformers: Any, folder: Path) -> Any:
    """What splits words into the tokens of the model in a folder.

    Raises:
        ModelUntrustedError: the folder holds none.
    """
    return opened(
        folder,
        lambda: transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        ),
    )
