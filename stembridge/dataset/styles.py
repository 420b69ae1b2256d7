"""The styles the composer knows, as data.

Patterns are written on the sixteenth grid, one character a step, `x` a hit, `o` a soft or open
hit, `.` nothing; a 4/4 bar has 16 steps, 3/4 and 6/8 have 12, 7/8 has 14.
"""

from __future__ import annotations

from dataclasses import dataclass

METRES = {"4/4": 16, "3/4": 12, "6/8": 12, "7/8": 14}

TIMBRES: dict[str, tuple[str, ...]] = {
    "bass": ("acoustic", "finger", "pick", "fretless", "slap", "synth"),
    "drums": ("standard", "room", "power", "electronic", "808", "jazz", "brush"),
    "guitar": ("nylon", "steel", "jazz", "clean", "muted", "overdrive", "distortion"),
    "piano": ("grand", "bright", "electric_grand", "honkytonk", "rhodes", "fm"),
}

# General MIDI programs of every timbre.
PROGRAMS: dict[str, dict[str, tuple[tuple[int, int], ...]]] = {
    "bass": {
        "acoustic": ((0, 32),), "finger": ((0, 33),), "pick": ((0, 34),), "fretless": ((0, 35),),
        "slap": ((0, 36), (0, 37)), "synth": ((0, 38), (0, 39)),
    },
    "drums": {
        "standard": ((128, 0),), "room": ((128, 8),), "power": ((128, 16),),
        "electronic": ((128, 24),), "808": ((128, 25),), "jazz": ((128, 32),),
        "brush": ((128, 40),),
    },
    "guitar": {
        "nylon": ((0, 24),), "steel": ((0, 25),), "jazz": ((0, 26),), "clean": ((0, 27),),
        "muted": ((0, 28),), "overdrive": ((0, 29),), "distortion": ((0, 30),),
    },
    "piano": {
        "grand": ((0, 0),), "bright": ((0, 1),), "electric_grand": ((0, 2),),
        "honkytonk": ((0, 3),), "rhodes": ((0, 4),), "fm": ((0, 5),),
    },
}  # fmt: skip

# Sounds of each role that no training song uses: what the codec makes of foreign instruments.
# Bass: contrabass, tuba, bass and lead. Drums: the orchestra kit. Guitar: dulcimer, harmonics,
# sitar, banjo, shamisen, koto. Piano: harpsichord, clavinet, vibraphone, four organs.
HELD_OUT_PROGRAMS: dict[str, tuple[tuple[int, int], ...]] = {
    "bass": ((0, 43), (0, 58), (0, 87)),
    "drums": ((128, 48),),
    "guitar": ((0, 15), (0, 31), (0, 104), (0, 105), (0, 106), (0, 107)),
    "piano": ((0, 6), (0, 7), (0, 11), (0, 16), (0, 17), (0, 18), (0, 19)),
}

# (kick, snare, hat) per bar; the hat row is played on hi-hat or ride as the style says.
DRUM_PATTERNS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "backbeat": (
        ("x.......x.......", "....x.......x...", "x.x.x.x.x.x.x.x."),
        ("x.....x.x.......", "....x.......x...", "x.x.x.x.x.x.x.x."),
        ("x..x..x.....x...", "....x.......x...", "x.o.x.o.x.o.x.o."),
        ("x.x.......x.x...", "....x.......x...", "x.x.x.x.x.x.x.x."),
        ("x.......x.x.....", "....x.......x..o", "x...x...x...x..."),
    ),
    "rock": (
        ("x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x."),
        ("x.x...x.x.x...x.", "....x.......x...", "x...x...x...x..."),
        ("x...x...x...x...", "....x.......x...", "x.x.x.x.x.x.x.x."),
        ("x.xx....x.xx....", "....x.......x...", "x.x.x.x.x.x.x.x."),
    ),
    "funk": (
        ("x..x......x..x..", "....x..o.o..x..o", "x.xxx.x.x.xxx.x."),
        ("x.x....x..x.....", "....x..o.o..x...", "xxxxxxxxxxxxxxxx"),
        ("x..x..x...xx....", ".o..x..o....x..o", "x.x.x.x.x.x.x.o."),
    ),
    "house": (
        ("x...x...x...x...", "....x.......x...", "..o...o...o...o."),
        ("x...x...x...x...", "....x.......x...", "x.o.x.o.x.o.x.o."),
        ("x...x...x...x..x", "....x.......x...", "xxoxxxoxxxoxxxox"),
    ),
    "hiphop": (
        ("x......x..x.....", "....x.......x...", "x.x.x.x.x.x.x.x."),
        ("x..x......xx....", "....x.......x...", "x.xxx.x.x.x.x.xx"),
        ("x.....x....x....", "........x.......", "x.x.x.xxx.x.x.x."),
    ),
    "ballad": (
        ("x...............", "........x.......", "x...x...x...x..."),
        ("x.........x.....", "........x.......", "x.x.x.x.x.x.x.x."),
        ("x.......x.......", "....o.......o...", "x...x...x...x..."),
    ),
    "latin": (
        ("x..x..x...x.x...", "...o..x....o..x.", "x.xxx.xxx.xxx.xx"),
        ("x.....x.x.....x.", "..x..x....x.x...", "x.x.x.x.x.x.x.x."),
        ("x...x...x...x...", "...x..x....x..x.", "x.x.x.x.x.x.x.x."),
    ),
    "reggae": (
        ("........x.......", "........x.......", "..x...x...x...x."),
        ("x.......x.......", "........x.......", "x.x.x.x.x.x.x.x."),
    ),
    "swing": (
        ("x...............", "....o.......o...", "x...x.x.x...x.x."),
        ("x...o...x...o...", "......o.......o.", "x...x.x.x...x.x."),
        ("x.........x.....", "....o..........o", "x...x...x...x.x."),
    ),
    "3/4": (
        ("x...........", "....x...x...", "x.x.x.x.x.x."),
        ("x.......x...", "....x.......", "x...x...x..."),
        ("x.....x.....", "........x...", "x.x.x.x.x.x."),
    ),
    "6/8": (
        ("x...........", "......x.....", "x.x.x.x.x.x."),
        ("x...x.......", "......x.....", "x.x.x.x.x.x."),
        ("x.........x.", "......x...o.", "x...x.x...x."),
    ),
    "7/8": (
        ("x.......x.....", "....x.......x.", "x.x.x.x.x.x.x."),
        ("x...x...x.....", "..........x...", "x.x.x.x.x.x.x."),
        ("x.....x.......", "....x.....x...", "x.x.x.x.x.x.x."),
    ),
}

