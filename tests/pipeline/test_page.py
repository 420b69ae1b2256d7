"""A take's page: complete, offline, and safe whatever files are called."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile
from browser import needs_chromium, title_in_browser

from stembridge.pipeline.page import PAGE_NAME
from stembridge.pipeline.rework import rework
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request, parse_rework
from stembridge.runtime.manifest import NoteReaderEntry
from stembridge.testing import FakeModel, fake_manifest

READERS = {"piano": NoteReaderEntry(file="fake", lowest=60, threshold=0.5)}


class Elements(HTMLParser):
    """All elements with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def made(tmp_path: Path, **more: Any) -> tuple[Path, str]:
    tmp_path.mkdir(exist_ok=True)
    odd = tmp_path / "a'b <i>&.wav"
    soundfile.write(odd, np.zeros(44100), 44100)
    told = {"generate": "bass,piano", "bpm": "120", "bars": 2, "steps": 2, "chords": "Am F"}
    told |= {"context": [{"stem": "drums", "path": str(odd)}], "midi": True}
    model = FakeModel(fake_manifest(note_readers=READERS))
    folder = arrange(parse_request(told | more), model, tmp_path / "out")[0].path.parent
    return folder, (folder / PAGE_NAME).read_text()


def test_everything_is_there_and_nothing_is_fetched(tmp_path: Path) -> None:
    folder, text = made(tmp_path, variations=2)
    page = Elements(text)
    sources = [str(audio["src"]) for audio in page.of("audio")]
    assert len(sources) == 5  # the context, and two stems of two takes
    assert all((folder / name).is_file() for name in sources[1:])
    assert sources[0].startswith("file:///")
    assert not re.search(r"https?://", text)
    assert len(page.of("svg")) == 4
    assert len(page.of("rect")) > 4  # notes of the piano
    assert "Chords: Am" in page.words
    assert f"--receipt {folder / 'receipt.json'}" in page.words
    assert str(page.of("a")[0]["href"]).endswith(".mid")
    assert not page.of("i")  # the odd file name is no markup


def test_a_take_worked_on_names_its_parent_and_plays_it_for_comparison(tmp_path: Path) -> None:
    folder, _ = made(tmp_path)
    model = FakeModel(fake_manifest(note_readers=READERS))
    wish = parse_rework({"parent": str(folder), "octaves": 1, "stems": "piano", "bars": "1-2"})
    home = rework(wish, model, tmp_path / "b")[0].path.parent
    page = Elements((home / PAGE_NAME).read_text())
    assert "worked on from take 1 of" in page.words
    assert "stems piano; bars 1-2; octaves 1" in page.words
    assert "Take 1, before" in page.words and "Take 2" in page.words
    sources = [unquote(str(audio["src"])) for audio in page.of("audio")][1:]
    assert len(sources) == 4 and all((home / source).is_file() for source in sources)
    (link, *_) = page.of("a")
    assert (home / unquote(str(link["href"]))).resolve() == folder / PAGE_NAME


@pytest.mark.foreign
@needs_chromium
def test_a_browser_plays_it(tmp_path: Path) -> None:
    """Chromium, headless: its own parser, its script engine, its media element."""
    folder, text = made(tmp_path)
    probe = """<script>addEventListener('load', async () => {
      const audio = document.querySelector('.stem audio');
      await new Promise(done => audio.readyState ? done() : audio.onloadedmetadata = done);
      document.title = `${audio.duration.toFixed(2)} s ${document.querySelectorAll('svg').length}`;
    })</script>"""
    (folder / PAGE_NAME).write_text(text + probe)
    title = title_in_browser(
        folder / PAGE_NAME, tmp_path / "profile", budget_ms=5000, timeout_s=120
    )
    assert title == "4.00 s 2"


def test_prompts_and_folders_are_never_markup(tmp_path: Path) -> None:
    evil = "x'\"><script>alert(1)</script><img src=x onerror=alert(1)>"
    home = tmp_path / evil.replace("/", "_")
    _, text = made(home, prompt=evil, negative_prompt=evil)
    page = Elements(text)
    assert evil in page.words and "onerror=alert(1)>/out/" in page.words
    assert len(page.of("script")) == 1 and not page.of("img")
    assert not [name for _, given in page.found for name in given if name.startswith("on")]
