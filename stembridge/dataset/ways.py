"""Which ways of playing suit which style."""

from __future__ import annotations

from stembridge.dataset import keys, strings
from stembridge.dataset.playing import Way

WAYS: dict[str, Way] = {
    "strummed": strings.strummed, "palm_muted": strings.palm_muted, "picked": strings.picked,
    "riff": strings.riff, "lead": strings.lead,
    "two_hands": keys.two_hands, "rolling": keys.rolling, "melody": keys.melody,
    "locked": strings.locked, "driving": strings.driving,
}  # fmt: skip

# A way named twice is twice as likely.
SUITS: dict[str, dict[str, tuple[str, ...]]] = {
    "pop": {"bass": ("locked", "locked", "driving"),
            "guitar": ("strummed", "strummed", "picked", "lead"),
            "piano": ("two_hands", "two_hands", "rolling", "melody")},
    "rock": {"bass": ("driving", "locked"),
             "guitar": ("palm_muted", "palm_muted", "strummed", "riff", "lead"),
             "piano": ("two_hands",)},
    "funk": {"bass": ("locked",), "guitar": ("riff", "strummed"), "piano": ("two_hands",)},
    "house": {"bass": ("locked",), "guitar": ("strummed",), "piano": ("two_hands", "melody")},
    "hiphop": {"bass": ("locked",), "guitar": ("picked", "lead"),
               "piano": ("two_hands", "melody", "rolling")},
    "ballad": {"bass": ("locked",), "guitar": ("picked", "picked", "strummed", "lead"),
               "piano": ("rolling", "rolling", "two_hands", "melody")},
    "latin": {"bass": ("locked",), "guitar": ("strummed", "picked"), "piano": ("two_hands",)},
    "reggae": {"bass": ("locked",), "guitar": ("strummed",), "piano": ("two_hands",)},
    "jazz": {"bass": (), "guitar": ("lead",), "piano": ("two_hands", "melody")},
    "waltz": {"bass": (), "guitar": ("picked", "strummed"), "piano": ("rolling", "melody")},
    "six_eight": {"bass": ("locked",), "guitar": ("picked", "strummed"),
                  "piano": ("rolling", "two_hands")},
    "odd": {"bass": ("driving",), "guitar": ("palm_muted", "riff"), "piano": ("two_hands",)},
}  # fmt: skip

# Ways that sound like themselves through an amplifier only: the timbres they take.
AMPLIFIED: dict[str, tuple[str, ...]] = {
    "palm_muted": ("overdrive", "distortion"),
    "riff": ("overdrive", "distortion", "clean"),
    "power": ("overdrive", "distortion"),
}
