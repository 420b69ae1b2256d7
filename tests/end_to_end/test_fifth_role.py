"""A fifth role is one row of the table and a manifest that names it; nothing else is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from daemons import DaemonProcess, write_context
from live_stage import BAR_S, DEVICE_FOLDER, live_set, run_node, track, write_tone

from stembridge.client import Client
from stembridge.dataset.annotated import AnnotatedSong, save_song
from stembridge.musical_time import FOUR_FOUR
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.roles import ROLES, Role
from stembridge.testing import open_fake
from stembridge.watch import Watcher, WatchSettings

STEMS = ("bass", "drums", "guitar", "piano", "vocals")
FAKE = "fake:stems=" + "+".join(STEMS)


@pytest.fixture(autouse=True)
def fifth_role(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Role(words=("vocals", "vox", "voice"), colour=0x12AB34, programs=(52, 54))
    monkeypatch.setitem(ROLES, "vocals", row)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path_factory.mktemp("daemon"), model=FAKE)
    process.wait_ready()
    yield process
    process.stop()


def ask(**keys: Any) -> Any:
    return parse_request({"bpm": "120", "bars": 2, "steps": 2, **keys})


def test_it_is_generated_and_given(tmp_path: Path) -> None:
    files = write_context(tmp_path, "drums", "vocals")
    (made,) = arrange(
        ask(generate="vocals", **{"context.drums": files["drums"]}), open_fake(FAKE), tmp_path
    )
    assert made.stem == "vocals" and "vocals_for_drums" in made.path.parent.name
    assert np.abs(soundfile.read(made.path)[0]).max() > 0.01
    sounds = [
        soundfile.read(arrange(request, open_fake(FAKE), tmp_path)[0].path)[0]
        for request in (
            ask(generate="bass", name="alone"),
            ask(generate="bass", name="sung", **{"context.vocals": files["vocals"]}),
        )
    ]
    assert np.abs(sounds[0] - sounds[1]).max() > 0.01  # the voice is heard


def test_it_is_watched(daemon: DaemonProcess) -> None:
    song = daemon.folder / "songs" / "Blue 93bpm"
    song.mkdir(parents=True)
    for name, pitch_hz in (("Lead Vox", 330.0), ("Drums", 180.0)):
        write_tone(song / f"{name}.wav", 2 * BAR_S, pitch_hz)
    said: list[str] = []
    with Client(port=daemon.port, timeout_s=60) as client:
        made = Watcher(song.parent, WatchSettings(settle_s=0), client, said.append).look()
        assert {path.stem.rpartition("_")[2] for path in made} == {"bass", "guitar", "piano"}
        (song / "Lead Vox.wav").unlink()
        again = Watcher(song.parent, WatchSettings(settle_s=0), client, said.append).look()
    assert "vocals" in {path.stem.rpartition("_")[2] for path in again}, said


@pytest.mark.foreign
def test_the_device_in_live_makes_and_places_it(daemon: DaemonProcess, tmp_path: Path) -> None:
    from m4l.bundle import bundle
    from m4l.controls import HEIGHT, controls
    from m4l.patcher import build_patcher

    faces = [control.rect for control in controls()]
    assert all(y + height <= HEIGHT for _, y, _, height in faces)
    rows = [control.rect for control in controls() if control.name.startswith("make_")]
    assert all(one[1] + one[3] <= two[1] for one, two in pairwise(rows))
    (tmp_path / "patcher.json").write_text(json.dumps(build_patcher()), encoding="utf-8")
    script = bundle(DEVICE_FOLDER / "src", "0.0.0")
    (tmp_path / "script.js").write_text(script, encoding="utf-8")
    for name, pitch_hz in (("drums", 180.0), ("guitar", 330.0), ("keys", 440.0)):
        write_tone(daemon.folder / f"{name}.wav", 16 * BAR_S, pitch_hz)
    voice = write_tone(daemon.folder / "voice.wav", 16 * BAR_S, 260.0)
    live = live_set(daemon.folder)
    live["tracks"].append({"name": "Lead Vox", "clips": [{"path": voice, "name": "voice"}]})
    for click, heard in (("make_vocals", "drums guitar piano"), ("make_bass", "vocals")):
        config = {
            "port": daemon.port, "folder": str(tmp_path), "set": live, "clicks": [click],
            "patcher": str(tmp_path / "patcher.json"), "script": str(tmp_path / "script.js"),
        }  # fmt: skip
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        result = run_node("makeAndWait", tmp_path / "config.json", {})
        stem = click.removeprefix("make_")
        placed = track(result, f"{stem.capitalize()} (stembridge)")
        assert placed["color"] == ROLES[stem].colour
        (clip,) = placed["clips"]
        receipt = json.loads(Path(clip["path"]).with_name("receipt.json").read_text())
        given = {one["stem"] for one in receipt["request"]["context"]}
        assert receipt["request"]["generate"] == [stem] and set(heard.split()) <= given


def test_it_is_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from stembridge.cli import main

    rate, rng = 22_050, np.random.default_rng(0)
    for number in range(2):
        noise = rng.standard_normal((len(STEMS), 8 * rate)) * 0.1
        pulse = (np.arange(8 * rate) % (rate // 2)) < 2000
        audio = (noise * pulse).astype(np.float32)
        song = AnnotatedSong(f"s{number}", audio, rate, 120.0, FOUR_FOUR, stems=STEMS)
        save_song(song, tmp_path / "songs")
    words = ["--songs", "2", "--data", str(tmp_path / "songs"), "--out", str(tmp_path / "report")]
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *words, "--model", FAKE, "--cpu", "--steps", "2"])
    assert ended.value.code in (0, None)
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert set(report["stems"]) == set(STEMS)
    assert report["stems"]["vocals"]["generated"]["onsets_per_s"]["mean"] > 0
    assert "vocals" in (tmp_path / "report" / "report.html").read_text()
