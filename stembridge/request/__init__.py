"""The one door: every request, from OSC, MIDI, the CLI or a receipt, becomes a GenerationRequest.

model    the fields of a request and of a clip, each declared once: name, type, range, words
fields   what derives from a declaration: reading a value, the wire's key, the option
readers  readers of musical values, for the declarations
door     `parse_request`, which checks all that needs neither disk nor model; what the journal keeps
rework   what may be asked for of a finished take, declared and read in the same way
separation  what may be asked for of a mixture, likewise
"""

from stembridge.chords import ChordSpan
from stembridge.musical_time import TimeSignature
from stembridge.request.door import (
    MAX_LENGTH_S,
    parse_request,
    request_from_mapping,
    request_to_mapping,
)
from stembridge.request.model import ContextClip, GenerationRequest
from stembridge.request.readers import MAX_BARS, SAMPLER_NAMES
from stembridge.request.rework import (
    Rework,
    parse_rework,
    rework_from_mapping,
    rework_to_mapping,
)
from stembridge.request.separation import (
    SeparationRequest,
    parse_separation,
    separation_from_mapping,
    separation_to_mapping,
)
from stembridge.roles import STEMS

__all__ = [
    "MAX_BARS",
    "MAX_LENGTH_S",
    "SAMPLER_NAMES",
    "STEMS",
    "ChordSpan",
    "ContextClip",
    "GenerationRequest",
    "Rework",
    "SeparationRequest",
    "TimeSignature",
    "parse_request",
    "parse_rework",
    "parse_separation",
    "request_from_mapping",
    "request_to_mapping",
    "rework_from_mapping",
    "rework_to_mapping",
    "separation_from_mapping",
    "separation_to_mapping",
]
