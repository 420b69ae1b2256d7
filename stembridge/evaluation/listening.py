"""A listening test on one page: the papers' subjective tests (MSDM, MSLDM), to be sent to people.

Total generation is rated for quality and coherence, partial generation for quality and density,
from 1 to 10. Beside what was made lie, unnamed, the true mix and two anchors: true stems of
different songs (nothing goes together) and the true mix without what lies above 3.5 kHz (dull, as
in MUSHRA, ITU-R BS.1534). For density the second anchor is what was given, with nothing added.

The page holds sounds under opaque names; which is which stands in a file of its own, the key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.loudness import gain_to, peak
from stembridge.audio.windows import fade_edges
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.errors import NoSuchFileError
from stembridge.evaluation.heldout import Trial, song_for, sounds_throughout
from stembridge.evaluation.pictures import data_url, ogg
from stembridge.evaluation.songs import Songs
from stembridge.evaluation.statistics import estimate
from stembridge.evaluation.subsets import made_for, subsets_of
from stembridge.runtime.model import StemModel

Audio = NDArray[np.float32]

PAGE, KEY = "listening.html", "listening_key.json"
MADE, TRUE, SHUFFLED, DULL, GIVEN = "made", "true", "shuffled", "low-pass", "given alone"
QUESTIONS = {
    "total": {
        "quality": "How real does the music sound? (1: white noise, 10: a recording)",
        "coherence": "How well do the instruments go together? (1: not at all, 10: one band)",
    },
    "partial": {
        "quality": "How well does all of it go together? (1: not at all, 10: one band)",
        "density": "How much do the instruments that were added play? (1: nothing, 10: all along)",
    },
}
LOUDNESS_LUFS, FADE_S, DULL_HZ = -20.0, 0.05, 3500.0
HIGHEST = 10  # mark
_PEAK = 0.97


@dataclass(frozen=True)
class Clip:
    """One sound to rate.

    Attributes:
        part: key of `QUESTIONS`.
        song: its number.
        system: what it is; the listener is not told.
        stems: those that were made, for the listener of a partial one.
        audio: `[n]`.
        rate: Hz.
    """

    part: str
    song: int
    system: str
    stems: tuple[str, ...]
    audio: Audio
    rate: int

    def name(self, salt: str) -> str:
        """Opaque, and the same each time."""
        text = f"{salt}/{self.part}/{self.song}/{self.system}"
        return hashlib.sha256(text.encode()).hexdigest()[:10]


def clips_of(model: StemModel, songs: Songs, count: int, trial: Trial, seed: int) -> Iterator[Clip]:
    """The clips of the first `count` songs in which all stems sound, song by song."""
    manifest = model.manifest
    every = (song_for(manifest, songs[number]) for number in range(len(songs)))
    sounding = list(islice(filter(sounds_throughout, every), count))
    rng = np.random.default_rng(seed)
    partial = [one for one in subsets_of(manifest.stems) if len(one) < manifest.n_stems]
    for number, song in enumerate(sounding):
        others = [sounding[(number + step) % len(sounding)] for step in range(manifest.n_stems)]
        yield from _total(model, song, others, trial, seed + number, number)
        if partial:
            subset = partial[rng.integers(len(partial))]
            yield from _partial(model, song, subset, others[1], trial, seed + number, number)


def _total(
    model: StemModel,
    song: AnnotatedSong,
    others: list[AnnotatedSong],
    trial: Trial,
    seed: int,
    number: int,
) -> Iterator[Clip]:
    """Everything made for nothing; of each true stem another song's."""
    true = song.audio.sum(0)
    _, made = made_for(model, song, song.stems, trial, seed)
    sounds = {MADE: _sum(made.values(), true.size), TRUE: true, DULL: dull(true, song.rate)}
    if len(song.stems) > 1:
        rows = [other.stem(stem) for stem, other in zip(song.stems, others, strict=True)]
        sounds[SHUFFLED] = _sum(rows, true.size)
    for system, audio in sounds.items():
        yield Clip("total", number, system, song.stems, ready(audio, song.rate), song.rate)


def _partial(
    model: StemModel,
    song: AnnotatedSong,
    subset: tuple[str, ...],
    other: AnnotatedSong,
    trial: Trial,
    seed: int,
    number: int,
) -> Iterator[Clip]:
    """Some stems made for the rest; another song's; none."""
    _, made = made_for(model, song, subset, trial, seed)
    given = _sum([song.stem(s) for s in song.stems if s not in subset], song.audio.shape[1])
    wrong = [other.stem(stem) for stem in subset]
    sounds = {
        MADE: _sum([given, *made.values()], given.size),
        TRUE: song.audio.sum(0),
        SHUFFLED: _sum([given, *wrong], given.size),
        GIVEN: given,
    }
    for system, audio in sounds.items():
        yield Clip("partial", number, system, subset, ready(audio, song.rate), song.rate)


