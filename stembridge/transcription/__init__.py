"""Generated stems as notes: monophonic bass and drums to MIDI.

notes  a note, a MIDI file
bass   pitch of each onset (YIN)
drums  which drums sound at each onset
score  note F measure, for the evaluation
"""

from stembridge.transcription.notes import TRANSCRIBED, Note, transcribe, write_midi

__all__ = ["TRANSCRIBED", "Note", "transcribe", "write_midi"]
