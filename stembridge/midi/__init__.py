"""MIDI in and out: clock, transport, pads, chords, lights.

The arithmetic (`clock`, `transport`, `mapping`, `recogniser`, `lights`) knows no port and no
thread; `ports` is the only user of mido's backend; `process` runs both in a child of their own.
"""
