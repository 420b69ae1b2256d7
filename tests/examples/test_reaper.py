"""REAPER's script under a real Lua, against a stub of REAPER and a real daemon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from daemons import DaemonProcess
from live_stage import free_port, write_tone

from stembridge.musical_time import beats_to_samples

pytestmark = pytest.mark.foreign

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
STUB = Path(__file__).parent / "reaper_stub.lua"
BPM = 93
BAR_S = 4 * 60 / BPM


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path_factory.mktemp("reaper"))
    process.wait_ready()
    yield process
    process.stop()


def lua(value: Any) -> str:
    """A Python value as Lua source."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {lua(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(lua(item) for item in value) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def play(folder: Path, port: int, **scene: Any) -> dict[str, list[list[str]]]:
    """Run the script once; what REAPER then holds, by kind of line."""
    base = {"bpm": BPM, "numerator": 4, "denominator": 4, "first": 4 * BAR_S, "last": 8 * BAR_S}
    (folder / "scene.lua").write_text("return " + lua(base | {"tracks": []} | scene))
    environment = {**os.environ, "STEMBRIDGE_PYTHON": sys.executable, "STEMBRIDGE_PORT": str(port)}
    command = ["lua5.4", str(STUB), str(EXAMPLES / "reaper_stembridge.lua"), "scene.lua"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    lines: dict[str, list[list[str]]] = {"item": [], "message": [], "help": [], "undo": []}
    for line in done.stdout.splitlines():
        kind, *fields = line.split("\t")
        lines[kind].append(fields)
    return lines


def drums(folder: Path, **changes: Any) -> dict[str, Any]:
    path = write_tone(folder / "d.wav", 16 * BAR_S, 180.0)
    return {"name": "Drums", "items": [{"path": path, "length": 16 * BAR_S, **changes}]}


def test_stems_land_at_the_time_selection(
    daemon: DaemonProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = daemon.folder
    tracks = [drums(folder), {"name": "Keys", "items": []}]
    result = play(folder, daemon.port, inputs="bass,guitar,Am F C G,7", tracks=tracks)
    new = {fields[0]: fields for fields in result["item"] if "stembridge" in fields[0]}
    assert set(new) == {"Bass (stembridge)", "Guitar (stembridge)"}
    frames = beats_to_samples(16, BPM, 48_000)
    for _, position, length, n_takes, path, _ in new.values():
        assert float(position) == pytest.approx(4 * BAR_S, abs=1e-9)
        assert float(length) == pytest.approx(frames / 48_000, abs=1e-9)
        info = soundfile.info(path)
        assert (info.frames, info.samplerate, n_takes) == (frames, 48_000, "1")
    assert result["undo"][-1] in (["StemBridge: insert guitar"], ["StemBridge: insert bass"])
    assert ["StemBridge: done"] in result["help"]
    assert all("on the grid" in text for (text,) in result["message"])  # remarks on the take


def test_a_second_run_adds_a_take_and_deletes_nothing(daemon: DaemonProcess) -> None:
    folder = daemon.folder
    length = beats_to_samples(16, BPM, 48_000) / 48_000
    earlier = write_tone(folder / "earlier.wav", 4 * BAR_S, 60.0)
    mine = {"path": earlier, "position": 4 * BAR_S, "length": length}
    tracks = [drums(folder), {"name": "Bass (stembridge)", "items": [mine]}]
    result = play(folder, daemon.port, inputs="bass,,8", tracks=tracks)
    (item,) = [fields for fields in result["item"] if fields[0] == "Bass (stembridge)"]
    assert item[3] == "2" and item[4] != earlier


def test_what_cannot_be_heard_is_said(daemon: DaemonProcess) -> None:
    folder = daemon.folder
    tracks = [drums(folder), drums(folder, midi=True) | {"name": "Keys"}]
    result = play(folder, daemon.port, inputs="bass,,9", tracks=tracks)
    passed_over, heard = (message[0] for message in result["message"])
    assert passed_over == "Not listened to: Keys is MIDI: render it first"
    assert heard.startswith("drums sounds like notes with a pitch")  # these drums are a tone


def test_play_rate_reaches_the_daemon_as_the_files_own_tempo(daemon: DaemonProcess) -> None:
    folder = daemon.folder
    tracks = [drums(folder, rate=1.25, offset=0.5, position=2 * BAR_S, volume=0.5)]
    result = play(folder, daemon.port, inputs="bass,,10", tracks=tracks)
    (item,) = [fields for fields in result["item"] if fields[0] == "Bass (stembridge)"]
    receipt = json.loads(Path(item[4]).with_name("receipt.json").read_text())
    (clip,) = receipt["request"]["context"]
    assert clip["source_bpm"] == pytest.approx(BPM / 1.25)
    assert (clip["timeline_start_beats"], clip["file_start_s"], clip["gain"]) == (-8, 0.5, 0.5)


def test_no_selection_no_daemon_and_a_wrong_word(daemon: DaemonProcess) -> None:
    folder = daemon.folder
    assert "Select the bars" in play(folder, daemon.port, last=4 * BAR_S)["message"][0][0]
    wrong = play(folder, daemon.port, inputs="cello,,1")
    assert "The model 'fake' knows bass" in wrong["message"][0][0]
    absent = play(folder, free_port(), inputs="bass,,1", tracks=[drums(folder)])
    assert "stembridge serve" in absent["message"][0][0] and len(absent["item"]) == 1


def test_notes_get_a_track_of_their_own(
    daemon: DaemonProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEMBRIDGE_MIDI", "1")
    folder = daemon.folder
    result = play(folder, daemon.port, inputs="bass,,11", tracks=[drums(folder)])
    new = {fields[0]: fields[4] for fields in result["item"] if "stembridge" in fields[0]}
    assert set(new) == {"Bass (stembridge)", "Bass MIDI (stembridge)"}
    assert Path(new["Bass MIDI (stembridge)"]).read_bytes()[:4] == b"MThd"
    assert result["undo"][-1] == ["StemBridge: insert bass MIDI"]


def test_notes_take_the_place_of_the_sound(
    daemon: DaemonProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEMBRIDGE_MIDI", "only")
    folder = daemon.folder
    result = play(folder, daemon.port, inputs="bass,,12", tracks=[drums(folder)])
    new = {fields[0] for fields in result["item"] if "stembridge" in fields[0]}
    assert new == {"Bass MIDI (stembridge)"}


def test_a_looped_item_is_heard_in_all_its_turns(daemon: DaemonProcess) -> None:
    folder = daemon.folder
    path = write_tone(folder / "loop.wav", 2 * BAR_S, 180.0)
    tracks = [{"name": "Drums", "items": [{"path": path, "length": 16 * BAR_S}]}]
    play(folder, daemon.port, inputs="guitar,,11", tracks=tracks)
    mine = receipt_with(folder, path)
    assert mine["request"]["context"][0]["loop"] is True
    assert mine["context"]["silent"] == []
    assert [remark["code"] for remark in mine["context"]["remarks"]] == ["pitch_unheard"]  # a tone


def receipt_with(folder: Path, path: str) -> dict[str, Any]:
    """The only receipt whose request listens to a file."""
    receipts = [json.loads(one.read_text()) for one in (folder / "out").rglob("receipt.json")]
    (mine,) = [one for one in receipts if one["request"]["context"][0]["path"] == path]
    assert isinstance(mine, dict)
    return mine


@pytest.mark.parametrize(
    ("once", "place", "beats", "start_s"),
    [(True, -14.0, 62.0, 0.0), (False, -16.0, 64.0, 1.5 * BAR_S)],
)
def test_an_item_that_begins_before_its_file(
    daemon: DaemonProcess, once: bool, place: float, beats: float, start_s: float
) -> None:
    """Half a bar before it: silence comes first, or the end of the turn before."""
    folder = daemon.folder
    path = write_tone(folder / f"early{once}.wav", 2 * BAR_S, 180.0)
    item = {"path": path, "length": 16 * BAR_S, "offset": -BAR_S / 2, "once": once}
    tracks = [{"name": "Drums", "items": [item | {"source_length": 2 * BAR_S}]}]
    play(folder, daemon.port, inputs="guitar,,11", tracks=tracks)
    (clip,) = receipt_with(folder, path)["request"]["context"]
    assert clip["timeline_start_beats"] == pytest.approx(place)
    assert clip["length_beats"] == pytest.approx(beats)
    assert clip["file_start_s"] == pytest.approx(start_s, abs=1e-6)


def test_an_item_that_ends_before_its_file_begins_is_said(daemon: DaemonProcess) -> None:
    path = write_tone(daemon.folder / "late.wav", 2 * BAR_S, 180.0)
    item = {"path": path, "length": 6 * BAR_S, "offset": -7 * BAR_S, "once": True}
    tracks = [{"name": "Drums", "items": [item]}]
    result = play(daemon.folder, daemon.port, inputs="bass,Am,1", tracks=tracks)
    assert "Drums is silent here" in result["message"][0][0]


def test_without_a_seed_each_run_draws_one_and_loops_are_asked_for(daemon: DaemonProcess) -> None:
    folder = daemon.folder
    requests = []
    for ends in ("", "repeat loop", "repeat loop 5"):
        tracks = [drums(folder)]
        result = play(folder, daemon.port, inputs=f"bass,,{ends}", tracks=tracks)
        (item,) = [fields for fields in result["item"] if fields[0] == "Bass (stembridge)"]
        request = json.loads(Path(item[4]).with_name("receipt.json").read_text())["request"]
        assert item[5] == f"bass seed {request['seed']} (stembridge)"
        requests.append(request)
    assert requests[0]["seed"] != requests[1]["seed"] and requests[2]["seed"] == 5
    assert [(r["loop"], r["loop_context"]) for r in requests] == [(False,) * 2, *[(True,) * 2] * 2]


def test_a_word_that_is_no_seed_is_refused(daemon: DaemonProcess) -> None:
    result = play(daemon.folder, daemon.port, inputs="bass,,lop")
    assert '"lop" is no seed' in result["message"][0][0]
