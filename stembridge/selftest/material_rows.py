"""Rows 9, 10 and 14: audio, models and clocks that are not what they say."""

from __future__ import annotations

import json
import pickle
import random
import struct
import threading
from pathlib import Path

import numpy as np
import psutil
import soundfile

from stembridge.client import Client
from stembridge.errors import ModelUntrustedError, StembridgeError
from stembridge.midi.clock import ClockEstimator
from stembridge.midi.line import TICKS_PER_BEAT
from stembridge.runtime.artifact_files import describe_file, read_verified
from stembridge.runtime.load import load_model
from stembridge.runtime.manifest import parse_manifest
from stembridge.selftest.ground import ASK, Ground, Outcome, worker_of
from stembridge.selftest.house import DaemonProcess
from stembridge.testing import fake_manifest


def audio(ground: Ground) -> Outcome:
    """Row 9: broken, absurd and huge files as context of a living daemon."""
    files = _odd_files(ground.folder / "odd", random.Random(9), ground.amount(24, 64))
    bombs = _bombs(ground.folder, ground.amount(60, 900))
    answers: dict[str, int] = {}
    with (
        DaemonProcess(ground.folder) as daemon,
        Client(port=daemon.port, client_id="ears", timeout_s=30) as client,
    ):
        daemon.wait_ready()
        client.generate(**ASK).wait(60)
        worker = worker_of(daemon.process.pid)
        with _Peak(worker) as peak:
            odd: list[dict[str, object]] = [{"path": file} for file in files]
            for n, keys in enumerate([*odd, *bombs]):
                said = _listen(client, f"odd{n}", {"stem": "drums", **keys})
                answers[said] = answers.get(said, 0) + 1
        same = worker_of(daemon.process.pid).pid == worker.pid
    figure = (
        ", ".join(f"{count} {symbol}" for symbol, count in sorted(answers.items()))
        + f"; worker {peak.grown_mb:+.0f} MB at most, {'not' if same else ''} replaced"
    )
    return Outcome(figure, set(answers) <= {"done", "BAD_AUDIO", "BAD_ARGS"} and same
                   and peak.grown_mb <= 100)  # fmt: skip


def _listen(client: Client, name: str, clip: dict[str, object]) -> str:
    try:
        (stem,) = client.generate(**ASK, request_id=name, clips=[clip]).wait(300)  # type: ignore[list-item]
    except StembridgeError as error:
        return error.symbol
    sound, _ = soundfile.read(stem.path)
    loudest = float(np.abs(sound).max())
    return "done" if np.isfinite(sound).all() and loudest <= 1.0 else "loud"


