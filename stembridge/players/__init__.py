"""Parts played on instruments: notes to stereo sound at any rate, without chance.

zone       what an instrument is made of
soundfont  SoundFont files as instruments
sfz        SFZ files likewise
shipped    which instrument a take gets
voice      one note of one zone
play       a part
touch      tone, room and width of its role
"""

from stembridge.players.play import play
from stembridge.players.shipped import instrument_path, own_instrument, shipped
from stembridge.players.touch import touched

__all__ = ["instrument_path", "own_instrument", "play", "shipped", "touched"]
