"""A session driven only by somebody else's OSC client: liblo's oscsend and oscdump."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import soundfile

from stembridge.paths import pretrained_dir
from tests.helpers import liblo
from tests.helpers.daemons import PLACES, DaemonProcess, write_context

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.skipif(not liblo.HERE, reason=liblo.REASON),
]

RATES, BARS, TEMPI, METRES = (
    (44_100, 48_000),
    (4, 8, 16),
    ("87.3", "120", "174"),
    ("4/4", "3/4", "7/8"),
)


def exact_frames(bars: int, bpm: str, metre: str, rate: int) -> int:
    """round(beats * 60 / bpm * rate), half up, in exact arithmetic."""
    beats = bars * Fraction(metre) * 4
    return int(beats * 60 / Fraction(bpm) * rate + Fraction(1, 2))


@pytest.fixture(scope="module", params=PLACES)
def daemon(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DaemonProcess]:
    folder = tmp_path_factory.mktemp("daemon")
    with DaemonProcess(folder, 0, *request.param) as process:
        process.wait_ready()
        yield process


@pytest.fixture
def listener() -> Iterator[liblo.OscDump]:
    with liblo.OscDump() as dump:
        yield dump


def on_a_cluster(daemon: DaemonProcess) -> bool:
    return "--cluster" in daemon.command


def latin(combination: tuple[int, int, str, str]) -> bool:
    """A third of them, in which any two of bars, tempo and metre still meet."""
    _rate, bars, bpm, metre = combination
    return (BARS.index(bars) + TEMPI.index(bpm) + METRES.index(metre)) % 3 == 0


def ask(
    daemon: DaemonProcess,
    listener: liblo.OscDump,
    name: str,
    verb: str = "generate",
    **keys: str | int,
) -> None:
    pairs = [item for pair in (keys | {"reply_port": listener.port}).items() for item in pair]
    liblo.oscsend(daemon.port, verb, liblo.types_of(name, "liblo", *pairs), name, "liblo", *pairs)


def test_bass_for_drums_and_piano(daemon: DaemonProcess, listener: liblo.OscDump) -> None:
    """hello, generate; accepted, progress, stem, done."""
    context = write_context(daemon.folder, "drums", "piano", length_s=16.0)
    liblo.oscsend(daemon.port, "hello", "siii", "liblo", listener.port, 1, 0)
    boot_id = listener.hear("welcome")[0]
    keys = {f"context.{stem}": path for stem, path in context.items()}
    ask(daemon, listener, "session", generate="bass", bpm="120", bars=8, **keys)
    heard = listener.session("session")
    assert heard["accepted"][0] == ["session", "0", boot_id]
    fractions = [float(values[3]) for values in heard["progress"]]
    assert fractions == sorted(fractions) and fractions[-1] <= 1.0
    ((name, _seq, stem, variation, path, sha256, frames, rate, verdict),) = heard["stem"]
    assert (name, stem, variation, rate, len(sha256)) == ("session", "bass", "0", "44100", 64)
    assert soundfile.info(path).frames == int(frames) == 16 * 44_100
    assert "on_grid_share" in json.loads(verdict)
    _name, _seq, folder, count, receipt = heard["done"][0]
    assert count == "1" and Path(receipt).parent == Path(folder) == Path(path).parent
    liblo.oscsend(daemon.port, "received", "s", "session")
    liblo.oscsend(daemon.port, "status", "s", "session")
    assert listener.hear("state", about="session")[:2] == ["session", "done"]


def test_a_take_is_worked_on(daemon: DaemonProcess, listener: liblo.OscDump) -> None:
    """generate, then a bar of its bass anew; a second rework is longer; each names its parent."""
    ask(daemon, listener, "take", generate="bass,piano", bpm="120", bars=2, steps=3)
    before = listener.session("take")
    ask(daemon, listener, "bar-2", "rework", parent="take", bars="2", stems="bass")
    heard = listener.session("bar-2")
    assert heard["accepted"][0][0] == "bar-2" and heard["progress"]
    old, new = ([soundfile.read(values[4])[0] for values in one["stem"]] for one in (before, heard))
    assert (old[1] == new[1]).all() and (old[0][:80_000] == new[0][:80_000]).all()
    assert (old[0] != new[0]).any()
    receipt = json.loads(Path(heard["done"][0][4]).read_text())
    assert receipt["parent"]["request_id"] == "take"
    ask(daemon, listener, "longer", "rework", parent=heard["done"][0][2], more_bars=1)
    (stem, _) = listener.session("longer")["stem"]
    assert int(stem[6]) == 3 * 88_200 and stem[3] == "2"
    ask(daemon, listener, "no-bar", "rework", parent="take", bars="7")
    error = listener.session("no-bar")["error"][0]
    assert error[:4] == ["no-bar", "/stembridge/rework", "-101", "BAD_ARGS"]
    for name in ("take", "bar-2", "longer", "no-bar"):
        liblo.oscsend(daemon.port, "received", "s", name)


def test_every_length_is_exact_to_the_frame(daemon: DaemonProcess, listener: liblo.OscDump) -> None:
    combinations = list(itertools.product(RATES, BARS, TEMPI, METRES))
    if on_a_cluster(daemon):  # the same worker counts the frames
        combinations = list(filter(latin, combinations))
    for batch in (combinations[at : at + 9] for at in range(0, len(combinations), 9)):
        wanted = {}
        for rate, bars, bpm, metre in batch:
            name = f"{rate}-{bars}-{bpm}-{metre.replace('/', '.')}"
            wanted[name] = exact_frames(bars, bpm, metre, rate)
            ask(daemon, listener, name, generate="bass", bpm=bpm, bars=bars, time_signature=metre,
                session_rate=rate, steps=2)  # fmt: skip
        found = {}
        while len(found) < len(wanted):
            values = listener.hear("stem", "error")
            if values[0] in wanted:  # another test's final answer may still be on its way
                assert values[2] == "bass", values
                found[values[0]] = soundfile.info(values[4]).frames
        for name in wanted:
            liblo.oscsend(daemon.port, "received", "s", name)
        assert found == wanted


def test_a_tempo_sent_as_a_32_bit_float_means_its_decimal(
    daemon: DaemonProcess, listener: liblo.OscDump
) -> None:
    values = ("float", "liblo", "generate", "drums", "bpm", 87.3, "bars", 16.0, "session_rate",
              48_000, "reply_port", listener.port)  # fmt: skip
    liblo.oscsend(daemon.port, "generate", liblo.types_of(*values), *values)
    frames = int(listener.hear("stem", about="float")[6])
    assert frames == exact_frames(16, "87.3", "4/4", 48_000)
    liblo.oscsend(daemon.port, "received", "s", "float")


def test_what_is_wrong_is_said(daemon: DaemonProcess, listener: liblo.OscDump) -> None:
    ask(daemon, listener, "wrong", generate="bass", bpm="fast", bars=4)
    error = listener.session("wrong")["error"][0]
    assert error[:4] == ["wrong", "/stembridge/generate", "-101", "BAD_ARGS"]
    assert "tempo" in error[4]


@pytest.mark.weights
@pytest.mark.skipif(
    not (pretrained_dir() / "manifest.json").exists(), reason="the default model is not built in"
)
def test_the_built_in_model_answers_a_foreign_client(
    tmp_path: Path, listener: liblo.OscDump
) -> None:
    context = write_context(tmp_path, "drums", "piano", length_s=12.0)
    keys = {f"context.{stem}": path for stem, path in context.items()}
    with DaemonProcess(tmp_path, model="") as daemon:
        daemon.wait_ready()
        print(daemon.lines[-1].strip())
        for rate, bars, bpm, metre in ((44_100, 4, "87.3", "4/4"), (48_000, 4, "174", "7/8")):
            name = f"real-{rate}"
            ask(daemon, listener, name, generate="bass", bpm=bpm, bars=bars, time_signature=metre,
                session_rate=rate, **keys)  # fmt: skip
            path = listener.session(name)["stem"][0][4]
            samples, found_rate = soundfile.read(path)
            assert (found_rate, len(samples)) == (rate, exact_frames(bars, bpm, metre, rate))
            assert 1e-4 < abs(samples).max() <= 10 ** (-1 / 20) + 1e-4
            liblo.oscsend(daemon.port, "received", "s", name)
