"""Child processes for what can block in C: MIDI ports, sound devices, Ableton Link.

messages  what travels between parent and child, as frozen dataclasses
pipe      dataclass <-> one line of JSON
child     the parent's side: start, watch, kill, start again
loop      the child's side: read commands, show signs of life, end with the parent
"""
