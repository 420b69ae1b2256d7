"""Songs in a watched folder: which files are which stems, at what tempo, how long."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.context.probe import open_context
from stembridge.context.tempo import tempo_of_files
from stembridge.errors import BadArgsError
from stembridge.musical_time import TimeSignature, seconds_to_beats
from stembridge.roles import role_of
from stembridge.watch.memory import MADE

READABLE = (".wav", ".aif", ".aiff", ".flac", ".ogg", ".mp3")
_OTHER_AUDIO = frozenset(
    {
        ".m4a",
        ".caf",
        ".aac",
        ".mp4",
        ".wma",
        ".opus",
        ".wv",
        ".w64",
        ".rf64",
        ".au",
        ".ape",
        ".alac",
    }
)
_FORMATS = "WAV, AIFF, FLAC, OGG or MP3"
AUTO = "auto"
_TEMPO = re.compile(r"(?<!\d)(\d+(?:[.,]\d+)?)\s*bpm", re.IGNORECASE)


@dataclass(frozen=True)
class WatchedSong:
    """A folder with stems.

    Attributes:
        folder: where it lies.
        stems: stem -> its files; several are heard together.
        facts: name, size and time of every file that counts: they change when it changes.
        remarks: what is passed over, in sentences.
        trouble: why nothing can be made of it; "" if something can.
    """

    folder: Path
    stems: dict[str, tuple[Path, ...]]
    facts: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def name(self) -> str:
        """The folder's name, for the files that come out and for sentences."""
        return os.fsencode(self.folder.name).decode("utf-8", "replace")


def tempo_of(song: WatchedSong, otherwise: str, beats_per_bar: float = 4.0) -> tuple[str, str]:
    """The tempo written in the names of a song's files or folder; else another, or as heard.

    Returns:
        Quarter notes per minute as text, and what is to be said of it.

    Raises:
        BadArgsError: it stands nowhere, or the names contradict each other.
    """
    written = _written_tempo(song)
    if not written and not otherwise:
        raise BadArgsError(
            'At what tempo? Write it into the name, such as "93bpm", or use --bpm (auto: as heard).'
        )
    if not written and otherwise == AUTO:
        files = {stem: str(paths[0]) for stem, paths in song.stems.items()}
        heard = tempo_of_files(files, AllowedRoots.of([song.folder]), beats_per_bar)
        return f"{heard.bpm:g}", heard.words
    return written or otherwise, f"{written or otherwise} bpm"


def _written_tempo(song: WatchedSong) -> str:
    """The tempo written in the names of a song's files or folder, "" if there is none.

    Raises:
        BadArgsError: the names contradict each other.
    """
    names = [path.stem for paths in song.stems.values() for path in paths] + [song.folder.name]
    found = {hit.replace(",", ".") for name in names for hit in _TEMPO.findall(name)}
    if len({float(tempo) for tempo in found}) > 1:
        tempi = ", ".join(sorted(found))
        raise BadArgsError(f"The names tell different tempi ({tempi}); rename so that one is left.")
    return min(found, default="")


def find_songs(root: Path) -> Iterator[WatchedSong]:
    """The watched folder and every folder directly in it, if there is audio in them.

    Raises:
        OSError: the watched folder itself cannot be read.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    for folder in (root, *folders):
        if folder.name == MADE or folder.name.startswith("."):
            continue
        try:
            song = _song_in(folder, is_root=folder == root)
        except OSError as error:
            reason = error.strerror or str(error)
            song = WatchedSong(folder, {}, trouble=f"The folder cannot be read: {reason}.")
        if song.stems or song.remarks or song.trouble:
            yield song


def _song_in(folder: Path, *, is_root: bool) -> WatchedSong:
    if folder.is_symlink() and not is_root:
        return WatchedSong(
            folder,
            {},
            trouble="This folder is a link to another place, and nothing is written through it. "
            "Watch the place itself.",
        )
    stems: dict[str, tuple[Path, ...]] = {}
    facts, remarks = [], []
    for path in sorted(folder.iterdir()):
        suffix = path.suffix.lower()
        if path.name.startswith(".") or suffix not in {*READABLE, *_OTHER_AUDIO}:
            continue
        if is_root and path.is_dir():  # a song's folder, whatever its name ends with
            continue
        remark, stem = _why_not(path), role_of(path.stem)
        if remark or stem is None:
            remarks.append(remark)
            continue
        stems[stem] = (*stems.get(stem, ()), path)
        status = path.stat()
        facts.append(f"{path.name}:{status.st_size}:{status.st_mtime_ns}")
    remarks += [
        f"{', '.join(path.name for path in paths)} are all {stem} and are heard together."
        for stem, paths in stems.items()
        if len(paths) > 1
    ]
    trouble = _unspeakable(folder) if stems else ""
    return WatchedSong(folder, stems, tuple(facts), tuple(remarks), trouble)


def _why_not(path: Path) -> str:
    """Why an audio file cannot be a stem; "" if it can."""
    shown = os.fsencode(path.name).decode("utf-8", "replace")
    if path.suffix.lower() not in READABLE:
        return f"{shown} is passed over: {path.suffix} cannot be read. Export it as {_FORMATS}."
    if path.is_symlink() or not path.is_file():
        return f"{shown} is passed over: it is a link, or no file. Copy the audio itself here."
    if _unspeakable(path):
        return f"{shown} is passed over: {_unspeakable(path)}"
    if role_of(path.stem) is None:
        words = "drums, bass, guitar (or gtr), piano (or keys)"
        return f"{shown} is passed over: its name tells no stem. Write one into it: {words}."
    return ""


def _unspeakable(path: Path) -> str:
    """Why a path cannot be told to the daemon; "" if it can."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return "its name holds characters in an old encoding. Rename it."
    return ""


def length_in_bars(song: WatchedSong, bpm: str, signature: TimeSignature) -> int:
    """Whole bars of the longest stem, at least one.

    Raises:
        StembridgeError: a file cannot be read.
    """
    longest_s = max(_facts(song, path)[0] for paths in song.stems.values() for path in paths)
    bars = seconds_to_beats(longest_s, float(bpm)) / signature.beats_per_bar
    return max(1, round(bars))


def rate_of(song: WatchedSong) -> int:
    """Sample rate of the first stem, in Hz: what comes out has the rate of what went in."""
    return _facts(song, next(iter(song.stems.values()))[0])[1]


def _facts(song: WatchedSong, path: Path) -> tuple[float, int]:
    """Length in s and rate in Hz of a file."""
    with open_context(str(path), AllowedRoots.of([song.folder])) as sound:
        return sound.duration_s, sound.sample_rate
