"""The device's face as data: every control, where it sits, what it says, and what it is to Live.

All places are whole pixels in a view of WIDTH x HEIGHT (Live's device view is 169 px high). The
long names are what automation, MIDI maps and saved sets refer to: they must never change between
releases (`tests/max_for_live/parameter_names.txt` holds them).
"""

from __future__ import annotations

from collections.abc import Iterator

from m4l.control import Control, label
from m4l.rework_controls import LAST_TAKE
from stembridge.roles import ROLES as STEM_ROLES

WIDTH, HEIGHT, MARGIN = 660, 169, 4
_STEM_ROWS_PX = 72
ROLES = ("Make", "Lock", "Off")
LENGTHS = ("2 bars", "4 bars", "8 bars", "16 bars", "Loop brace", "Selected clip")
QUALITIES = ("Draft (8 steps)", "Normal", "Fine (40 steps)", "Finest (100 steps)")
CHORD_MODES = ("From the context", "Selected MIDI clip", "Typed below")
PLACES = ("Arrange", "Session")
SEED_MODES = ("New", "Same")


def _stem_row(index: int, stem: str) -> tuple[Control, ...]:
    pitch = min(18, _STEM_ROWS_PX // len(STEM_ROLES))
    y, height = 21 + pitch * index, pitch - 3
    title = stem.capitalize()
    return (
        Control(
            f"make_{stem}", "button", (4, y, 46, height), title, f"make {stem}",
            f"Make {title}", title, f"Make {title}",
            f"Makes a new {stem} part for the chosen bars. It listens to every stem set to Lock.",
        ),
        Control(
            f"role_{stem}", "tab", (54, y, 96, height), "", f"role {stem}",
            f"{title} Role", f"{title[:3]}Role", f"{title}: role",
            f"Make: the big button makes {stem}. Lock: it stays as it is and the others listen to "
            "it. Off: nobody hears it.",
            ROLES, initial=1,
        ),
        Control(
            f"source_{stem}", "menu", (154, y, 78, height), "", f"source {stem}",
            f"{title} Track", f"{title[:3]}Trk", f"{title}: track",
            f"Where the {stem} comes from when locked, and goes to when made. Auto guesses by the "
            "track's name and makes a new track when there is none.",
            ("Auto",), visibility="hidden",
        ),
    )  # fmt: skip


_LEFT_HEAD = (
    label("stem", 4, 3, 46, "Stem"),
    label("role", 54, 3, 96, "Role"),
    label("track", 154, 3, 78, "Track"),
)
_LEFT_FOOT = (
    Control(
        "generate", "button", (4, 94, 146, 18), "Generate", "generate",
        "Generate", "Generate", "Generate",
        "Makes all stems set to Make together, so that they fit each other. With none set to "
        "Make, it makes the stems that have no track yet.",
    ),
    Control(
        "cancel", "button", (154, 94, 78, 18), "Cancel", "cancel",
        "Cancel", "Cancel", "Cancel",
        "Stops the work at once and takes back the clips of this run.",
    ),
    Control(
        "progress", "bar", (4, 115, 228, 7), "", "",
        "Progress", "Progress", "Progress", "How much of the work is done.",
        visibility="hidden",
    ),
    Control("status_panel", "panel", (4, 125, 228, 40)),
    Control("status", "comment", (6, 126, 224, 14), "Connecting"),
    Control("detail", "comment", (6, 140, 224, 25), "Looking for the daemon."),
)  # fmt: skip

_RIGHT = (
    label("length", 240, 3, 44, "Length"),
    Control(
        "length", "menu", (284, 4, 112, 15), "", "span", "Length", "Length", "Length",
        "How long the new part is. Bars count from the playhead's bar; the loop brace and the "
        "selected clip bring their own start.",
        LENGTHS, initial=2,
    ),
    label("takes", 240, 21, 44, "Takes"),
    Control(
        "takes", "number", (284, 22, 36, 15), "", "takes", "Takes", "Takes", "Takes",
        "How many different versions to make at once. In the Arrangement further ones go to take "
        "lanes, in the Session to the next slots.",
        initial=1, low=1, high=8,
    ),
    label("port", 326, 21, 28, "Port"),
    Control(
        "port", "number", (354, 22, 42, 15), "", "port", "Daemon Port", "Port", "Daemon port",
        "UDP port of the stembridge daemon on this computer. 9420 unless you started it with "
        "another.",
        initial=9420, low=1024, high=65535, visibility="stored",
    ),
    label("seed", 240, 39, 44, "Seed"),
    Control(
        "seed", "number", (284, 40, 48, 15), "", "seed", "Seed", "Seed", "Seed",
        "The same seed and the same settings make the same part again.",
        initial=1, low=0, high=999999,
    ),
    Control(
        "seed_mode", "tab", (334, 40, 62, 15), "", "seed_mode", "Seed Mode", "SeedMode",
        "Seed: new or same", "New: every run draws a new seed. Same: every run uses the seed "
        "shown, so the part comes out the same again.",
        SEED_MODES,
    ),
    label("quality", 240, 57, 44, "Quality"),
    Control(
        "quality", "menu", (284, 58, 112, 15), "", "quality", "Quality", "Quality", "Quality",
        "How many steps the model takes. Normal is what the model was tuned for; more steps take "
        "longer.",
        QUALITIES, initial=1,
    ),
    label("close", 240, 75, 44, "Close"),
    Control(
        "closeness", "number", (284, 76, 48, 15), "", "closeness", "Closeness", "Close",
        "How close to the context",
        "100 % follows bar lines, chords and context as learned. More follows them more strictly, "
        "less plays more freely.",
        initial=100, low=0, high=300, unit=5,
    ),
    Control(
        "follow_tempo", "toggle", (336, 76, 60, 15), "Warp", "follow_tempo",
        "Follow Tempo", "Warp", "Follow tempo",
        "On: new clips in the Arrangement are warped and follow the set's tempo. Off: they play "
        "exactly as made; use Re-time after a tempo change. Session clips are always warped.",
        ("Off", "On"),
    ),
    label("chords", 240, 93, 44, "Chords"),
    Control(
        "chords_mode", "menu", (284, 94, 112, 15), "", "chords_mode", "Chords", "Chords", "Chords",
        "Where the harmony comes from: heard in the context, read from the MIDI clip you have "
        "selected, or typed in the field below.",
        CHORD_MODES,
    ),
    Control(
        "chords_text", "entry", (240, 112, 156, 16), "Am F C G", "chords_text",
        "Chord Text", "ChordTxt", "Chord text",
        "Chords, one per bar: Am F C G. Or at beats: Am@0 F@6.",
        visibility="stored",
    ),
    label("place", 240, 130, 44, "Place in"),
    Control(
        "place_in", "tab", (284, 131, 112, 15), "", "place_in", "Place In", "PlaceIn", "Place in",
        "Arrangement: at the exact beat. Session: in the next free slots, looping.",
        PLACES,
    ),
    Control(
        "print_track", "button", (240, 150, 38, 15), "Print", "print_track",
        "Print Track", "Print", "Print a track",
        "For MIDI tracks and tracks with effects: press once to set up a recording track, again to "
        "record the chosen bars; the recording is then what the others listen to.",
        visibility="hidden",
    ),
    Control(
        "retime", "button", (281, 150, 44, 15), "Re-time", "retime",
        "Re-time", "Re-time", "Re-time",
        "Makes your last parts again at the set's tempo of now, with the same seeds.",
        visibility="hidden",
    ),
    Control(
        "place_waiting", "button", (328, 150, 36, 15), "Place", "place_waiting",
        "Place Waiting", "Place", "Place waiting takes",
        "Places finished takes that wait: made while the device was away, or refused by a frozen "
        "track.",
        visibility="hidden",
    ),
    Control(
        "show_files", "button", (367, 150, 29, 15), "Files", "show_files",
        "Show Files", "Files", "Show files",
        "Opens the folder with all takes.",
        visibility="hidden",
    ),
)  # fmt: skip

_WORDS = (
    label("prompt", 544, 3, 112, "In words"),
    Control(
        "prompt", "entry", (544, 22, 112, 143), "", "prompt", "Prompt", "Prompt", "In words",
        "What the new part is to be, in your words: dark funk, slap bass, busy drums, no rhodes. "
        "The line below Ready tells what was understood.",
        visibility="stored",
    ),
)  # fmt: skip

_BANK_SIZE = 8


def controls() -> tuple[Control, ...]:
    """All boxes of the face; a row of them for each role a stem can have."""
    rows = (_stem_row(index, stem) for index, stem in enumerate(STEM_ROLES))
    left = _LEFT_HEAD + tuple(control for row in rows for control in row) + _LEFT_FOOT
    return left + _RIGHT + LAST_TAKE + _WORDS


def banks() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What a controller's eight knobs reach, bank by bank."""
    titles = [stem.capitalize() for stem in STEM_ROLES]
    makes, roles = [f"Make {title}" for title in titles], [f"{title} Role" for title in titles]
    return (
        *_bank("Stems", [*makes, "Generate", "Cancel", "Length", "Takes"]),
        *_bank("Roles", [*roles, "Seed", "Seed Mode", "Quality", "Closeness"]),
        *_bank(
            "Placing",
            ["Chords", "Place In", "Follow Tempo", "Clips As", "Sound", "Best Of", "Loop Take"],
        ),
        *_bank(
            "Rework",
            [
                "Another",
                "Swap Takes",
                "More Like This",
                "Likeness",
                "Redo Bars",
                "Continue",
                "Busier",
                "Simpler",
            ],
        ),
    )


def _bank(name: str, members: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for start in range(0, len(members), _BANK_SIZE):
        held = members[start : start + _BANK_SIZE]
        number = f" {start // _BANK_SIZE + 1}" if start else ""
        yield name + number, (*held, *["-"] * (_BANK_SIZE - len(held)))
