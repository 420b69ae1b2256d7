"""The face's third column: how takes sound and lie, and the work on those that are there."""

from __future__ import annotations

from m4l.control import Control, label
from stembridge.roles import ROLES

SOUNDS = ("Played", "Model's own")
CLIPS = ("Audio", "MIDI", "Both")

LAST_TAKE = (
    label("sound", 404, 3, 36, "Sound"),
    Control(
        "sound", "menu", (444, 4, 92, 15), "", "sound", "Sound", "Sound", "Sound",
        "Played: by instruments, in stereo, wherever the notes are known. Model's own: the sound "
        "that the model makes, in mono.",
        SOUNDS,
    ),
    label("clips", 404, 21, 36, "Clips"),
    Control(
        "clips_as", "tab", (444, 22, 92, 15), "", "clips_as", "Clips As", "Clips", "Clips",
        "What is placed: the sound, the notes on a MIDI track of the stem's name (for an "
        "instrument of yours), or both.",
        CLIPS,
    ),
    label("best", 404, 39, 40, "Best of"),
    Control(
        "best", "number", (444, 40, 30, 15), "", "best", "Best Of", "Best", "Best of",
        "Makes so many of each take and keeps the one that measures best.",
        initial=1, low=1, high=8,
    ),
    Control(
        "loop_take", "toggle", (478, 40, 58, 15), "Loop", "loop_take", "Loop Take", "Loop",
        "Loop", "On: the end of a new take flows into its start, made so.",
        ("Off", "On"),
    ),
    label("rework", 404, 57, 40, "Rework"),
    Control(
        "rework_stem", "menu", (444, 58, 92, 15), "", "rework_stem", "Rework Stem", "RewStem",
        "Rework: what", "What the buttons below are about: the whole newest take, or one stem of "
        "it; the others stay and are listened to.",
        ("Whole take", *(stem.capitalize() for stem in ROLES)),
    ),
    Control(
        "another", "button", (404, 76, 64, 15), "Another", "another", "Another", "Another",
        "Another", "Makes it anew, hearing the rest of the take.",
    ),
    Control(
        "swap_takes", "button", (472, 76, 64, 15), "A / B", "swap_takes", "Swap Takes", "A/B",
        "A / B", "The take before this one, and back again.",
    ),
    Control(
        "like_this", "button", (404, 94, 64, 15), "More like it", "like_this", "More Like This",
        "Like it", "More like it", "Makes it anew, but like what it is, as far as the number says.",
    ),
    Control(
        "likeness", "number", (472, 94, 64, 15), "", "likeness", "Likeness", "Likeness",
        "How like it", "100 % is the same again, 70 % a relative, 0 % a new one.",
        initial=70, low=0, high=100, unit=5,
    ),
    Control(
        "redo_brace", "button", (404, 112, 132, 15), "Redo bars in loop brace", "redo_brace",
        "Redo Bars", "RedoBars", "Redo bars", "Makes only the take's bars under the loop brace "
        "anew. What lies before and after stays as it is, to the sample.",
    ),
    Control(
        "go_on", "button", (404, 131, 64, 15), "Continue", "go_on", "Continue", "Continue",
        "Continue", "The take goes on for so many bars.",
    ),
    label("more_bars", 510, 130, 26, "bars"),
    Control(
        "more_bars", "number", (472, 131, 36, 15), "", "more_bars", "Continue Bars", "ContBars",
        "Bars to go on for", "How many bars Continue adds.", initial=4, low=1, high=64,
    ),
    Control(
        "busier", "button", (404, 150, 64, 15), "Busier", "busier", "Busier", "Busier", "Busier",
        "More notes, between those that are there.",
    ),
    Control(
        "simpler", "button", (472, 150, 64, 15), "Simpler", "simpler", "Simpler", "Simpler",
        "Simpler", "Fewer notes: the soft ones beside the beat go first.",
    ),
)  # fmt: skip
