"""Songs the default model knows nothing like, as a stems folder: to see what a fine-tune brings.

    python examples/unheard_style.py --out unheard
    stembridge train denoiser --init default --data unheard --out tuned

A village band in 5/4: Phrygian chords, tuba, banjo, accordion and an orchestra's drums, from a
SoundFont (TimGM6mb) that no sample of the model's training came from. The model was trained on
neither the metre, nor these chord progressions, nor these instruments. The fine-tune keeps some of
the songs aside, and `tuned/report.html` says how much better it predicts them.

Needs `pip install '.[train]'` and, on Debian, `apt install libfluidsynth3 timgm6mb-soundfont`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from stembridge.dataset.augment import mix_like
from stembridge.dataset.compose import compose
from stembridge.dataset.render import Renderer
from stembridge.dataset.song import Program
from stembridge.dataset.soundfonts import HELD_OUT, find_soundfont
from stembridge.dataset.styles import DRUM_PATTERNS, METRES, STRAIGHT, STYLES, Style
from stembridge.dataset.theory import PROGRESSIONS
from stembridge.errors import StembridgeError

RATE = 44100
NAME, METRE = "village", "5/4"
SEED = 9_000_000  # far from the seeds of training, validation and test songs

PHRYGIAN = ("i bII i bvii", "i bII bIII bII", "i i bvii bII", "i iv bIII bII", "i bvii bVI bII")
# Kick, snare, hat: bars of 20 sixteenths, counted 3 + 2.
DRUMS = (
    ("x.....x.....x.......", "....x.......x...x...", "x.x.x.x.x.x.x.x.x.x."),
    ("x...........x.......", "......x.........x...", "x...x...x...x...x..."),
    ("x..x....x...x...x...", "......x.....o...x..o", "x.x.x.x.x.x.x.x.x.x."),
)
STYLE = Style(
    (METRE,), (96, 168), (NAME,), 0.0, STRAIGHT, 1.0, METRE, 0.4,
    ("eighths", "kick", "root_fifth", "octaves"), ("arpeggio", "sixteenth", "offbeat"),
    ("syncopated", "quarter", "offbeat"), {},
)  # fmt: skip
NOTES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
PROGRAMS = {  # General MIDI numbers from 0, bank 128 for drums
    "bass": Program(0, 58, "tuba"),
    "drums": Program(128, 48, "orchestra"),
    "guitar": Program(0, 105, "banjo"),
    "piano": Program(0, 21, "accordion"),
}


def teach_the_composer() -> None:
    """Adds metre, chords and style to the composer's tables, for this process only."""
    METRES[METRE] = len(DRUMS[0][0])
    DRUM_PATTERNS[METRE] = DRUMS
    PROGRESSIONS[NAME] = PHRYGIAN
    STYLES[NAME] = STYLE


def write_song(folder: Path, seed: int, renderer: Renderer, length_s: float) -> None:
    """One song's folder, as `--data` takes it."""
    song = replace(compose(seed, NAME, length_s), programs=PROGRAMS)
    stems = mix_like(renderer.render(song), RATE, np.random.default_rng(seed))
    folder.mkdir(parents=True, exist_ok=True)
    for stem, audio in stems.items():
        soundfile.write(folder / f"{stem}.flac", 0.5 * audio, RATE)  # no peak is cut
    facts = {
        "bpm": song.bpm,
        "time_signature": METRE,
        "chords": " ".join(
            f"{NOTES[c.root or 0]}{c.symbol}@{c.start_beats:g}" for c in song.chords
        ),
    }
    (folder / "song.json").write_text(json.dumps(facts))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write songs in a style the model never saw.")
    parser.add_argument("--out", type=Path, required=True, help="the stems folder")
    parser.add_argument("--songs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=24.0, help="length of each song")
    parser.add_argument("--soundfont", default=HELD_OUT)
    given = parser.parse_args()
    teach_the_composer()
    try:
        renderer = Renderer(find_soundfont(given.soundfont), RATE)
    except StembridgeError as error:
        raise SystemExit(str(error)) from error
    for index in range(given.songs):
        folder = given.out / f"{NAME}-{index:02d}"
        write_song(folder, SEED + index, renderer, given.seconds)
        print(folder)


if __name__ == "__main__":
    main()