# Onset rhythms for chords; the composer holds a chord until the next hit or to `o`.
COMP_RHYTHMS: dict[str, tuple[str, ...]] = {
    "whole": ("x...............",),
    "half": ("x.......x.......", "x.....x.........", "x.........x....."),
    "quarter": ("x...x...x...x...", "x...x...x.x.x..."),
    "eighth": ("x.x.x.x.x.x.x.x.", "x.x.x.xx.xx.x.x."),
    "offbeat": ("..x...x...x...x.", "....x.......x...", "..xx..xx..xx..xx"),
    "charleston": ("x.....x.........", "x.....x...x.....", "..x..x....x..x.."),
    "syncopated": ("x..x..x...x.x...", "x..x..x.x..x..x.", "..x..x..x..x..x.", "x...x..x..x.x..."),
    "sixteenth": ("x.xx.xx.x.xx.xx.", "xxx.xxx.xxx.xxx.", "x..xx.x...x.x.xx"),
    "strum": ("x...x.xx.xx.x.x.", "x..xx.xxx..xx.x.", "x.x.x.xx.xxxx.xx"),
}


@dataclass(frozen=True)
class Style:
    """How one style is played.

    Attributes:
        metres: time signatures it is drawn from.
        bpm: slowest and fastest tempo.
        modes: families of chord progressions (theory.PROGRESSIONS).
        sevenths: probability of playing the progression with sevenths.
        swing: range of the share of a pair that its first half takes (0.5 straight, 2/3 triplet).
        swing_unit_beats: length of the swung pair, 1 (swung eighths) or 0.5 (sixteenths).
        drums: name of the drum pattern family in 4/4.
        ride: probability that the ride cymbal plays the hat row.
        bass, guitar, piano: names of playing patterns (parts.py).
        timbres: stem -> preferred timbres; a stem left out takes any.
    """

    metres: tuple[str, ...]
    bpm: tuple[float, float]
    modes: tuple[str, ...]
    sevenths: float
    swing: tuple[float, float]
    swing_unit_beats: float
    drums: str
    ride: float
    bass: tuple[str, ...]
    guitar: tuple[str, ...]
    piano: tuple[str, ...]
    timbres: dict[str, tuple[str, ...]]


STRAIGHT = (0.5, 0.5)