class _Peak:
    """How far a process grows inside the block."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self._over = process, threading.Event()
        self._before = self._most = process.memory_info().rss

    @property
    def grown_mb(self) -> float:
        """The most it had more than before, in MB."""
        return float(self._most - self._before) / 2**20

    def __enter__(self) -> _Peak:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            try:
                self._most = max(self._most, self._process.memory_info().rss)
            except psutil.Error:
                return


def _odd_files(folder: Path, rng: random.Random, count: int) -> list[str]:
    """Samples that are no sound, and headers with a few bytes changed."""
    folder.mkdir()
    values = {"nan": np.nan, "inf": np.inf, "huge": 1e38, "denormal": 1e-40, "dc": 1.0}
    for name, value in values.items():
        samples = np.full(44_100, value, np.float32)
        soundfile.write(folder / f"{name}.wav", samples, 44_100, subtype="FLOAT")
    soundfile.write(folder / "none.wav", np.zeros(0, np.float32), 44_100)
    soundfile.write(folder / "one.wav", np.zeros(1, np.float32), 44_100)
    soundfile.write(folder / "plain.wav", np.zeros(4410, np.float32), 44_100)
    plain = (folder / "plain.wav").read_bytes()
    for n in range(count):
        data = bytearray(plain)
        for _ in range(rng.randint(1, 3)):
            value = rng.choice((0, 1, 7, 2**16 - 1, 2**31 - 1, 2**32 - 1))
            struct.pack_into("<I", data, 4 * rng.randrange(11), value)
        (folder / f"header{n}.wav").write_bytes(data)
    with (folder / "sparse.wav").open("wb") as file:
        file.write(plain)
        file.truncate(2**35)
    return [str(path) for path in sorted(folder.iterdir())]


def _bombs(folder: Path, length_s: int) -> list[dict[str, object]]:
    """Small files that decode to a lot, looped and at another tempo."""
    path = folder / "bomb.flac"
    with soundfile.SoundFile(path, "w", 192_000, 8, subtype="PCM_16") as file:
        second = np.zeros((192_000, 8), np.int16)
        second[::4800] = 9000
        for _ in range(length_s):
            file.write(second)
    bomb: dict[str, object] = {"path": str(path)}
    return [bomb, bomb | {"loop": True}, bomb | {"source_bpm": "90"}]


def model(ground: Ground) -> Outcome:
    """Row 10: flipped bits, programs in place of networks, absurd manifests; a canary watches."""
    folder, canary = ground.folder / "model", ground.folder / "canary"
    folder.mkdir()
    stems = ("bass", "drums", "guitar", "piano")
    (folder / "net").write_bytes(random.Random(10).randbytes(20_000))
    tables = {"encoders": dict.fromkeys(stems, "net"), "decoders": dict.fromkeys(stems, "net")}
    manifest = fake_manifest(files={"net": describe_file(folder / "net")}, denoiser="net", **tables)
    whole, accepted, rng = (folder / "net").read_bytes(), 0, random.Random(11)
    for _ in range(100):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        (folder / "net").write_bytes(data)
        try:
            read_verified(folder, manifest, "net")
            accepted += 1
        except ModelUntrustedError:
            pass
    accepted += _evil(folder, canary, tables)
    absurd = sum(_is_read(manifest.to_mapping(), field, value) for field in _SIZES
                 for value in (0, -1, 2**31, 10**30, 1e300, "7", None))  # fmt: skip
    sang = "SANG" if canary.exists() else "silent"
    figure = (
        f"100 flips and 2 programs: {accepted} opened, canary {sang}; "
        f"{7 * len(_SIZES)} absurd manifests: {absurd} read"
    )
    return Outcome(figure, accepted == 0 and absurd == 0 and not canary.exists())


_SIZES = ("sample_rate", "hop", "window_frames", "frame_multiple", "latent_channels", "sigma_max")


class _Canary:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._path,)


def _evil(folder: Path, canary: Path, tables: dict[str, dict[str, str]]) -> int:
    """A manifest that vouches for a pickle which runs a program."""
    opened = 0
    for wrapped in (b"", b"PK\x03\x04"):
        (folder / "net").write_bytes(wrapped + pickle.dumps(_Canary(canary)))
        files = {"net": describe_file(folder / "net")}
        forged = fake_manifest(files=files, denoiser="net", **tables).to_mapping()
        (folder / "manifest.json").write_text(json.dumps(forged), encoding="utf-8")
        try:
            load_model(folder, "cpu")
            opened += 1
        except StembridgeError:
            pass
    return opened


def _is_read(mapping: dict[str, object], field: str, value: object) -> bool:
    try:
        parse_manifest(mapping | {field: value})
    except ModelUntrustedError:
        return False
    return True


def clock(ground: Ground) -> Outcome:
    """Row 14: MIDI clock with 3 ms of jitter, lost and doubled ticks."""
    worst, runs = 0.0, ground.amount(6, 40)
    for seed in range(runs):
        for bpm in (87.3, 128.0, 174.0):
            worst = max(worst, _clock_error(np.random.default_rng(seed), bpm))
    return Outcome(
        f"{3 * runs} clocks of 10 s: {worst:.2f} bpm off at most after 2 s (a lost sound server is "
        "shown by the project's tests)",
        worst < 0.5,
    )


def _clock_error(rng: np.random.Generator, bpm: float) -> float:
    times = np.arange(round(10 * bpm * TICKS_PER_BEAT / 60)) * 60 / bpm / TICKS_PER_BEAT
    times = times + rng.uniform(-0.003, 0.003, times.size)
    times = times[rng.random(times.size) >= 0.005]
    times = np.sort(np.concatenate([times, times[rng.random(times.size) < 0.005] + 0.001]))
    estimator, worst = ClockEstimator(), 0.0
    for time_s in times:
        estimator.tick(float(time_s))
        if estimator.tempo is not None and time_s >= 2.0:
            worst = max(worst, abs(estimator.tempo.bpm - bpm))
    return worst
