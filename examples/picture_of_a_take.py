"""Draw a take: one row per stem, a line at every bar.

    python examples/picture_of_a_take.py TAKE_FOLDER picture.png

TAKE_FOLDER holds the WAV files and the receipt.json of a take.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from stembridge.evaluation.pictures import png
from stembridge.roles import role

WIDTH, ROW, GAP = 840, 84, 6
PAPER, BAR, BEAT = (24, 26, 32), (96, 102, 116), (46, 50, 60)


def main() -> None:
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    receipt = json.loads((folder / "receipt.json").read_text(encoding="utf-8"))
    stems = receipt["stems"]
    picture = np.empty((len(stems) * (ROW + GAP) - GAP, WIDTH, 3), np.uint8)
    picture[:] = PAPER
    n_beats = receipt["request"]["length_beats"]
    numerator, denominator = map(int, receipt["request"]["time_signature"].split("/"))
    for beat in np.arange(0, n_beats, 4 / denominator):
        at_bar = beat % (numerator * 4 / denominator) == 0
        picture[:, round(beat / n_beats * (WIDTH - 1))] = BAR if at_bar else BEAT
    for row, stem in enumerate(stems):
        samples, _ = soundfile.read(folder / stem["file"], always_2d=True)
        area = picture[row * (ROW + GAP) : row * (ROW + GAP) + ROW]
        draw(area, samples.mean(axis=1), role(stem["stem"]).colour)
    target.write_bytes(png(picture))


def draw(area: NDArray[np.uint8], samples: NDArray[np.float64], colour: int) -> None:
    """Fill the columns of `area` [height, width, 3] with the wave's peaks, at its own loudness."""
    columns = np.array_split(samples, WIDTH)
    peaks = np.array([np.abs(column).max(initial=0.0) for column in columns])
    heights = (peaks / max(peaks.max(), 1e-9)) ** 0.7 * (ROW / 2 - 1)
    rows = np.abs(np.arange(ROW) - ROW / 2 + 0.5)
    area[rows[:, None] <= heights] = (colour >> 16, colour >> 8 & 255, colour & 255)


if __name__ == "__main__":
    main()
