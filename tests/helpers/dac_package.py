"""descript-audio-codec's own Encoder and Decoder, without the packages it cannot live with.

Its `__init__` imports audiotools, hence torchaudio and a protobuf older than onnx accepts. The
two classes need none of that: with stand-ins for the two names they import, and the packages'
`__init__` files left out, `dac.model.dac` loads on torch and einops alone.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
import warnings
from contextlib import contextmanager
from pathlib import Path

from torch import nn


def installed() -> bool:
    return importlib.util.find_spec("dac") is not None


def load_classes() -> tuple[type[nn.Module], type[nn.Module]]:
    """(Encoder, Decoder) of the installed package."""
    with _stand_ins(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importlib.import_module("dac.model.dac")
        return module.Encoder, module.Decoder


@contextmanager
def _stand_ins():
    spec = importlib.util.find_spec("dac")
    root = Path(spec.submodule_search_locations[0])
    before = dict(sys.modules)
    audiotools = types.ModuleType("audiotools")
    audiotools.AudioSignal = audiotools.STFTParams = object
    machine = types.ModuleType("audiotools.ml")
    machine.BaseModel = nn.Module
    audiotools.ml = machine
    sys.modules |= {"audiotools": audiotools, "audiotools.ml": machine}
    for name, folder in (("dac", root), ("dac.nn", root / "nn"), ("dac.model", root / "model")):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    try:
        yield
    finally:
        for name in set(sys.modules) - set(before):
            if name.partition(".")[0] in ("dac", "audiotools"):
                del sys.modules[name]
