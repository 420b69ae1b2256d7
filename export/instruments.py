"""Cut the shipped instruments out of installed SoundFonts: SFZ files, samples in Ogg Vorbis.

python export/instruments.py --out stembridge/instruments

Debian: apt install fluid-soundfont-gm musescore-general-soundfont-lossless (or -general-soundfont).
Both SoundFonts are under the MIT licence; see stembridge/instruments/LICENCE.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from stembridge.audio.onsets import detect_onsets
from stembridge.dataset.soundfonts import find_soundfont
from stembridge.dataset.styles import PROGRAMS
from stembridge.players.soundfont import SoundFont
from stembridge.players.zone import OPEN_HZ, Envelope, Zone

FLUID, MUSESCORE = "FluidR3_GM.sf2", "MuseScore_General_Full.sf3"
ELSEWHERE = {("bass", "synth"): (FLUID, 0, 39), ("piano", "fm"): (MUSESCORE, 0, 5)}
"""Timbres that another SoundFont, or another program, has better."""

KEYS = {"bass": (23, 67), "drums": (35, 59), "guitar": (36, 88), "piano": (21, 108)}
COMPRESSION = 0.25  # libsndfile's: 0 is the best quality
LONGEST_S = 7.0
LATEST_S, FADE_IN_S = 0.06, 0.002
"""An attack is looked for this early; how what is kept before it fades in."""

RISE_S = {"bass": 0.002, "drums": 0.004, "guitar": 0.002, "piano": 0.004}
"""What is kept before an attack; strings speak late enough without."""


def opcodes(zone: Zone, sample: str) -> str:
    """One region: what differs from SFZ's defaults."""
    default, shape, flat = Zone(zone.recording), zone.envelope, Envelope()
    told: dict[str, object] = {"sample": sample}
    told |= {"lokey": zone.keys[0], "hikey": zone.keys[1]}
    if zone.velocities != default.velocities:
        told |= {"lovel": zone.velocities[0], "hivel": zone.velocities[1]}
    told["pitch_keycenter"] = zone.root
    pairs = {
        "tune": (zone.tune_cents, 0), "pitch_keytrack": (zone.key_cents, 100),
        "offset": (zone.first, 0), "volume": (zone.gain_db, 0), "pan": (100 * zone.pan, 0),
        "group": (zone.group, 0), "off_by": (zone.off_by, 0),
        "ampeg_delay": (shape.delay_s, flat.delay_s), "ampeg_attack": (shape.attack_s, 0),
        "ampeg_hold": (shape.hold_s, 0), "ampeg_decay": (shape.decay_s, 0),
        "ampeg_sustain": (100 * 10 ** (-shape.sustain_db / 20), 100),
        "ampeg_release": (shape.release_s, flat.release_s),
    }  # fmt: skip
    told |= {name: round(v, 4) for name, (v, usual) in pairs.items() if abs(v - usual) > 1e-3}
    if zone.cutoff_hz < OPEN_HZ * 0.95:
        told["cutoff"] = round(zone.cutoff_hz)
    if zone.loop is not None:
        told["loop_mode"] = "loop_sustain" if zone.loop_ends else "loop_continuous"
        told |= {"loop_start": zone.loop[0], "loop_end": zone.loop[1] - 1}
    return "<region> " + " ".join(f"{name}={value}" for name, value in told.items())


def kept(zones: Sequence[Zone], keys: tuple[int, int]) -> Iterator[Zone]:
    """Zones within the stem's keys, their loops within what is kept of their samples."""
    for zone in zones:
        low, high = max(zone.keys[0], keys[0]), min(zone.keys[1], keys[1])
        if low <= high:
            yield dataclasses.replace(zone, keys=(low, high))


def late_s(zone: Zone, rise_s: float) -> float:
    """How long a recording waits before its attack, s: what a player cannot make up for."""
    samples, rate = zone.recording.sound
    sound = np.concatenate([np.zeros(rate // 2, np.float32), samples[0, : rate // 2]])
    onsets = detect_onsets(sound, rate) - 0.5
    waits = [float(t) for t in onsets if -0.01 < t < LATEST_S]
    return max(0.0, waits[0] - rise_s) if waits else 0.0


def prompt(zones: Sequence[Zone], rise_s: float) -> list[Zone]:
    """The zones with their waits skipped; those that sound together wait alike."""
    waits: dict[tuple[tuple[int, int], tuple[int, int]], float] = {}
    recordings = {zone.recording.name: zone for zone in zones}
    own = {name: late_s(zone, rise_s) for name, zone in recordings.items()}
    for zone in zones:
        group = (zone.keys, zone.velocities)
        waits[group] = min(own[zone.recording.name], waits.get(group, 1.0))
    made = []
    for zone in zones:
        skipped = round(waits[zone.keys, zone.velocities] * zone.recording.sound[1])
        envelope = zone.envelope
        if skipped:
            attack_s = max(envelope.attack_s, FADE_IN_S)
            envelope = dataclasses.replace(envelope, attack_s=attack_s)
        made.append(dataclasses.replace(zone, first=zone.first + skipped, envelope=envelope))
    return made


def cut(zone: Zone) -> tuple[np.ndarray, int]:
    """The samples that a zone needs: up to its loop's end, or fading out after a while."""
    samples, rate = zone.recording.sound
    if zone.loop is not None:
        return samples[:, : zone.loop[1] + 64], rate
    samples = samples[:, : int(LONGEST_S * rate)].copy()
    fade = min(samples.shape[1], rate // 2)
    if zone.recording.sound[0].shape[1] > samples.shape[1]:
        samples[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return samples, rate


def write_instrument(stem: str, timbre: str, font: str, program: tuple[int, int], out: Path) -> int:
    """One SFZ file and those of its samples that are not there yet; returns their bytes."""
    zones = list(kept(SoundFont(find_soundfont(font)).instrument(*program).zones, KEYS[stem]))
    zones = prompt(zones, RISE_S[stem])
    lines, written = [], 0
    samples = out / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    for zone in zones:
        number = zone.recording.name.split()[0]
        name = f"{'f' if font == FLUID else 'm'}{number}{'' if zone.loop is None else 'l'}.ogg"
        path = samples / name
        if not path.exists():
            sound, rate = cut(zone)
            soundfile.write(
                path, sound.T, rate, format="OGG", subtype="VORBIS", compression_level=COMPRESSION
            )
            written += path.stat().st_size
        lines.append(opcodes(zone, f"samples/{name}"))
    text = f"// {timbre}, cut from {font} (MIT licence, see LICENCE)\n" + "\n".join(lines) + "\n"
    (out / f"{stem}-{timbre}.sfz").write_text(text, encoding="utf-8")
    return written + len(text)


def run(argv: Sequence[str] | None = None) -> int:
    """Cut all; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the instruments")
    out = parser.parse_args(argv).out
    for stem, timbres in PROGRAMS.items():
        for timbre, programs in timbres.items():
            font, *program = ELSEWHERE.get((stem, timbre), (FLUID, *programs[0]))
            size = write_instrument(stem, timbre, font, (program[0], program[1]), out)
            print(f"{stem}-{timbre}: {size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    run()
