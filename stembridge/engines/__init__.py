"""Other people's text-to-music engines, their weights on the user's disk: MusicGen and its like.

An engine makes a sound to words, in one piece, and neither follows the grid nor (but for a melody)
hears what is given; `pipeline.engine_takes` makes takes of such sounds. Nothing here is downloaded
or sent: the libraries are told to stay offline, and only safetensors are opened.

facts     which engines there are, and what each can be told
folder    a downloaded folder: what it is, and its contract
offline   the libraries, kept off the network
melody    what MusicGen hears of what is given
words     what an engine is told of a stem
musicgen  MusicGen and MusicGen Melody
diffused  AudioLDM 2, MusicLDM, Stable Audio Open
opening   a folder -> an open engine
"""

from stembridge.engines.facts import ENGINES, EngineFacts, SoundEngine, SoundWish
from stembridge.engines.folder import engine_in
from stembridge.engines.opening import open_engine
from stembridge.engines.words import words_for

__all__ = [
    "ENGINES",
    "EngineFacts",
    "SoundEngine",
    "SoundWish",
    "engine_in",
    "open_engine",
    "words_for",
]
