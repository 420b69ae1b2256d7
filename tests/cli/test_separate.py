"""`stembridge separate`, on the closed-form model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from stembridge.cli import main
from tests.helpers.mixes import four_tones

FAKE = ("--model", "fake:hears=mix", "--cpu")


def separate(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = 0
    try:
        main(["separate", *words])
    except SystemExit as ended:
        status = int(ended.code or 0)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


@pytest.fixture
def mix(tmp_path: Path) -> Path:
    path = tmp_path / "mix.wav"
    soundfile.write(path, four_tones(22_050, 1.0).sum(0).T, 22_050)
    return path


def test_people_read_what_it_found_and_what_it_doubts(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = separate(capsys, str(mix), "--out", str(tmp_path / "out"), *FAKE)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("note: the mix lasts only 1 s")
    assert sum("mix_" in line and "of the mix's power" in line for line in lines) >= 4
    assert lines[-1].startswith("1.0 s of sound in ")
    assert out.count("lasts only") == 1


def test_programs_read_one_object(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (str(mix), "--out", str(tmp_path / "out"), "--stems", "drums", "--json", *FAKE)
    status, out, _ = separate(capsys, *words)
    told = json.loads(out)
    assert status == 0 and [stem["stem"] for stem in told["stems"]] == ["drums", "rest"]
    assert all(Path(stem["path"]).is_file() for stem in told["stems"])
    assert Path(told["receipt"]).is_file() and told["seconds"] > 0


def test_what_cannot_be_done_is_a_sentence(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = str(tmp_path / "gone.wav")
    status, _, err = separate(capsys, gone, "--out", str(tmp_path), *FAKE)
    assert status == 2 and "gone.wav" in err and "NO_SUCH_FILE" in err
    status, _, err = separate(capsys, str(mix), "--method", "dirac", *FAKE)
    assert status == 2 and "waveform model" in err
