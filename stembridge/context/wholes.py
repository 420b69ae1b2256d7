"""A mixture among what is given: it is taken apart first, and its stems are given.

Those that are asked for are left out: a new one is to take their place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.errors import BadArgsError
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest
from stembridge.runtime.manifest import Manifest

Apart = Callable[[FloatArray], FloatArray]
"""Takes a mixture `[n_samples]` at the model's rate apart, `[S, n_samples]`."""

ABSENT = 10 ** (-25 / 10)  # of the mixture's power: what leaked


def stems_of_mix(
    mixture: FloatArray, request: GenerationRequest, manifest: Manifest, apart: Apart
) -> tuple[dict[str, FloatArray], tuple[Remark, ...]]:
    """The stems of a mixture that are given, and what is to be said of that.

    Raises:
        BadArgsError: nothing of it is left to hear, or the model cannot take mixtures apart.
    """
    left = [stem for stem in manifest.makes if stem not in request.made]
    if not left:
        raise BadArgsError(
            "A mix is given and all of its stems are asked for: nothing of it is left to hear. Ask "
            "for fewer stems."
        )
    made = dict(zip(manifest.makes, apart(mixture), strict=True))
    least = ABSENT * float(np.square(mixture).sum())
    there = [stem for stem in left if float(np.square(made[stem]).sum()) > least]
    absent = [stem for stem in left if stem not in there]
    out = ", ".join(stem for stem in manifest.makes if stem in request.made)
    remarks = [Remark("mix_apart", {"heard": ", ".join(there) or "nothing", "out": out})]
    remarks += [Remark("mix_without", {"stem": stem}) for stem in absent]
    return {stem: made[stem] for stem in there}, tuple(remarks)
