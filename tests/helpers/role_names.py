"""Names that producers give files and tracks, and the roles they speak of."""

from __future__ import annotations

NAMES: list[tuple[str, str | None]] = [
    ("Bass", "bass"), ("Bass Guitar", "bass"), ("Bass Gtr DI", "bass"), ("E-Bass DI", "bass"),
    ("808", "bass"), ("808 Sub", "bass"), ("808 Bass", "bass"), ("Rhodes Bass", "bass"),
    ("Synth Bass", "bass"), ("Bassline", "bass"), ("basslines 2", "bass"), ("SubBass", "bass"),
    ("BASS_01", "bass"), ("Bass2", "bass"), ("subbass", "bass"), ("Basse", "bass"),
    ("Low End", "bass"), ("Piano Bass", "bass"), ("BassDI", "bass"), ("Drums", "drums"),
    ("Drums1", "drums"), ("Drum Bus", "drums"), ("drumloop", "drums"), ("1-Drum Rack", "drums"),
    ("808 Kick", "drums"), ("TR-808", "drums"), ("Kick", "drums"), ("Kick_In", "drums"),
    ("Kickdrum", "drums"), ("Bass Drum", "drums"), ("BassDrum", "drums"), ("bassdrum", "drums"),
    ("Perc", "drums"), ("Perc 3", "drums"), ("Hi-Hat", "drums"), ("HiHats", "drums"),
    ("Overheads L", "drums"), ("Floor Tom", "drums"), ("Tom 2", "drums"), ("Kit", "drums"),
    ("Drumset", "drums"), ("OH_L", "drums"), ("Kik", "drums"), ("SN", "drums"),
    ("Beatbox", "drums"), ("Breakbeat", "drums"), ("Batería", "drums"), ("Snare Top", "drums"),
    ("Guitar", "guitar"), ("GTR2", "guitar"), ("Gtr L", "guitar"), ("gtrs", "guitar"),
    ("EGtr", "guitar"), ("E Guitar", "guitar"), ("Acoustic Guitar", "guitar"),
    ("Strat", "guitar"), ("Tele Lead", "guitar"), ("Les Paul", "guitar"),
    ("GuitarLoop", "guitar"), ("My EP - Guitar", "guitar"), ("Guitare", "guitar"),
    ("Guitares", "guitar"), ("GT 1", "guitar"), ("E-Git", "guitar"), ("Akustikgitarre", "guitar"),
    ("leadgtr", "guitar"), ("Piano", "piano"), ("Keys", "piano"), ("Keys 2", "piano"),
    ("Keyboard", "piano"), ("Keyboards", "piano"), ("Rhodes", "piano"), ("Wurlitzer", "piano"),
    ("E-Piano", "piano"), ("ePiano", "piano"), ("EP", "piano"), ("Organ", "piano"),
    ("Clavinet", "piano"), ("Guitar Keys", "piano"), ("Night Drive 93bpm_piano", "piano"),
    ("Lead Vox", None), ("1-Audio", None), ("Reference", None), ("Bassoon", None), ("", None),
    ("Mix", None), ("Submix", None), ("Subtle Pad", None), ("Beatles Medley", None),
    ("Drumless", None), ("Habits", None), ("Organic", None), ("Steps", None), ("Strategy", None),
    ("Television", None), ("Kitchen", None), ("Telephone", None), ("Breakdown", None),
    ("ß🎹", None), ("loops" * 50 + "x", None), ("bass" + "loops" * 49, "bass"), ("bassoons", None),
    ("Digital", None), ("Oh Yeah Vox", None), ("Sandbox", None), ("drumsbass", "drums"),
    ("_" * 255, None), ("🥁", None),
]  # fmt: skip
