"""Words of a prompt that the lexicon lacks, read by a text encoder on the user's disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_engines import save_clap, save_t5

from stembridge.engines import engine_in, meaning
from stembridge.engines.meaning import VARIABLE, Meanings, told_meanings
from stembridge.engines.quantised import codec_in
from stembridge.errors import BadArgsError, ModelUntrustedError, NoSuchFileError, StembridgeError
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.testing import FakeModel, fake_manifest
from stembridge.words import Vocabulary, read

FUNK = Vocabulary(("funk",))


@pytest.mark.parametrize(("save", "name"), [(save_clap, "CLAP (it)"), (save_t5, "T5 (it)")])
def test_an_encoder_finds_the_phrase_itself_nearest(
    save: Callable[[Path], Path], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(save(tmp_path / "it")))
    meanings = told_meanings()
    assert meanings is not None
    assert told_meanings() is meanings  # opened once
    assert meanings.name == name
    known = ("bass drums", "dark funk", "slap piano")
    assert [meanings.nearest(phrase, known) for phrase in known] == list(known)
    assert meanings.taken["dark funk"] == ("dark funk", 1.0)
    monkeypatch.setattr(meaning, "LIKENESS", 1.1)
    assert meanings.nearest("dark funk", known) is None


def test_grammar_goes_on_with_what_was_meant() -> None:
    asked: list[str] = []

    def nearest(word: str, known: tuple[str, ...]) -> str | None:
        asked.append(word)
        assert "busy" in known
        assert not {"not", "very", "and"} & set(known)
        return "busy" if word == "swarming" else None

    reading = read("very swarming drums, zanzibar, funk", FUNK, nearest=nearest)
    assert asked == ["swarming", "zanzibar"]
    assert reading.unknown == ("zanzibar",)
    (busy,) = [said for said in reading.said if said.text == "swarming"]
    assert (busy.meaning, busy.stem, busy.strong) == ("density:more", "drums", True)
    assert busy.read_as == "busy"
    assert "swarming" in read("very swarming drums", FUNK).unknown


class _Thesaurus:
    name = "Thesaurus"

    def __init__(self) -> None:
        self.taken: dict[str, tuple[str, float]] = {}

    def nearest(self, word: str, known: tuple[str, ...]) -> str | None:
        if word != "gloomyish":
            return None
        self.taken[word] = ("dark", 0.8)
        return "dark"


def test_the_receipt_says_what_was_read_by_meaning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stembridge.pipeline.wording.told_meanings", _Thesaurus)
    asked = {"generate": ["drums"], "bpm": 120, "bars": 1, "prompt": "gloomyish xylem"}
    (stem,) = arrange(parse_request(asked), FakeModel(fake_manifest()), tmp_path)
    told = json.loads((stem.path.parent / "receipt.json").read_text())["prompt"]
    row = {"word": "gloomyish", "read_as": "dark", "likeness": 0.8}
    assert told["text_model"] == {"name": "Thesaurus", "read": [row]}
    assert told["not_understood"] == ["xylem"]
    words = [r.words for r in stem.verdict.remarks if r.code == "prompt_meant"]
    assert words == ['Thesaurus reads "gloomyish" as "dark" (0.80), which may be wrong']


def test_what_is_no_encoder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(NoSuchFileError, match=VARIABLE):
        told_meanings()
    (tmp_path / "config.json").write_text('{"model_type": "musicgen"}')
    with pytest.raises(BadArgsError, match="holds a musicgen, and no CLAP or T5"):
        Meanings(tmp_path)
    monkeypatch.delenv(VARIABLE)
    assert told_meanings() is None


@pytest.mark.parametrize("look", [engine_in, codec_in, Meanings])
def test_a_config_is_read_with_a_bound(look: Callable[[Path], object], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "t5", "x": "' + "x" * (5 << 20) + '"}')
    with pytest.raises(StembridgeError):
        look(tmp_path)
    (tmp_path / "config.json").write_text("[1, 2")
    with pytest.raises(ModelUntrustedError, match="cannot be read"):
        look(tmp_path)
