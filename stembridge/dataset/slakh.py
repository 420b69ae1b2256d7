"""Slakh2100 (Manilow et al. 2019, CC BY 4.0) as training songs, original and redux layout.

    .../Track00001/  metadata.yaml  all_src.mid  stems/S00.flac  stems/S01.flac ...

Stems whose `inst_class` is Bass, Drums, Guitar or Piano are summed to our four; the others are
left out. The tempo comes from the MIDI file; where it changes, the model is told no grid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.pieces import at_training_level, cut_pieces
from stembridge.dataset.song import STEMS
from stembridge.dataset.stems_folder import read_mono, stacked
from stembridge.errors import BadAudioError, NoSuchFileError
from stembridge.musical_time import DENOMINATORS, FOUR_FOUR, TimeSignature

CLASSES = {stem.capitalize(): stem for stem in STEMS}
METADATA_NAME, MIDI_NAME = "metadata.yaml", "all_src.mid"
_TEMPO_TOLERANCE = 0.002
_SUFFIXES = (".flac", ".wav")


def read_slakh(path: Path, rate: int = 44100) -> Iterator[AnnotatedSong]:
    """Reads tracks, cut into pieces of about 24 s on bar lines, at the training loudness.

    Args:
        path: the data set, one of its splits, or one track.
        rate: Hz of the result; the model's.

    Raises:
        NoSuchFileError: no track lies under the folder.
        BadAudioError: a stem cannot be read as audio.
    """
    found = sorted(path.rglob(METADATA_NAME)) if path.is_dir() else []
    # Redux keeps the tracks that it left out, duplicates of others, beside its splits.
    tracks = [file.parent for file in found if "omitted" not in file.relative_to(path).parts]
    if not tracks:
        raise NoSuchFileError(f"'{path}' holds no Slakh2100 track (a folder with {METADATA_NAME}).")
    return (piece for track in tracks for piece in _pieces(track, rate))


def _pieces(track: Path, rate: int) -> Iterator[AnnotatedSong]:
    stems = read_stems(track, rate)
    if not stems:
        return
    bpm, signature = read_tempo(track / MIDI_NAME)
    audio = at_training_level(stacked(stems), rate)
    yield from cut_pieces(AnnotatedSong(track.name, audio, rate, bpm, signature))


def read_stems(track: Path, rate: int) -> dict[str, NDArray[np.float32]]:
    """Our stems of a track, each the sum of its instruments; those it lacks are left out."""
    facts = parse_metadata((track / METADATA_NAME).read_text(encoding="utf-8"))
    folder = track / str(facts.get("audio_dir") or "stems")
    sums: dict[str, NDArray[np.float32]] = {}
    for name, instrument in facts.get("stems", {}).items():
        stem = CLASSES.get(instrument.get("inst_class", ""))
        files = [folder / f"{name}{suffix}" for suffix in _SUFFIXES]
        file = next((f for f in files if f.is_file()), None)
        if stem is None or file is None:  # a few instruments were never rendered
            continue
        samples = read_mono(file, rate)
        earlier = sums.get(stem, np.zeros(0, np.float32))
        total = np.zeros(max(len(samples), len(earlier)), np.float32)
        total[: len(earlier)] += earlier
        total[: len(samples)] += samples
        sums[stem] = total
    return sums


def parse_metadata(text: str) -> dict[str, Any]:
    """Reads the part of YAML that Slakh's metadata uses: nested mappings of plain scalars.

    Raises:
        BadAudioError: the text is something else.
    """
    root: dict[str, Any] = {}
    open_at: list[tuple[int, dict[str, Any]]] = [(-1, root)]
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith(("#", "---")):
            continue
        match = re.fullmatch(r"( *)([^\s:][^:]*):(?:\s+(.*?))?\s*", line)
        if match is None:
            raise BadAudioError(f'Slakh metadata holds a line that is not "key: value": {line!r}.')
        indent, key, value = len(match[1]), match[2].strip("'\""), match[3]
        while open_at[-1][0] >= indent:
            open_at.pop()
        inside = open_at[-1][1]
        if value:
            inside[key] = value.strip("'\"")
        else:
            inside[key] = {}
            open_at.append((indent, inside[key]))
    return root


def read_tempo(path: Path) -> tuple[float | None, TimeSignature]:
    """Tempo and metre of a MIDI file; the tempo is None where either changes or is unknown."""
    import mido

    try:
        midi = mido.MidiFile(str(path))
    except (OSError, EOFError, ValueError, IndexError, KeyError, TypeError):
        return None, FOUR_FOUR
    messages = [message for track in midi.tracks for message in track]
    tempos = [60e6 / m.tempo for m in messages if m.type == "set_tempo" and m.tempo > 0]
    metres = {(m.numerator, m.denominator) for m in messages if m.type == "time_signature"}
    known = [TimeSignature(n, d) for n, d in metres if 1 <= n <= 99 and d in DENOMINATORS]
    signature = known[0] if len(known) == 1 else FOUR_FOUR
    if not tempos or len(metres) > 1 or max(tempos) - min(tempos) > _TEMPO_TOLERANCE * tempos[0]:
        return None, signature
    return round(tempos[0], 3), signature
