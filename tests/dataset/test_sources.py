"""What the model is made from: one table, the same in a README, and what of it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from stembridge.dataset.kit_build import entries
from stembridge.dataset.sources import GROOVE, require_sources, sources, sources_table
from stembridge.errors import NoSuchFileError

ROOT = Path(__file__).parents[2]


def test_the_readme_holds_the_table() -> None:
    readme = ROOT / "stembridge" / "training" / "README.md"
    assert sources_table(sources()) in readme.read_text(encoding="utf-8")


def test_every_library_has_its_source_under_its_licence() -> None:
    by_name = {source.name: source for source in sources()}
    for entry in entries():
        source = by_name[entry.library]
        assert source.licence == entry.licence
        if not source.package:
            assert source.held_out == entry.held_out
    assert all(source.sha256 or source.commit or source.package for source in by_name.values())


def test_a_library_is_there_when_all_its_instruments_are(tmp_path: Path) -> None:
    yamaha = next(source for source in sources() if source.name == "electric-bass-YR")
    files = [tmp_path / e.library / e.sfz for e in entries() if e.library == yamaha.name]
    assert len(files) == 2
    for file in files:
        assert not yamaha.is_in(tmp_path)
        file.parent.mkdir(exist_ok=True)
        file.touch()
    assert yamaha.is_in(tmp_path)


def test_what_is_missing_is_refused_or_told_and_another_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / GROOVE).write_bytes(b"cut short")
    with pytest.raises(NoSuchFileError) as caught:
        require_sources(tmp_path, False, print)
    sentence = caught.value.sentence
    assert "--some" in sentence
    assert "git clone --depth 1 https://github.com/freepats/upright-piano-KW" in sentence
    assert GROOVE not in sentence
    told: list[str] = []
    require_sources(tmp_path, True, told.append)
    assert "another than ours" in told[0]
    assert told[1].startswith(f"{GROOVE} is another file than the one that was used (SHA-256 ")
