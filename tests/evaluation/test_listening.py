"""The listening page: what it holds and hides, in a browser, and what comes of the answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import needs_chromium, title_in_browser

from stembridge.audio.loudness import integrated_loudness
from stembridge.errors import NoSuchFileError
from stembridge.evaluation.listening import (
    DULL,
    GIVEN,
    KEY,
    MADE,
    SHUFFLED,
    TRUE,
    Clip,
    dull,
    ratings,
    ready,
    write_listening,
)
from tests.evaluation.test_command import evaluate, save_songs

RATE = 22_050
NOISE = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
SYSTEMS = (MADE, TRUE, SHUFFLED, DULL)


def written(folder: Path) -> tuple[str, dict[str, Any]]:
    clips = [
        Clip(part, song, system, ("bass",), NOISE * 0.01 * (1 + song), RATE)
        for part in ("total", "partial")
        for song in range(3)
        for system in SYSTEMS
    ]
    page = write_listening(clips, folder, "a model </script>", seed=0)
    return page.read_text(encoding="utf-8"), json.loads((folder / KEY).read_text())


def test_the_page_needs_nothing_and_tells_nothing(tmp_path: Path) -> None:
    text, key = written(tmp_path)
    assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"data:[^\"]*", "", text))
    assert len(key["clips"]) == text.count("data:audio/ogg") == 24
    assert sorted({one["system"] for one in key["clips"].values()}) == sorted(SYSTEMS)
    for word in (*SYSTEMS, "a model"):
        assert f'"{word}"' not in re.sub(r'"made": ', "", text)
    assert all(f'"{name}"' in text for name in key["clips"])


def test_songs_become_clips_of_one_loudness(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_songs(tmp_path / "songs")
    words = ["--listening", "2", "--data", str(tmp_path / "songs"), "--steps", "1"]
    assert evaluate(*words, "--model", "fake:stems=bass+drums", "--out", str(tmp_path / "out")) == 0
    key = json.loads((tmp_path / "out" / KEY).read_text())
    found = [(one["part"], one["song"], one["system"]) for one in key["clips"].values()]
    assert len(found) == len(set(found)) == 16
    assert ("total", 0, DULL) in found and ("partial", 1, GIVEN) in found
    assert "listening.html" in capsys.readouterr().out


def test_clips_are_as_loud_as_each_other_and_dull_ones_lack_their_treble() -> None:
    levels = [integrated_loudness(ready(NOISE * gain, RATE), RATE) for gain in (0.01, 0.2)]
    assert levels == pytest.approx([-20.0, -20.0], abs=0.5)
    power = np.abs(np.fft.rfft(dull(NOISE, RATE))) ** 2
    assert power[7000:].sum() < 1e-6 * power[:3500].sum()


def test_marks_are_told_by_system_and_foreign_files_left_out(tmp_path: Path) -> None:
    _, key = written(tmp_path)
    values = {MADE: 6, TRUE: 9, SHUFFLED: 2, DULL: 4}
    for listener in range(2):
        told = [
            {"clip": name, "question": "quality", "value": values[one["system"]] + listener}
            for name, one in key["clips"].items()
        ]
        answer = {"test": key["test"], "listener": str(listener), "ratings": told}
        (tmp_path / f"listener {listener}.json").write_text(json.dumps(answer))
    (tmp_path / "other.json").write_text(json.dumps({"test": "another", "ratings": told}))
    for number, odd in enumerate((b"[1]", b"{bad", b"\xff\xfe", b'{"test": 1}', b"[" * 5000)):
        (tmp_path / f"odd {number}.json").write_bytes(odd)
    for value in (11, True, "9", None):
        worse = [{**told[0], "value": value}]
        text = json.dumps({"test": key["test"], "ratings": worse})
        (tmp_path / f"mark {value}.json").write_text(text)
    said: list[str] = []
    found = ratings(tmp_path, said.append)
    assert len(said) == 10
    assert found["total"]["quality"][MADE]["mean"] == 6.5
    assert found["partial"]["quality"][TRUE]["n"] == 6
    with pytest.raises(NoSuchFileError, match="writes it"):
        ratings(tmp_path / "nowhere")


PROBE = """<script>addEventListener('load', async () => {
  const key = (name, target) => target.dispatchEvent(
    new KeyboardEvent('keydown', {key: name, bubbles: true, cancelable: true}));
  const run = async (who) => {
    document.getElementById('listener').value = who;
    document.querySelector('form').requestSubmit();
    const seen = [];
    while (document.getElementById('next')) {
      const audio = [...document.querySelectorAll('audio')];
      await Promise.all(audio.map((one) => one.readyState ? 0
        : new Promise((done) => { one.onloadedmetadata = done; })));
      seen.push(audio.map((one) => one.duration.toFixed(1)).join(' '));
      const next = document.getElementById('next'), was = next.disabled;
      [...document.querySelectorAll('input[type=range]')].forEach(
        (one, i) => { one.focus(); key(String(i % 10), one); });
      seen.push(`${was} ${next.disabled}`);
      next.click();
    }
    const told = JSON.parse(document.getElementById('answers').value);
    return {seen, told};
  };
  const results = [];
  for (const who of ['Ann', 'Bob', 'Ann']) {
    results.push(await run(who)); localStorage.clear(); marks.clear(); start();
  }
  document.title = JSON.stringify(results);
})</script>"""


@pytest.mark.foreign
@needs_chromium
def test_a_listener_goes_through_it_by_keyboard(tmp_path: Path) -> None:
    """Chromium, headless: three listeners, the third being the first again."""
    text, key = written(tmp_path)
    page = tmp_path / "page.html"
    page.write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    title = title_in_browser(page, tmp_path / "profile", budget_ms=60_000, timeout_s=240)
    ann, bob, again = json.loads(title)
    assert len(ann["seen"]) == 12
    assert set(ann["seen"]) == {"1.0 1.0 1.0 1.0", "true false"}
    told = [[(one["clip"], one["question"]) for one in who["told"]["ratings"]]
            for who in (ann, bob, again)]  # fmt: skip
    assert told[0] == told[2] != told[1]
    assert sorted(told[0]) == sorted(told[1])
    assert {one["clip"] for one in ann["told"]["ratings"]} == set(key["clips"])
    assert [one["value"] for one in ann["told"]["ratings"][:8]] == [10, 1, 2, 3, 4, 5, 6, 7]
    assert (ann["told"]["test"], ann["told"]["listener"]) == (key["test"], "Ann")
