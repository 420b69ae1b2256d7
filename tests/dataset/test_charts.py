"""Charts: read from Billboard's text, packed, and drawn from."""

from __future__ import annotations

import tarfile
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from stembridge.dataset.billboard import parse_chart, read_billboard
from stembridge.dataset.charts import charts, from_line, pack, to_line, unpack
from stembridge.dataset.material import write_material
from stembridge.dataset.theory import QUALITIES
from stembridge.errors import NoSuchFileError

ENTRY = """# title: A Song
# artist: Somebody
# metre: 4/4
# tonic: G

0.0	silence
1.0	A, intro, | G:maj | C:maj/3 D:7 |, (guitar)
5.0	B, verse, | E:min7 . . A:hdim7 | (2/4) G:maj | N | Bb:5 |
13.0	| G:maj | x2, voice)
17.0	A, outro, | G:maj | C:maj D:7 |
21.0	end
"""


def test_an_entry_becomes_a_chart_above_its_tonic() -> None:
    chart = parse_chart(ENTRY)
    assert chart is not None
    assert chart.metre == "4/4"
    assert chart.form == "ABA"
    assert chart.sections["A"] == (((0, "maj"),), ((5, "maj"), (7, "7")))
    # The bar in 2/4 and the one without a chord are left out; "." goes on; x2 repeats.
    assert chart.sections["B"] == (
        ((9, "min7"), (9, "min7"), (9, "min7"), (2, "m7b5")),
        ((3, "maj"),),
        ((0, "maj"),),
        ((0, "maj"),),
    )
    assert chart.bpm == pytest.approx(120)


def test_twelve_eighths_are_two_bars_of_six() -> None:
    chart = parse_chart(ENTRY.replace("4/4", "12/8"))
    assert chart is not None
    assert chart.metre == "6/8"
    assert chart.sections["A"] == (((0, "maj"),), ((0, "maj"),), ((5, "maj"),), ((7, "7"),))


@pytest.mark.parametrize("text", ["", ENTRY.replace("4/4", "7/4"), ENTRY.split("0.0")[0]])
def test_what_cannot_be_played_is_no_chart(text: str) -> None:
    assert parse_chart(text) is None


def test_a_song_in_two_entries_is_in_one_split_without_its_name(tmp_path: Path) -> None:
    other = ENTRY.replace("Bb:5", "Bb:min").replace("# title: A Song", "# title: a song")
    with ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("B/0001/salami_chords.txt", ENTRY)
        archive.writestr("B/0002/salami_chords.txt", other)
        archive.writestr("B/0003/salami_chords.txt", ENTRY)
    found = read_billboard(tmp_path / "b.zip")
    assert len(found) == 2
    assert len({chart.split for chart in found}) == 1
    assert unpack(pack(found)) == tuple(found)
    assert "Song" not in to_line(found[0])
    assert from_line(to_line(found[0])) == found[0]


def test_the_shipped_charts_can_be_played() -> None:
    train, held_out = charts("train"), charts("held-out")
    assert len(train) > 500
    assert len(held_out) > 60
    for chart in (*train, *held_out):
        assert set(chart.form) == set(chart.sections)
        for bars in chart.sections.values():
            assert all(0 <= root < 12 and q in QUALITIES for bar in bars for root, q in bar)


def test_an_excerpt_has_the_asked_bars_and_says_their_sections() -> None:
    chart = parse_chart(ENTRY)
    assert chart is not None
    bars, parts = chart.excerpt(np.random.default_rng(1), 11)
    assert len(bars) == 11
    assert sum(n for _, n in parts) == 11
    letter, n_bars = parts[0]
    assert bars[:n_bars] == list(chart.sections[letter][:n_bars])


def test_charts_are_read_from_zips_tapes_and_folders(tmp_path: Path) -> None:
    home = tmp_path / "McGill" / "0001"
    home.mkdir(parents=True)
    (home / "salami_chords.txt").write_text(ENTRY)
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as tape:
        tape.add(home)
    with ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("B/0001/salami_chords.txt", ENTRY)
    charts = [read_billboard(tmp_path / name) for name in ("McGill", "b.tar.gz", "b.zip")]
    assert charts[0] == charts[1] == charts[2]
    assert len(charts[0]) == 1


def test_what_is_no_archive_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "g.zip").write_bytes(b"no")
    with pytest.raises(NoSuchFileError, match="not a zip file"):
        write_material(tmp_path / "g.zip", tmp_path, tmp_path)
    with ZipFile(tmp_path / "g.zip", "w") as archive:
        archive.writestr("info.csv", "")
    for billboard, words in ((tmp_path / "g.zip", "no salami"), (tmp_path / "gone", "gone")):
        with pytest.raises(NoSuchFileError, match=words):
            write_material(tmp_path / "g.zip", billboard, tmp_path)
