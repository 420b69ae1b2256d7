"""Spectrogram pictures and sound for the report, as data URLs; no plotting library needed."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import soundfile
from numpy.typing import NDArray

from stembridge.evaluation.spectra import magnitudes

Audio = NDArray[np.float32]

_RANGE_DB = 80.0
# Dark blue, violet, orange, pale yellow: equal steps look equally far apart.
_COLOURS = np.array([(8, 8, 40), (90, 25, 110), (200, 60, 70), (250, 150, 40), (252, 250, 190)])
_LINES = ("#2a6fb0", "#c23b22", "#3a8f3a", "#8a4fa3")


def spectrogram_png(audio: Audio, rate: int, width: int = 420, height: int = 140) -> bytes:
    """A picture of 40 Hz to 16 kHz, logarithmic, 80 dB deep, low at the bottom."""
    levels = 20 * np.log10(magnitudes(audio, 2048, max(1, len(audio) // width)) + 1e-5)
    frequencies = np.geomspace(16_000.0, 40.0, height)
    rows = np.clip((frequencies * 2048 / rate).astype(int), 0, levels.shape[1] - 1)
    depth = np.clip(1 + levels[:, rows].T / _RANGE_DB, 0, 1) * (len(_COLOURS) - 1)
    low = np.minimum(depth.astype(int), len(_COLOURS) - 2)
    part = (depth - low)[..., None]
    pixels = _COLOURS[low] * (1 - part) + _COLOURS[low + 1] * part
    return png(pixels.astype(np.uint8))


def png(pixels: NDArray[np.uint8]) -> bytes:
    """An RGB image `[height, width, 3]` as PNG (ISO 15948, filter 0)."""
    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines, 9)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def lines_svg(title: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """An SVG element: a line of (x, y) for each name, x logarithmic, y from 0 or below."""
    points = [point for line in lines.values() for point in line]
    low, high = min(0.0, *(y for _, y in points)), max(0.0, *(y for _, y in points))
    left, right = (np.log2(edge(x for x, _ in points)) for edge in (min, max))

    def place(x: float, y: float) -> tuple[float, float]:
        across = 50 + 280 * (np.log2(x) - left) / ((right - left) or 1)
        return round(across, 1), round(150 - 115 * (y - low) / ((high - low) or 1), 1)

    parts = [_text(50, 15, title), _text(45, 40, f"{high:.2f}", "end")]
    parts += [_text(45, 150, f"{low:.2f}", "end")]
    parts += [_text(place(x, low)[0], 168, f"{x:g}", "middle") for x in {x for x, _ in points}]
    for i, (name, line) in enumerate(lines.items()):
        colour = _LINES[i % len(_LINES)]
        path = " ".join(f"{x},{y}" for x, y in (place(*point) for point in line))
        parts += [f"<polyline fill='none' stroke='{colour}' stroke-width='2' points='{path}'/>"]
        parts += [_text(340, 40 + 16 * i, name, colour=colour)]
    return f"<svg width='400' height='175' font-size='11' role='img'>{''.join(parts)}</svg>"


def _text(x: float, y: float, words: str, anchor: str = "start", colour: str = "#222") -> str:
    return f"<text x='{x}' y='{y}' text-anchor='{anchor}' fill='{colour}'>{escape(words)}</text>"


def ogg(audio: Audio, rate: int) -> bytes:
    """Ogg Vorbis, small enough to be embedded."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", rate, 1, format="OGG", subtype="VORBIS") as file:
        # libsndfile's Vorbis encoder overruns its stack on very long single writes.
        for start in range(0, len(audio), 65536):
            file.write(audio[start : start + 65536])
    return buffer.getvalue()


def data_url(kind: str, data: bytes) -> str:
    """Bytes as a data URL of a MIME type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def player(title: str, audio: Audio, rate: int) -> str:
    """An HTML figure: title, spectrogram and player of mono audio `[n_samples]`."""
    picture = data_url("image/png", spectrogram_png(audio, rate))
    sound = data_url("audio/ogg", ogg(audio, rate))
    return (
        f"<figure><figcaption>{escape(title)}</figcaption><img src='{picture}' alt='spectrogram'>"
        f"<audio controls preload='none' src='{sound}'></audio></figure>"
    )