STYLES: dict[str, Style] = {
    "pop": Style(
        ("4/4",), (84, 132), ("major", "major", "minor"), 0.15, STRAIGHT, 1.0, "backbeat", 0.2,
        ("eighths", "kick", "sustain", "octaves"), ("strum", "arpeggio", "quarter", "whole"),
        ("half", "quarter", "arpeggio", "charleston"),
        {"bass": ("finger", "pick", "synth"), "drums": ("standard", "room", "electronic"),
         "guitar": ("steel", "clean", "nylon"), "piano": ("grand", "bright", "electric_grand")},
    ),
    "rock": Style(
        ("4/4",), (96, 168), ("major", "minor", "dominant"), 0.0, STRAIGHT, 1.0, "rock", 0.3,
        ("eighths", "kick", "root_fifth"), ("power", "eighth", "strum", "arpeggio"),
        ("quarter", "eighth", "half"),
        {"bass": ("pick", "finger"), "drums": ("room", "power", "standard"),
         "guitar": ("overdrive", "distortion", "clean"), "piano": ("bright", "grand", "honkytonk")},
    ),
    "funk": Style(
        ("4/4",), (92, 120), ("dominant", "minor"), 0.7, (0.5, 0.56), 0.5, "funk", 0.1,
        ("syncopated", "kick", "octaves"), ("sixteenth", "syncopated", "offbeat"),
        ("syncopated", "charleston", "sixteenth"),
        {"bass": ("slap", "finger"), "drums": ("standard", "room"),
         "guitar": ("muted", "clean"), "piano": ("rhodes", "fm", "electric_grand")},
    ),
    "house": Style(
        ("4/4",), (116, 130), ("minor", "minor", "major"), 0.4, (0.5, 0.54), 0.5, "house", 0.0,
        ("offbeat", "octaves", "syncopated", "eighths"), ("offbeat", "arpeggio", "sixteenth"),
        ("syncopated", "offbeat", "charleston"),
        {"bass": ("synth",), "drums": ("electronic", "808"), "guitar": ("muted", "clean"),
         "piano": ("bright", "fm", "grand")},
    ),
    "hiphop": Style(
        ("4/4",), (72, 104), ("minor",), 0.6, (0.52, 0.6), 0.5, "hiphop", 0.1,
        ("kick", "sustain", "syncopated"), ("arpeggio", "half", "charleston"),
        ("half", "charleston", "arpeggio", "whole"),
        {"bass": ("synth", "finger", "fretless"), "drums": ("808", "electronic", "room"),
         "guitar": ("jazz", "nylon", "clean"), "piano": ("rhodes", "grand", "fm")},
    ),
    "ballad": Style(
        ("4/4", "6/8"), (60, 84), ("major", "minor"), 0.3, STRAIGHT, 1.0, "ballad", 0.4,
        ("sustain", "root_fifth", "kick"), ("arpeggio", "strum", "whole"),
        ("arpeggio", "half", "whole", "quarter"),
        {"bass": ("finger", "fretless", "acoustic"), "drums": ("standard", "brush"),
         "guitar": ("nylon", "steel", "clean"), "piano": ("grand", "rhodes")},
    ),
    "latin": Style(
        ("4/4",), (92, 136), ("minor", "major"), 0.5, STRAIGHT, 1.0, "latin", 0.2,
        ("tumbao", "root_fifth", "syncopated"), ("syncopated", "strum", "offbeat"),
        ("montuno", "syncopated", "charleston"),
        {"bass": ("acoustic", "finger"), "drums": ("standard", "room"),
         "guitar": ("nylon", "steel"), "piano": ("grand", "bright")},
    ),
    "reggae": Style(
        ("4/4",), (66, 96), ("major", "minor"), 0.1, (0.5, 0.6), 0.5, "reggae", 0.0,
        ("syncopated", "tumbao", "root_fifth"), ("offbeat",), ("offbeat", "half"),
        {"bass": ("finger", "synth"), "drums": ("standard", "room"),
         "guitar": ("clean", "muted"), "piano": ("grand", "honkytonk", "rhodes")},
    ),
    "jazz": Style(
        ("4/4", "3/4"), (90, 180), ("major", "dominant", "minor"), 1.0, (0.6, 0.67), 1.0,
        "swing", 0.9, ("walking",), ("quarter", "charleston"), ("charleston", "half"),
        {"bass": ("acoustic",), "drums": ("jazz", "brush", "standard"), "guitar": ("jazz",),
         "piano": ("grand", "rhodes")},
    ),
    "waltz": Style(
        ("3/4",), (84, 174), ("major", "minor"), 0.2, STRAIGHT, 1.0, "3/4", 0.3,
        ("sustain", "root_fifth", "kick"), ("arpeggio", "waltz", "strum"), ("waltz", "arpeggio"),
        {"drums": ("standard", "brush", "room")},
    ),
    "six_eight": Style(
        ("6/8",), (72, 132), ("minor", "major"), 0.1, STRAIGHT, 1.0, "6/8", 0.3,
        ("kick", "sustain", "root_fifth"), ("arpeggio", "strum"), ("arpeggio", "quarter", "half"),
        {},
    ),
    "odd": Style(
        ("7/8",), (90, 176), ("minor", "major"), 0.2, STRAIGHT, 1.0, "7/8", 0.2,
        ("eighths", "kick", "root_fifth"), ("eighth", "arpeggio", "power"),
        ("quarter", "arpeggio", "syncopated"),
        {"drums": ("standard", "room", "power")},
    ),
}  # fmt: skip
