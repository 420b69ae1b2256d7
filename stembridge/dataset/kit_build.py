"""Makes a kit: plays libraries' notes one by one and keeps what is heard, trimmed and packed.

The libraries (SFZ, listed with their licences in `libraries.toml`) are played by sfizz, SoundFonts
by FluidSynth: whatever layers, microphones and round robins they have is in the sound, and a kit
needs no player but our own (`sampler`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from stembridge.dataset.kit import INDEX_NAME, Kit, KitInstrument, KitNote, write_index
from stembridge.dataset.libraries import RATE, PlayNote, mended, sfz_player, soundfont_player
from stembridge.dataset.soundfonts import find_soundfont
from stembridge.errors import NoSuchFileError

Audio = NDArray[np.float32]
_COMPRESSION = 0.6  # of Vorbis: quality .4, about 50 kbit/s
_BLOCK = 32768
_PEAK = 0.9
_ONSET_DB = -40.0  # below the peak: what comes before is cut
_SILENT_DB = -54.0  # below the peak: where the tail is cut
_MOST_SHARP = 0.4
_BEFORE_S = 0.001
_LEVEL_S = 0.3
_SAME = 0.003  # of two recordings at full scale: they are one


@dataclass(frozen=True)
class Entry:
    """An instrument of `libraries.toml`.

    Attributes:
        name, stem, timbres, licence: as `kit.Instrument`.
        library: folder of the library, or file name of the SoundFont.
        sfz: path inside the library; empty for a SoundFont.
        program: bank and program of a SoundFont.
        held_out: never trained on.
        keys: first, last, step; or General MIDI drum -> key of the library.
        velocities, takes: what is recorded.
        held_s: how long a note is held, and kept at most.
        release_s: as `kit.Instrument`.
        cc: MIDI controllers set before playing.
        mute_cc: controllers that damp the strings, where the library can.
        define: "NAME VALUE" that stands on top of the SFZ file.
    """

    name: str
    stem: str
    timbres: dict[str, str]
    library: str
    licence: str
    sfz: str = ""
    program: tuple[int, int] = (0, 0)
    held_out: bool = False
    keys: tuple[int, int, int] = (0, 0, 1)
    drums: dict[str, int] = field(default_factory=dict)
    velocities: tuple[int, ...] = (90,)
    takes: int = 1
    held_s: float = 3.0
    release_s: float = 0.08
    cc: dict[str, int] = field(default_factory=dict)
    mute_cc: dict[str, int] = field(default_factory=dict)
    define: str = ""

    @property
    def is_real(self) -> bool:
        """Not a SoundFont."""
        return bool(self.sfz)

    def pitches(self) -> dict[int, int]:
        """Pitch -> key to play."""
        if self.drums:
            return {int(pitch): key for pitch, key in self.drums.items()}
        return {key: key for key in range(self.keys[0], self.keys[1] + 1, self.keys[2])}


def entries(path: Path | None = None) -> list[Entry]:
    """The instruments of a table; the shipped one if no path is given."""
    if path is None:
        text = resources.files("stembridge.dataset").joinpath("libraries.toml").read_text()
    else:
        text = path.read_text()
    table = tomllib.loads(text)
    kinds: dict[str, Any] = table["kinds"]
    return [Entry(**_tuples({**kinds[row.pop("kind")], **row})) for row in table["instruments"]]


def _tuples(row: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}


def build_kit(libraries: Path, out: Path, *, held_out: bool = False) -> Iterator[str]:
    """Writes a kit of all libraries that are there; yields a line on each instrument.

    What the folder's kit has already stays, so that an interrupted build goes on.

    Args:
        libraries: folder with a folder per library, named as its repository.
        out: the kit's folder.
        held_out: the instruments kept for evaluation instead of those for training.

    Raises:
        NoSuchFileError: none of the libraries is there.
        MissingExtraError: sfizz or FluidSynth is not installed.
    """
    wanted = [entry for entry in entries() if entry.held_out == held_out]
    there = [e for e in wanted if not e.is_real or (libraries / e.library / e.sfz).is_file()]
    if not any(entry.is_real for entry in there):
        raise NoSuchFileError(
            f"'{libraries}' holds none of the sample libraries; stembridge/training/README.md says "
            "where they are."
        )
    out.mkdir(parents=True, exist_ok=True)
    built = Kit(out).instruments if (out / INDEX_NAME).is_file() else {}
    for entry in wanted:
        if entry.name in built:
            continue
        if entry not in there:
            yield f"{entry.name}: left out, '{libraries / entry.library}' has no {entry.sfz}"
            continue
        built[entry.name], seconds = record(entry, libraries, out)
        yield f"{entry.name}: {len(built[entry.name].zones)} notes, {seconds:.0f} s"
        write_index(out, list(built.values()))
    size = sum(path.stat().st_size for path in out.iterdir())
    yield f"in all: {len(built)}, {size / 2**20:.1f} MiB"


def trained_on(kit: Kit) -> list[str]:
    """Instruments of a kit that training knows, by name."""
    known = {entry.name for entry in entries() if not entry.held_out}
    return [name for name in kit.instruments if name in known]


def record(entry: Entry, libraries: Path, out: Path) -> tuple[KitInstrument, float]:
    """Plays, trims and writes one instrument; returns it and its length in s."""
    play = player_of(entry, libraries)
    pack = _Pack()
    heard: dict[int, list[float]] = {velocity: [] for velocity in entry.velocities}
    for how in ("", "mute") if entry.mute_cc else ("",):
        touch = player_of(entry, libraries, entry.mute_cc) if how else play
        for pitch, key in entry.pitches().items():
            for velocity in entry.velocities:
                for _ in range(entry.takes):
                    sound = trimmed(touch(key, velocity, entry.held_s, entry.held_s + 0.2))
                    if not len(sound):
                        continue
                    if not how:
                        heard[velocity].append(_level_db(sound))
                    exact = pitch if entry.drums else pitch + tuning_of(sound, pitch)
                    pack.add(sound, exact, velocity, how)
    audio = np.concatenate(list(pack.sounds.values()))
    _write_vorbis(out / f"{entry.name}.ogg", audio)
    return _instrument(entry, pack.zones, heard), len(audio) / RATE


@dataclass
class _Pack:
    """Notes one after the other; what a library plays again for another take or velocity, once.

    Attributes:
        zones: the notes.
        sounds: by where they begin; all of one peak.
        end: where the next begins.
    """

    zones: list[KitNote] = field(default_factory=list)
    sounds: dict[int, Audio] = field(default_factory=dict)
    end: int = 0

    def add(self, sound: Audio, pitch: float, velocity: int, how: str) -> None:
        """A note as it is heard, `[n_samples]`."""
        peak = float(np.abs(sound).max())
        whole = sound * np.float32(_PEAK / peak)
        near = [zone.first for zone in self.zones if abs(zone.pitch - pitch) < 0.5]
        same = [first for first in near if _is_same(self.sounds[first], whole)]
        first = same[0] if same else self.end
        if not same:
            self.sounds[first] = whole
            self.end += len(whole)
        length = len(self.sounds[first])
        self.zones.append(KitNote(round(pitch, 3), velocity, how, first, length, peak / _PEAK))


def _is_same(one: Audio, other: Audio) -> bool:
    """Whether two sounds of one peak are a recording played twice; one may die away sooner."""
    n = min(len(one), len(other))
    return max(len(one), len(other)) - n < RATE // 10 and bool(
        np.abs(one[:n] - other[:n]).max() < _SAME
    )


def _write_vorbis(path: Path, audio: Audio) -> None:
    """In blocks: libsndfile's Vorbis encoder overflows the stack where it gets minutes at once."""
    kind = {"format": "OGG", "subtype": "VORBIS", "compression_level": _COMPRESSION}
    with soundfile.SoundFile(path, "w", RATE, 1, **kind) as file:
        for first in range(0, len(audio), _BLOCK):
            file.write(audio[first : first + _BLOCK])


