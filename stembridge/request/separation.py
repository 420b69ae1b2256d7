"""What to take apart: the fields of a separation, each declared once (see `fields`), and its door.

A separation lives in its mixture's own terms: there is no tempo, and the stems have the mixture's
rate, length and number of channels.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from stembridge.readers import choice, optional, text, whole
from stembridge.request.fields import Wish, fields_of, read_fields
from stembridge.request.model import RequestId, SampleFormat
from stembridge.request.readers import read_name, stem_set

METHODS = ("mask", "dirac", "gaussian", "extract", "ensemble")


@dataclass(frozen=True)
class SeparationRequest:
    """What to take apart, complete and checked; of what is None or empty the model decides."""

    request_id: RequestId
    mix: Annotated[
        str, Wish(text("path of the mix", 4096), "absolute path of the audio file", option=None)
    ]
    stems: Annotated[
        tuple[str, ...],
        Wish(optional(stem_set("stems")), "stems to take out, by comma (default: all)"),
    ] = ()
    method: Annotated[
        Literal["mask", "dirac", "gaussian", "extract", "ensemble"] | None,
        Wish(
            optional(choice("method", METHODS)),
            "mask, dirac or gaussian (waveform models), extract or ensemble (GMSDI); "
            "default: what the model can",
        ),
    ] = None
    seed: Annotated[int, Wish(whole("seed", 0, 2**31 - 1), "same seed, same mix, same stems")] = 0
    steps: Annotated[
        int | None,
        Wish(
            optional(whole("number of steps", 20, 1000)),
            "steps of all but mask, 20 to 1000 (default: 150): few overshoot the mix",
        ),
    ] = None
    sample_format: SampleFormat = "pcm24"
    name: Annotated[
        str | None, Wish(optional(read_name), "name of the stems' folder (a name, not a path)")
    ] = None


SEPARATION_FIELDS = fields_of(SeparationRequest)


def parse_separation(mapping: Mapping[str, Any]) -> SeparationRequest:
    """Check what is asked and freeze it.

    Args:
        mapping: field names of SeparationRequest; values may be text.

    Raises:
        BadArgsError: anything missing, unknown, of the wrong kind or out of range.
    """
    values = read_fields(SEPARATION_FIELDS, mapping, "separation")
    checked = {
        "request_id": values["request_id"] or str(uuid.uuid4()),
        "stems": values["stems"] or (),
    }
    return SeparationRequest(**(values | checked))


def separation_to_mapping(request: SeparationRequest) -> dict[str, Any]:
    """JSON-ready values; `separation_from_mapping` gives the equal request back."""
    return dataclasses.asdict(request) | {"stems": list(request.stems) or None}


def separation_from_mapping(mapping: Mapping[str, Any]) -> SeparationRequest:
    """What `separation_to_mapping` wrote, unread."""
    return SeparationRequest(**{**mapping, "stems": tuple(mapping["stems"] or ())})
