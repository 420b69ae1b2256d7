"""Looks, asks, copies; one song at a time."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stembridge.client import Client, PlainJob, Stem
from stembridge.errors import (
    PASSING,
    BadArgsError,
    NoSuchFileError,
    StembridgeError,
)
from stembridge.musical_time import TimeSignature
from stembridge.safe_files import write_error
from stembridge.watch.memory import MADE, is_made, keep, target_name
from stembridge.watch.songs import (
    WatchedSong,
    find_songs,
    length_in_bars,
    rate_of,
    tempo_of,
)

_POLL_S = 0.25
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
        prompt: what everything is to be, in words.
        seed: same seed, same files, same stems; None: drawn for each song.
        midi: MIDI files of the stems, too.
        loop_context: repeat files of whole bars that are shorter than the song.
        loop: the end of what is made flows into its start.
        settle_s: how long files must stay as they are before they count as complete, in s.
        look_s: pause between two looks, in s.
    """

    bpm: str = ""
    time_signature: str = "4/4"
    make: tuple[str, ...] = ()
    chords: str = ""
    seed: int | None = None
    settle_s: float = 1.5
    look_s: float = 1.0
    midi: bool = False
    loop_context: bool = False
    loop: bool = False
    prompt: str = ""


@dataclass
class _State:
    """What this run knows of a song.

    Attributes:
        facts: of its files at the last look.
        since_s: when they last changed.
        said: sentences about it that are not to be repeated while it stays as it is.
        failure: (mark, the daemon's boot id, error) that would only repeat itself.
        again_s: not to be tried before.
    """

    facts: tuple[str, ...] = ()
    since_s: float = 0.0
    said: set[str] = field(default_factory=set)
    failure: tuple[str, str, StembridgeError] | None = None
    again_s: float = 0.0


