"""Watch-folder mode: stems are dropped into a folder, the missing ones come out beside them.

For any DAW, and for people who like folders better than plug-ins:

    songs/
      Night Drive 93bpm/      a song: its stems lie in a folder of their own (or in the watched one)
        Drums.wav
        gtr.wav
        made/                 what comes out
          Night Drive 93bpm_bass.wav

What a file is, its name says ("Drums", "gtr", "keys" …); the tempo stands in the name of the file
or folder ("93bpm") or is given once for all. The daemon makes the stems; this only looks, asks and
copies. A song is made again when its files change. Its folder remembers what was made, so nothing
is made twice over a restart.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.files import open_context
from stembridge.client import Client, PlainJob, Stem
from stembridge.errors import BadArgsError, StembridgeError
from stembridge.musical_time import TimeSignature, seconds_to_beats
from stembridge.roles import STEMS, role_of

MADE = "made"
MEMORY = ".stembridge.json"
AUDIO_SUFFIXES = frozenset({".wav", ".aif", ".aiff", ".flac", ".ogg", ".mp3"})
_TEMPO = re.compile(r"(\d{2,3}(?:[.,]\d+)?)\s*bpm", re.IGNORECASE)
_POLL_S = 0.25
# Errors that go away by themselves: tried again; all others wait for other files.
_PASSING = frozenset({"NOT_NOW", "TIMEOUT", "QUEUE_FULL", "DISK_FULL"})
_RETRY_S = 10.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class WatchSettings:
    """How to watch.

    Attributes:
        bpm: tempo of songs whose names do not tell one, as decimal text; "" if there is none.
        time_signature: metre of all songs.
        make: stems to make; empty: those that are missing.
        chords: chord text for every song; "" lets the model hear the harmony.
        seed: same seed, same files, same stems.
        settle_s: how long files must stay as they are before they count as complete, in s.
        look_s: pause between two looks, in s.
    """

    bpm: str = ""
    time_signature: str = "4/4"
    make: tuple[str, ...] = ()
    chords: str = ""
    seed: int = 0
    settle_s: float = 1.5
    look_s: float = 1.0


@dataclass(frozen=True)
class Song:
    """A folder with stems: stem -> file, and a fingerprint of these files."""

    folder: Path
    stems: dict[str, Path]
    mark: str

    @property
    def name(self) -> str:
        """The folder's name, for the files that come out."""
        return self.folder.name


def tempo_of(song: Song, otherwise: str) -> str:
    """The tempo written in the names of a song's files or folder.

    Raises:
        BadArgsError: it stands nowhere, or the names contradict each other.
    """
    names = [path.stem for path in song.stems.values()] + [song.folder.name]
    told = {hit.replace(",", ".") for name in names for hit in _TEMPO.findall(name)}
    if len({float(tempo) for tempo in told}) > 1:
        raise BadArgsError(f"{song.name}: the names tell different tempi: {', '.join(told)}.")
    if not told and not otherwise:
        raise BadArgsError(
            f'{song.name}: at what tempo? Write it into the name, such as "93bpm", or use --bpm.'
        )
    return min(told) if told else otherwise


def find_songs(root: Path) -> Iterator[Song]:
    """The watched folder and every folder directly in it, if there are stems in them."""
    folders = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    for folder in folders:
        if folder.name == MADE or folder.name.startswith("."):
            continue
        stems: dict[str, Path] = {}
        marks = []
        for path in sorted(folder.iterdir()):
            stem = role_of(path.stem)
            if stem is None or path.suffix.lower() not in AUDIO_SUFFIXES or not path.is_file():
                continue
            stems.setdefault(stem, path)
            facts = path.stat()
            marks.append(f"{path.name}:{facts.st_size}:{facts.st_mtime_ns}")
        if stems:
            yield Song(folder, stems, hashlib.sha256("\n".join(marks).encode()).hexdigest())


def length_in_bars(song: Song, bpm: str, signature: TimeSignature) -> int:
    """Whole bars of the longest stem, at least one.

    Raises:
        StembridgeError: a file cannot be read.
    """
    longest_s = 0.0
    roots = AllowedRoots.of([song.folder])
    for path in song.stems.values():
        with open_context(str(path.resolve()), roots) as sound:
            longest_s = max(longest_s, sound.duration_s)
    bars = seconds_to_beats(longest_s, float(bpm)) / signature.beats_per_bar
    return max(1, round(bars))


