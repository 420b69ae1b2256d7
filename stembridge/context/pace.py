"""How much slower the model's session runs than the musician's.

A model knows one tuning and whole frames. So its session runs a little slower or faster, as a tape
would: until the context is at 440 Hz, and until a loop is a whole number of frames. The take is
then played back the other way. Nothing is stretched, and no bar line moves: half a semitone is 3 %
of tempo, half a frame in four bars 0.15 %.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stembridge.musical_time import beats_to_seconds
from stembridge.request import GenerationRequest
from stembridge.runtime.manifest import Manifest


@dataclass(frozen=True)
class Pace:
    """What lies between both sessions.

    Attributes:
        slower: how many times longer everything lasts in the model's session.
        tuned: the context's A in 440 Hz.
    """

    slower: float = 1.0
    tuned: float = 1.0

    def heard(self, request: GenerationRequest) -> GenerationRequest:
        """The request as the model hears it."""
        return request if self.slower == 1.0 else replace(request, bpm=request.bpm / self.slower)

    def tuned_request(self, request: GenerationRequest) -> GenerationRequest:
        """The request at the tempo at which what is played at 440 Hz is to be played."""
        return request if self.tuned == 1.0 else replace(request, bpm=request.bpm / self.tuned)


AS_IS = Pace()


def pace_for(request: GenerationRequest, manifest: Manifest, tuned: float) -> Pace:
    """The pace for a context so far from 440 Hz."""
    if not request.loop:
        return Pace(tuned, tuned)
    n_samples = beats_to_seconds(request.length_beats, request.bpm) * manifest.sample_rate
    n_frames = max(1, round(n_samples * tuned / manifest.hop))
    return Pace(n_frames * manifest.hop / n_samples, tuned)
