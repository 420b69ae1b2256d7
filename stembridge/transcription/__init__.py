"""Bass and drums as notes, from their sound: for models that cannot read their own.

notes  a note
stems  audio of a stem to its notes
bass   pitch of each onset (YIN)
drums  which drums sound at each onset
score  note F measure, for the evaluation
"""

from stembridge.transcription.notes import TimedNote
from stembridge.transcription.stems import TRANSCRIBED, transcribe

__all__ = ["TRANSCRIBED", "TimedNote", "transcribe"]