class Watcher:
    """Looks, asks, copies; one song at a time."""

    def __init__(self, root: Path, settings: WatchSettings, client: Client, say: Say) -> None:
        """Prepare.

        Args:
            root: the folder to watch.
            settings: how.
            client: connected to a daemon that may read `root`.
            say: told every event, in words.
        """
        self.root = root
        self.settings = settings
        self._client = client
        self._say = say
        self._seen: dict[Path, tuple[str, float]] = {}

    def watch(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Look again and again until told to stop."""
        self._say(f"Watching {self.root}. Drop stems in; what is missing comes out in {MADE}/.")
        while not stop():
            self.look()
            time.sleep(self.settings.look_s)

    def look(self) -> list[Path]:
        """One look; makes what is due. Returns the files that came out."""
        made: list[Path] = []
        for song in find_songs(self.root):
            if self._is_settled(song) and self._memory(song).get("mark") != song.mark:
                made += self._make(song)
        return made

    def _is_settled(self, song: Song) -> bool:
        """Whether nothing changed for a while: a file that is still being copied is no stem yet."""
        now_s = time.monotonic()
        mark, since_s = self._seen.get(song.folder, ("", now_s))
        if mark != song.mark:
            since_s = now_s
            self._seen[song.folder] = (song.mark, now_s)
        return now_s - since_s >= self.settings.settle_s

    def _make(self, song: Song) -> list[Path]:
        try:
            keys = self._keys(song)
            if not keys["generate"]:
                self._remember(song, {"made": [], "why": "nothing is missing"})
                return []
            self._say(f"{song.name}: making {keys['generate']} for {', '.join(song.stems)}.")
            context = {
                stem: str(path.resolve())
                for stem, path in song.stems.items()
                if stem not in str(keys["generate"]).split(",")
            }
            stems = self._wait(song, self._client.generate(context=context, **keys))
        except StembridgeError as error:
            self._say(f"{song.name}: {error}")
            if error.symbol in _PASSING:
                self._seen[song.folder] = (song.mark, time.monotonic() + _RETRY_S)
            else:
                self._remember(song, {"made": [], "why": str(error)})
            return []
        made = self._copy(song, stems)
        self._remember(song, {"made": [path.name for path in made], "why": ""})
        return made

    def _keys(self, song: Song) -> dict[str, Any]:
        settings = self.settings
        bpm = tempo_of(song, settings.bpm)
        signature = TimeSignature.parse(settings.time_signature)
        make = settings.make or tuple(stem for stem in STEMS if stem not in song.stems)
        keys: dict[str, Any] = {
            "generate": ",".join(make),
            "bpm": bpm,
            "bars": length_in_bars(song, bpm, signature),
            "time_signature": str(signature),
            "seed": settings.seed,
            "session_rate": self._rate(song),
        }
        return keys | ({"chords": settings.chords} if settings.chords else {})

    def _rate(self, song: Song) -> int:
        """What comes out has the rate of what went in."""
        path = next(iter(song.stems.values())).resolve()
        with open_context(str(path), AllowedRoots.of([song.folder])) as sound:
            return sound.sample_rate

    def _wait(self, song: Song, job: PlainJob) -> list[Stem]:
        """Wait for the job; take it back if the song's files change meanwhile."""
        while True:
            try:
                return job.wait(timeout_s=_POLL_S)
            except TimeoutError:
                now = next(
                    (one for one in find_songs(self.root) if one.folder == song.folder), None
                )
                if now is None or now.mark != song.mark:
                    self._say(f"{song.name}: its files have changed; starting again.")
                    job.cancel()

    def _copy(self, song: Song, stems: list[Stem]) -> list[Path]:
        folder = song.folder / MADE
        folder.mkdir(exist_ok=True)
        made = []
        for stem in stems:
            target = folder / f"{song.name}_{stem.stem}.wav"
            part = target.with_suffix(".part")
            shutil.copyfile(stem.path, part)
            part.replace(target)  # a DAW that looks into the folder never sees half a file
            made.append(target)
        self._say(f"{song.name}: done: {', '.join(path.name for path in made)}.")
        return made

    def _memory(self, song: Song) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            found = json.loads((song.folder / MADE / MEMORY).read_text(encoding="utf-8"))
            return found if isinstance(found, dict) else {}
        return {}

    def _remember(self, song: Song, facts: dict[str, Any]) -> None:
        folder = song.folder / MADE
        folder.mkdir(exist_ok=True)
        text = json.dumps({"mark": song.mark, **facts}, indent=1)
        (folder / MEMORY).write_text(text, encoding="utf-8")
