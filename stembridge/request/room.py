"""How much room the files of a request want: one rule for the door and for whoever writes them."""

from __future__ import annotations

from stembridge.musical_time import beats_to_samples
from stembridge.request.model import GenerationRequest

BYTES_PER_SAMPLE = {"pcm24": 3, "float": 4}
_SPARE_BYTES = 2**20


def room_for(request: GenerationRequest) -> int:
    """Bytes that must be free before work begins: twice the files, and a little more."""
    return 2 * expected_bytes(request) + _SPARE_BYTES


def expected_bytes(request: GenerationRequest) -> int:
    """Size of all stem files of a request."""
    n_samples = beats_to_samples(request.length_beats, request.bpm, request.session_rate)
    n_files = len(request.generate) * request.variations
    stereo = 1 if request.sound == "model" else 2
    return n_files * (stereo * n_samples * BYTES_PER_SAMPLE[request.sample_format] + 1024)