def _instrument(entry: Entry, zones: list[KitNote], heard: dict[int, list[float]]) -> KitInstrument:
    loudest = max(zone.gain for zone in zones)
    levels = [(float(v), float(np.mean(db))) for v, db in heard.items() if db]
    if len(levels) == 1:  # MIDI's own curve: amplitude as the square of the velocity
        [(_, db)] = levels
        levels = [(v, db + 40 * np.log10(v / levels[0][0])) for v in (20.0, 50.0, 90.0, 127.0)]
    else:
        low, high = levels[0], levels[-1]
        levels = [(1.0, low[1] - 12), *levels, (127.0, high[1] + 40 * np.log10(127 / high[0]))]
    scaled = tuple(
        KitNote(z.pitch, z.velocity, z.how, z.first, z.length, round(z.gain / loudest, 5))
        for z in zones
    )
    return KitInstrument(
        entry.name, entry.stem, entry.timbres, entry.library, entry.licence, entry.is_real, RATE,
        0.0 if entry.drums else entry.release_s,
        tuple((v, round(float(db), 2)) for v, db in levels), scaled,
    )  # fmt: skip


def trimmed(sound: Audio) -> Audio:
    """From just before its attack to where it has died away, its end faded out; empty if silent."""
    peak = float(np.abs(sound).max(initial=0.0))
    if peak < 1e-4:
        return sound[:0]
    first = int(np.argmax(np.abs(sound) > peak * 10 ** (_ONSET_DB / 20)))
    first = max(0, first - round(_BEFORE_S * RATE))
    hop = RATE // 50
    blocks = np.abs(np.pad(sound, (0, -len(sound) % hop))).reshape(-1, hop).max(1)
    loud = np.flatnonzero(blocks > peak * 10 ** (_SILENT_DB / 20))
    kept = sound[first : (int(loud[-1]) + 1) * hop].copy()
    fade = min(len(kept) // 4, RATE // 3)
    kept[len(kept) - fade :] *= np.cos(np.linspace(0, np.pi / 2, fade)).astype(np.float32)
    rise = round(_BEFORE_S * RATE / 2)
    kept[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    return kept


def _level_db(sound: Audio) -> float:
    loud = sound[: round(_LEVEL_S * RATE)]
    return float(10 * np.log10(np.mean(loud**2) + 1e-12))


def tuning_of(sound: Audio, pitch: int) -> float:
    """Semitones that a note is sharp of its key; 0 where that is not clear, or hardly credible.

    The period is looked for within a semitone of what it ought to be, by normalised
    autocorrelation after the attack, refined by a parabola.
    """
    part = sound[round(0.08 * RATE) : round(0.6 * RATE)].astype(np.float64)
    period = RATE / (440 * 2 ** ((pitch - 69) / 12))
    cycles = max(1, int(0.02 * RATE / period))  # a longer lag resolves high notes
    lags = np.arange(int(period * cycles * 0.955), int(period * cycles * 1.05) + 2)
    if len(part) < 2 * lags[-1]:
        return 0.0
    n = len(part) - lags[-1] - 1
    base = part[:n]
    moved = [part[lag : lag + n] for lag in lags]
    scores = np.array([base @ m / np.sqrt(1e-12 + (base @ base) * (m @ m)) for m in moved])
    best = int(np.argmax(scores))
    if scores[best] < 0.8 or not 0 < best < len(lags) - 1:
        return 0.0
    left, mid, right = scores[best - 1 : best + 2]
    lag = lags[best] + 0.5 * (left - right) / min(left - 2 * mid + right, -1e-12)
    sharp = float(12 * np.log2(period * cycles / lag))
    return sharp if abs(sharp) < _MOST_SHARP else 0.0


def player_of(entry: Entry, libraries: Path, cc: dict[str, int] | None = None) -> PlayNote:
    """What plays single notes of an instrument."""
    if entry.sfz:
        path = mended(libraries / entry.library / entry.sfz, entry.define)
        return sfz_player(path, {**entry.cc, **(cc or {})})
    return soundfont_player(find_soundfont(entry.library), entry.program)
