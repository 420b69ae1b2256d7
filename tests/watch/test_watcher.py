"""When a song is due: what is remembered, what is tried again, what is said."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from watch_bench import Bench

from stembridge.context.tempo import HeardTempo
from stembridge.errors import (
    BadArgsError,
    DiskFullError,
    NoSuchFileError,
    PathDeniedError,
    QueueFullError,
)
from stembridge.watch import songs

ALL = ["A 120bpm_drums.wav", "A 120bpm_guitar.wav", "A 120bpm_piano.wav"]


def test_nothing_is_made_twice(bench: Bench) -> None:
    bench.drop("A 120bpm/Bass.wav")
    assert bench.look() == ALL
    assert bench.look() == []
    bench.start()
    assert bench.look() == []


def test_seeds_are_drawn_for_each_song_and_a_new_draw_is_no_news(bench: Bench) -> None:
    bench.drop("A 120bpm/Bass.wav")
    assert bench.look() == ALL
    assert "seed" not in bench.client.asked[-1]  # the daemon draws it, and tells
    bench.start()
    assert bench.look() == []
    bench.start(seed=0)
    assert bench.look() == ALL and bench.client.asked[-1]["seed"] == 0


def test_the_tempo_of_a_song_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(songs, "tempo_of_files", lambda *_: HeardTempo(93.1, 62.0))
    bench.drop("A 120bpm/Bass.wav", "B/Bass.wav")
    bench.start(bpm="auto")
    assert len(bench.look()) == 6
    made = [line for line in bench.said if "making" in line]
    said = "93.1 bpm, as heard, not surely: 62 fits nearly as well."
    assert [line.rpartition(" at ")[2] for line in made] == ["120 bpm.", said]


def test_its_own_advice_helps(bench: Bench) -> None:
    folder = bench.drop("Night/Bass.wav")
    assert bench.look() == []
    assert "--bpm" in bench.said[-1]
    bench.start()  # a later run without the advice says it again
    assert bench.look() == [] and len(bench.said) == 2
    bench.start(bpm="120")
    assert len(bench.look()) == 3
    folder.rename(bench.root / "Day")
    bench.start()
    assert bench.look() == []
    (bench.root / "Day").rename(bench.root / "Day 120bpm")
    assert len(bench.look()) == 3


def test_in_one_run_a_refusal_is_said_once(bench: Bench) -> None:
    bench.drop("Night/Bass.wav")
    for _ in range(3):
        assert bench.look() == []
        assert [path.name for path in bench.refused] == ["Night"]
    assert len(bench.said) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"chords": "Am F"},
        {"seed": 1},
        {"make": ("piano",)},
        {"time_signature": "3/4"},
        {"loop": True},
        {"prompt": "dark funk"},
    ],
)
def test_new_options_are_honoured(bench: Bench, change: dict[str, Any]) -> None:
    bench.drop("A 120bpm/Bass.wav")
    bench.look()
    bench.start(**change)
    assert "A 120bpm_piano.wav" in bench.look()
    assert bench.client.asked[-1].get("prompt", "") == bench.watcher.settings.prompt
    assert bench.look() == []


def test_deleted_results_come_back(bench: Bench) -> None:
    folder = bench.drop("A 120bpm/Bass.wav")
    bench.look()
    (folder / "made" / ALL[0]).unlink()
    assert bench.look() == ALL
    shutil.rmtree(folder / "made")
    assert bench.look() == ALL


def test_a_daemon_started_anew_is_asked_again(bench: Bench) -> None:
    bench.drop("A 120bpm/Bass.wav")
    bench.client.refuse = lambda _keys: PathDeniedError("Not there.")
    bench.look()
    bench.look()
    assert len(bench.client.asked) == 1
    bench.client.refuse = lambda _keys: None
    bench.client.asynchronous.boot_id = "two"
    assert bench.look() == ALL


@pytest.mark.parametrize("error", [QueueFullError("Full."), DiskFullError("No room.")])
def test_what_passes_is_tried_again_after_a_while(
    bench: Bench, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.drop("A 120bpm/Bass.wav")
    bench.client.refuse = lambda _keys: error  # type: ignore[assignment,return-value]
    bench.look()
    assert bench.look() == [] and len(bench.client.asked) == 1
    bench.client.refuse = lambda _keys: None
    monkeypatch.setattr("stembridge.watch.watcher.time.monotonic", lambda: 1e9)
    assert bench.look() == ALL
    assert len([line for line in bench.said if "tried again" in line]) == 1


def test_one_bad_song_holds_up_no_other(bench: Bench) -> None:
    bench.drop("A/Bass.wav", "B 120bpm/Bass.wav", "C 120bpm/Bass.wav", "D 120bpm/Bass.wav")
    (bench.root / "B 120bpm" / "Bass.wav").write_bytes(b"no sound")

    def refuse(keys: dict[str, Any]) -> Exception | None:
        return BadArgsError("Odd.") if "/C 120bpm/" in keys["clips"][0]["path"] else None

    bench.client.refuse = refuse  # type: ignore[assignment]
    assert {name.split("_")[0] for name in bench.look()} == {"D 120bpm"}
    assert sorted(path.name for path in bench.refused) == ["A", "B 120bpm", "C 120bpm"]


def test_a_full_song_says_that_nothing_is_missing(bench: Bench) -> None:
    bench.drop(*(f"A 120bpm/{stem}.wav" for stem in ("bass", "drums", "guitar", "piano")))
    assert bench.look() == [] and bench.look() == []
    assert len(bench.said) == 1 and "nothing is missing" in bench.said[0]
    assert not bench.refused


def test_a_watched_folder_that_goes_is_said_and_waited_for(bench: Bench) -> None:
    bench.drop("A 120bpm/Bass.wav")
    away = bench.root.with_name("away")
    bench.root.rename(away)
    watcher = bench.start(look_s=0.0)
    with pytest.raises(NoSuchFileError, match="drive"):
        watcher.look()
    turns = iter(range(4))

    def stop() -> bool:
        turn = next(turns)
        if turn == 2:
            away.rename(bench.root)
        return turn == 3

    watcher.watch(stop)
    assert len([line for line in bench.said if "drive" in line]) == 1
    assert (bench.root / "A 120bpm" / "made" / ALL[0]).is_file()


def test_long_names_are_shortened_to_what_a_disk_takes(bench: Bench) -> None:
    name = "ä" * 121 + " 120bpm"
    bench.drop(f"{name}/Bass.wav")
    made = bench.look()
    assert len(made) == 3 and all(one.startswith("ää") for one in made)
    assert Path(bench.root / name / "made" / made[0]).is_file()
    assert bench.look() == []