def _sum(rows: Iterable[Audio], n_samples: int) -> Audio:
    total = np.zeros(n_samples, np.float32)
    for row in rows:
        total[: row.size] += row[:n_samples]
    return total


def dull(audio: Audio, rate: int) -> Audio:
    """Nothing above 3.5 kHz, an octave of a slope."""
    spectrum = np.fft.rfft(audio)
    hertz = np.fft.rfftfreq(audio.size, 1 / rate)
    octaves = np.log2(np.maximum(hertz, 1.0) / DULL_HZ)
    made = np.fft.irfft(spectrum * np.cos(np.pi / 2 * np.clip(octaves, 0, 1)) ** 2, audio.size)
    return np.asarray(made, np.float32)


def ready(audio: Audio, rate: int) -> Audio:
    """As loud as all the others, faded at both ends."""
    gain = min(gain_to(LOUDNESS_LUFS, audio, rate) or 1.0, _PEAK / max(peak(audio), 1e-9))
    fade = round(FADE_S * rate)
    return fade_edges(audio * np.float32(gain), fade, fade)


def write_listening(clips: Iterable[Clip], out: Path, model: str, seed: int) -> Path:
    """Writes the page and its key; returns the page's path."""
    every, salt = list(clips), f"{model}/{seed}"
    trials: dict[tuple[str, int], dict[str, Any]] = {}
    for clip in every:
        stems = list(clip.stems) if clip.part == "partial" else []
        new: dict[str, Any] = {"part": clip.part, "made": stems, "clips": []}
        trial = trials.setdefault((clip.part, clip.song), new)
        sound = data_url("audio/ogg", ogg(clip.audio, clip.rate))
        trial["clips"].append({"id": clip.name(salt), "sound": sound})
    for trial in trials.values():
        trial["clips"].sort(key=lambda clip: clip["id"])  # as they lie they tell nothing
    test = hashlib.sha256("".join(sorted(c.name(salt) for c in every)).encode()).hexdigest()[:12]
    data = {"test": test, "questions": QUESTIONS, "trials": list(trials.values())}
    key = {
        "test": test,
        "model": model,
        "clips": {c.name(salt): {"part": c.part, "song": c.song, "system": c.system,
                                 "stems": list(c.stems)} for c in every},
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    (out / KEY).write_text(json.dumps(key, indent=1))
    template = Path(__file__).with_name("listening.html").read_text(encoding="utf-8")
    text = template.replace("{{DATA}}", json.dumps(data).replace("</", "<\\/"))
    (out / PAGE).write_text(text, encoding="utf-8")
    return out / PAGE


def ratings(
    folder: Path, say: Callable[[str], None] = lambda text: None
) -> dict[str, dict[str, dict[str, Any]]]:
    """What listeners said: part -> question -> system -> an estimate over their marks.

    Args:
        folder: holds the key and the listeners' files.
        say: told of files that are no listener's.

    Raises:
        NoSuchFileError: there is no key, or nobody has listened.
    """
    if not (folder / KEY).is_file():
        raise NoSuchFileError(f"There is no {KEY} in '{folder}'; `--listening` writes it.")
    key = json.loads((folder / KEY).read_text())
    marks: dict[tuple[str, str, str], list[float]] = {}
    for path in sorted(folder.glob("*.json")):
        if path.name == KEY:
            continue
        try:
            told = _marks_of(json.loads(path.read_bytes()), key)
        except (ValueError, TypeError, KeyError, RecursionError):
            say(f"{path.name} is no listener's file of this test: left out")
            continue
        for place, value in told:
            marks.setdefault(place, []).append(value)
    if not marks:
        raise NoSuchFileError(f"No listener's file in '{folder}' is of this test.")
    out: dict[str, dict[str, dict[str, Any]]] = {}
    for (part, question, system), values in sorted(marks.items()):
        found = estimate(values)
        out.setdefault(part, {}).setdefault(question, {})[system] = asdict(found)
    return out


def _marks_of(
    told: Mapping[str, Any], key: Mapping[str, Any]
) -> list[tuple[tuple[str, str, str], float]]:
    """One listener's marks; a stranger wrote them, so nothing is believed.

    Raises:
        ValueError, TypeError, KeyError: it is something else.
    """
    if told["test"] != key["test"]:
        raise ValueError("another test's")
    marks: dict[tuple[str, str], tuple[tuple[str, str, str], float]] = {}
    for one in told["ratings"]:
        clip, question, value = key["clips"][one["clip"]], one["question"], one["value"]
        if question not in QUESTIONS[clip["part"]] or type(value) is not int:
            raise ValueError("no such question")
        if not 1 <= value <= HIGHEST:
            raise ValueError("no mark")
        # A clip that is named twice counts once.
        marks[one["clip"], question] = (clip["part"], question, clip["system"]), float(value)
    return list(marks.values())