class Watcher:
    """Looks, asks, copies.

    Attributes:
        refused: songs of which the last look made nothing although it should have, and why.
    """

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
        self.refused: dict[Path, StembridgeError] = {}
        self._client = client
        self._say = say
        self._states: dict[Path, _State] = {}
        self._model: tuple[str, tuple[str, ...]] = ("", ())

    def watch(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Look again and again until told to stop."""
        self._say(f"Watching {self.root}. Drop stems in; what is missing comes out in {MADE}/.")
        said = ""
        while not stop():
            try:
                self.look()
                said = ""
            except NoSuchFileError as error:  # a drive that was unplugged may come back
                if str(error) != said:
                    self._say(str(error))
                said = str(error)
            time.sleep(self.settings.look_s)

    def look(self) -> list[Path]:
        """One look; makes what is due. Returns the files that came out.

        Raises:
            NoSuchFileError: the watched folder cannot be read.
        """
        self.refused = {}
        try:
            songs = list(find_songs(self.root))
        except OSError as error:
            raise NoSuchFileError(
                f"'{self.root}' cannot be read: {error.strerror}. Is its drive there?"
            ) from error
        return [path for song in songs for path in self._look_at(song)]

    def _look_at(self, song: WatchedSong) -> list[Path]:
        state = self._states.setdefault(song.folder, _State())
        if not self._is_settled(song, state):
            return []
        for remark in song.remarks:
            self._say_once(song, remark)
        if state.failure is not None and state.failure[:2] == self._failure_mark(song):
            self.refused[song.folder] = state.failure[2]
            return []
        try:
            return self._make(song)
        except StembridgeError as error:
            self._give_up(song, state, error)
        except OSError as error:
            self._give_up(song, state, write_error(song.folder, error))
        return []

    def _is_settled(self, song: WatchedSong, state: _State) -> bool:
        """Whether nothing changed for a while: a file that is still being copied is no stem yet."""
        now_s = time.monotonic()
        if state.facts != song.facts or not state.since_s:
            state.facts, state.since_s, state.again_s, state.said = song.facts, now_s, 0.0, set()
        return now_s - state.since_s >= self.settings.settle_s and now_s >= state.again_s

    def _give_up(self, song: WatchedSong, state: _State, error: StembridgeError) -> None:
        """Errors that go away by themselves are tried again; others wait for something new."""
        self.refused[song.folder] = error
        if error.symbol in PASSING:
            state.again_s = time.monotonic() + _RETRY_S
            self._say_once(song, f"{error} It is tried again.")
        elif error.symbol != "CANCELLED":
            state.failure = (*self._failure_mark(song), error)
            self._say_once(song, str(error))

    def _mark(self, song: WatchedSong) -> str:
        """Hash of everything a song's results follow from."""
        settings = self.settings
        options = (settings.bpm, settings.time_signature, settings.make)
        facts = [song.name, song.facts, *options, settings.chords, settings.seed]
        facts += ["midi"] if settings.midi else []
        facts += ["loop"] if settings.loop_context else []
        facts += ["made as a loop"] if settings.loop else []
        facts += [settings.prompt] if settings.prompt else []
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def _failure_mark(self, song: WatchedSong) -> tuple[str, str]:
        """A daemon that was started anew may have other settings."""
        return self._mark(song), self._client.asynchronous.boot_id

    def _make(self, song: WatchedSong) -> list[Path]:
        if song.trouble:
            raise BadArgsError(song.trouble)
        if not song.stems:
            raise BadArgsError("No file here is heard.")
        make = self.settings.make or tuple(s for s in self._known() if s not in song.stems)
        if not make:
            self._say_once(song, "nothing is missing; --make bass would make one all the same.")
            return []
        mark, names = self._mark(song), [target_name(song.name, stem) for stem in make]
        if is_made(song.folder, mark, names):
            return []
        keys, pace = self._keys(song, make)
        self._say(f"{song.name}: making {', '.join(make)} for {', '.join(song.stems)} at {pace}.")
        clips = [
            {"stem": stem, "path": str(path)}
            for stem, paths in song.stems.items()
            for path in paths
            if stem not in make
        ]
        stems = self._wait(song, self._client.generate(clips=clips, **keys))
        results = {target_name(song.name, stem.stem): stem.path for stem in stems}
        notes = {target_name(song.name, s.stem, ".mid"): s.midi for s in stems}
        notes[target_name(song.name, "parts", ".mid")] = stems[0].take_midi
        results |= {name: path for name, path in notes.items() if path is not None}
        made = keep(song.folder, mark, results)
        self._say(f"{song.name}: done: {', '.join(path.name for path in made)}.")
        for stem in stems:
            if stem.said:
                self._say(f"{song.name}: {stem.stem}: {'; '.join(stem.said)}.")
        return made

    def _known(self) -> tuple[str, ...]:
        """The stems that the daemon's model makes."""
        boot_id = self._client.asynchronous.boot_id
        if self._model[0] != boot_id:
            self._model = boot_id, tuple(str(self._client.model()["stems"]).split(","))
        return self._model[1]

    def _keys(self, song: WatchedSong, make: tuple[str, ...]) -> tuple[dict[str, Any], str]:
        """What is asked for, and what is to be said of its tempo."""
        settings = self.settings
        signature = TimeSignature.parse(settings.time_signature)
        bpm, pace = tempo_of(song, settings.bpm, signature.beats_per_bar)
        keys: dict[str, Any] = {
            "generate": ",".join(make),
            "bpm": bpm,
            "bars": length_in_bars(song, bpm, signature),
            "time_signature": str(signature),
            "session_rate": rate_of(song),
            **{name: "1" for name in ("midi", "loop", "loop_context") if getattr(settings, name)},
        }
        keys |= {} if settings.seed is None else {"seed": settings.seed}
        words = {name: getattr(settings, name) for name in ("chords", "prompt")}
        return keys | {name: told for name, told in words.items() if told}, pace

    def _wait(self, song: WatchedSong, job: PlainJob) -> list[Stem]:
        """Wait for the job; take it back if the song's files change meanwhile."""
        cancelled = False
        while True:
            try:
                return job.wait(timeout_s=_POLL_S)
            except TimeoutError:
                if not cancelled and not self._is_unchanged(song):
                    self._say(f"{song.name}: its files have changed; starting again.")
                    job.cancel()
                    cancelled = True

    def _is_unchanged(self, song: WatchedSong) -> bool:
        try:
            return any(
                now.folder == song.folder and now.facts == song.facts
                for now in find_songs(self.root)
            )
        except OSError:
            return False

    def _say_once(self, song: WatchedSong, sentence: str) -> None:
        """Say a sentence about a song unless it was said since its files changed."""
        said = self._states[song.folder].said
        if sentence not in said:
            said.add(sentence)
            self._say(f"{song.name}: {sentence}")
