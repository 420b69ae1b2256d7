"""What a context is: one room decides, and says what it decided.

probe    opens a file; its length is counted, a damaged header mended (`mp3`, `flac`, `wav`)
mono     many channels as one, in which nothing is lost
clipping files that were recorded too loud: said
source   a clip at the model's rate and the request's tempo, looped, in pieces
length   files that end early: said, or repeated
tempo    another than was told
tuning   away from 440 Hz
pace     how much slower the model's session runs: tuning, and loops of whole frames
wholes   a mixture, taken apart
hearing  chords
load     all clips of a request: level, and the remarks of all these
"""

from stembridge.context.hearing import heard_chords
from stembridge.context.load import Context, context_of, load_context, stem_index
from stembridge.context.pace import AS_IS, Pace

__all__ = ["AS_IS", "Context", "Pace", "context_of", "heard_chords", "load_context", "stem_index"]
