"""`stembridge arrange`, on the closed-form model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile

from stembridge.cli import main
from stembridge.cli import takes as takes_module
from stembridge.cli.shared import device_word, open_maker, open_model
from stembridge.errors import BadArgsError, NoSuchFileError

FAKE = ("--model", "fake:", "--cpu")


@pytest.fixture
def drums(tmp_path: Path) -> Path:
    t = np.arange(4 * 44100) / 44100
    noise = np.random.default_rng(0).standard_normal(t.size)
    soundfile.write(tmp_path / "drums.wav", 0.2 * noise * np.exp(-((t * 2) % 1) * 12), 44100)
    return tmp_path / "drums.wav"


def arrange(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = 0
    try:
        main(["arrange", *words])
    except SystemExit as ended:
        status = int(ended.code or 0)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def base(out: Path, *words: str) -> tuple[str, ...]:
    return ("--generate", "bass", "--bpm", "120", "--bars", "2", "--steps", "4", "--seed", "0",
            "--out", str(out), *FAKE, *words)  # fmt: skip


def test_it_ends_by_saying_where_the_stems_lie(
    drums: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = arrange(capsys, *base(tmp_path / "out", "--context", f"drums={drums}"))
    assert (status, err) == (0, "")
    folder = re.fullmatch(r"The stems lie in (.+)", out.strip().splitlines()[-1])
    assert folder is not None
    files = sorted(path.name for path in Path(folder[1]).iterdir())
    assert files == ["2bars_120bpm_bass_seed0_take1.wav", "receipt.json", "take.html", "take1.npz"]
    assert soundfile.info(Path(folder[1]) / files[0]).frames == 4 * 44100
    assert "on the sixteenth grid" in out and "LU to the context" in out


def test_json_is_one_object_and_nothing_else(
    drums: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = base(tmp_path, "--context", f"drums={drums}", "--variations", "2", "--rate", "48000",
                 "--name", "song", "--json")  # fmt: skip
    status, out, err = arrange(capsys, *words)
    said = json.loads(out)
    assert (status, err) == (0, "")
    assert [stem["variation"] for stem in said["stems"]] == [0, 1]
    for stem in said["stems"]:
        info = soundfile.info(stem["path"])
        assert info.frames == stem["frames"] == 192_000
        assert info.samplerate == stem["rate"] == 48_000
        assert set(stem["verdict"]) >= {"on_grid_share", "onset_offset_ms", "warnings"}
    assert Path(said["receipt"]).is_file() and Path(said["folder"]).name.startswith("song_")


def test_total_generation_needs_no_context(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--generate", "bass,drums,guitar,piano", "--bpm", "87.3", "--bars", "1",
             "--time-signature", "7/8", "--out", str(tmp_path), *FAKE, "--json"]  # fmt: skip
    stems = json.loads(arrange(capsys, *words)[1])["stems"]
    assert [stem["stem"] for stem in stems] == ["bass", "drums", "guitar", "piano"]
    assert {stem["frames"] for stem in stems} == {round(3.5 * 60 / 87.3 * 44100)}


def test_every_option_reaches_the_request(
    drums: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = base(tmp_path, "--context", f"drums={drums}", "--seed", "7", "--sampler", "heun",
                 "--guidance", "1.5", "--no-grid", "--float", "--chords", "Am F",
                 "--json")  # fmt: skip
    status, out, _ = arrange(capsys, *words)
    assert status == 0
    request = json.loads(Path(json.loads(out)["receipt"]).read_text())["request"]
    assert request["context"][0]["path"] == str(drums)
    assert (request["seed"], request["sampler"], request["steps"]) == (7, "heun", 4)
    assert (request["guidance"], request["use_grid"]) == (1.5, False)
    assert request["sample_format"] == "float"
    assert [chord["symbol"] for chord in request["chords"]] == ["Am", "F"]


def test_chords_come_from_a_midi_file_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = mido.MidiFile()
    track = mido.MidiTrack()
    file.tracks.append(track)
    for chord in ((57, 60, 64), (53, 57, 60)):
        track += [mido.Message("note_on", note=note, velocity=80) for note in chord]
        for i, note in enumerate(chord):
            track.append(mido.Message("note_off", note=note, time=4 * 480 if i == 0 else 0))
    file.save(tmp_path / "chords.mid")
    words = base(tmp_path, "--chords", str(tmp_path / "chords.mid"), "--json")
    status, out, _ = arrange(capsys, *words)
    assert status == 0
    chords = json.loads(Path(json.loads(out)["receipt"]).read_text())["request"]["chords"]
    assert [(chord["start_beats"], chord["root"]) for chord in chords] == [(0.0, 9), (4.0, 5)]


def test_a_receipt_makes_the_same_bytes_again(
    drums: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = base(tmp_path / "a", "--context", f"drums={drums}", "--seed", "3", "--json")
    first = json.loads(arrange(capsys, *words)[1])
    again = ["--receipt", first["receipt"], "--out", str(tmp_path / "b"), *FAKE]
    second = json.loads(arrange(capsys, *again, "--json")[1])
    assert second["identical"] is True and second["differences"] == []
    assert second["stems"][0]["sha256"] == first["stems"][0]["sha256"]
    assert "The same bytes as in the receipt." in arrange(capsys, *again)[1]


def test_a_receipt_of_another_model_is_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = json.loads(arrange(capsys, *base(tmp_path / "a", "--json"))[1])
    path = Path(first["receipt"])
    receipt = json.loads(path.read_text())
    receipt["stems"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(receipt))
    again = ["--receipt", str(path), "--out", str(tmp_path / "b"), *FAKE]
    assert "take 1 of bass differs" in arrange(capsys, *again)[1]
    receipt["model"] |= {"artifact_sha256": "f" * 64, "name": "older"}
    path.write_text(json.dumps(receipt))
    said = json.loads(arrange(capsys, *again, "--json")[1])
    assert said["identical"] is False and "another model (older)" in said["differences"][1]


def test_a_human_at_a_terminal_sees_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takes_module, "is_terminal", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    status, out, err = arrange(capsys, *base(tmp_path))
    assert status == 0
    assert "take 1: write" in err
    assert err.replace("\n", "").count("ready: ") == 1
    assert "The stems lie in" in out


@pytest.mark.parametrize(
    ("words", "symbol"),
    [
        (("--context", "drums.wav"), "BAD_ARGS"),
        (("--context", "drums="), "BAD_ARGS"),
        (("--context", "drums=missing.wav"), "NO_SUCH_FILE"),
        (("--context", "drums=/"), "NO_SUCH_FILE"),
        (("--context", "bass=x.wav"), "BAD_ARGS"),
        (("--context", "vocals=x.wav"), "BAD_ARGS"),
        (("--timbre", "bass"), "BAD_ARGS"),
        (("--style", "polka"), "BAD_ARGS"),
        (("--chords", "Q7"), "BAD_ARGS"),
        (("--chords", "missing.mid"), "NO_SUCH_FILE"),
        (("--bars", "1e9"), "BAD_ARGS"),
        (("--bpm", "nan"), "BAD_ARGS"),
        (("--gpu", "0"), "BAD_ARGS"),
        (("--receipt", "missing.json"), "NO_SUCH_FILE"),
        (("--out", "/dev/null/x"), "CREATE_FAILED"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    words: tuple[str, ...], symbol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = arrange(capsys, *base(tmp_path), *words)
    assert status == 2 and out == ""
    assert re.fullmatch(rf"stembridge: .+\. \[{symbol} -\d+\]\n", err, re.DOTALL), err


def test_a_silent_take_is_printed_without_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from stembridge.testing import FakeModel

    monkeypatch.setattr(
        FakeModel, "decode", lambda _self, _stem, z: np.zeros((1, z.shape[-1] * 512), np.float32)
    )
    out = arrange(capsys, *base(tmp_path))[1]
    assert (
        "take1.wav: 4.00 s, seed 0\n" in out
        and "note: silent: nothing is played in these bars. Another seed may play" in out
    )


def test_the_device_word() -> None:
    assert (device_word(None, False), device_word(2, False), device_word(None, True)) == (
        "auto", "cuda:2", "cpu",
    )  # fmt: skip
    with pytest.raises(BadArgsError):
        device_word(0, True)


def test_a_model_folder_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError):
        open_model(str(tmp_path), "cpu")


def test_the_default_model_is_the_built_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "stembridge.runtime.load.load_model",
        lambda folder, device, threads: asked.append((folder, device)),
    )
    open_model(None, "auto")
    assert asked == [(None, "auto")]


def test_again_gives_another_take_and_its_receipt_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for word in base(tmp_path) if word not in ("--seed", "0")]
    first, second = (json.loads(arrange(capsys, *words, "--json")[1]) for _ in range(2))
    seeds = [made["stems"][0]["seed"] for made in (first, second)]
    assert seeds[0] != seeds[1]
    assert first["stems"][0]["sha256"] != second["stems"][0]["sha256"]
    words = ("--receipt", first["receipt"], "--out", str(tmp_path / "again"), *FAKE, "--json")
    assert json.loads(arrange(capsys, *words)[1])["identical"]


def test_a_models_folder_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("stembridge.engines.engine_in", asked.append)
    with pytest.raises(NoSuchFileError, match="no model"):
        open_maker(str(tmp_path), "cpu")
    assert asked == [tmp_path]


def test_what_is_given_twice_for_a_stem_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = ("--prompt-for", "bass=slap", "--prompt-for", "Bass=upright")
    status, _, err = arrange(capsys, *base(tmp_path, *twice))
    assert status == 2
    assert "--prompt-for is given twice for bass. Give it once, with everything." in err
