"""What a stem plays, as notes: read from the model's latents, edited, written as MIDI.

part    a note and a part, in beats
reader  the notes in a network's answer
"""

from stembridge.parts.part import Note, Part
from stembridge.parts.reader import ReaderFacts, read_part

__all__ = ["Note", "Part", "ReaderFacts", "read_part"]
