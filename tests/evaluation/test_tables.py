"""`evaluate --subsets --separation`: what is measured, beside what, and what it is called."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.errors import BadArgsError, ModelUntrustedError, NoSuchFileError
from stembridge.evaluation.embedding_file import Embedding, told_embedding
from stembridge.evaluation.heldout import length_for, song_for, sounds_throughout
from stembridge.evaluation.pairs import FEATURES
from stembridge.evaluation.published import SECONDS, SEPARATION, SUB_FAD, SUBSETS
from stembridge.evaluation.subset_figures import label
from stembridge.evaluation.subsets import subsets_of
from stembridge.evaluation.tables import separation_table, subset_tables
from stembridge.evaluation.tables_page import (
    as_text,
    separation_pictures,
    subset_pictures,
    tables_page,
)
from stembridge.musical_time import TimeSignature
from stembridge.testing import fake_manifest, hearing_manifest
from tests.evaluation.test_command import evaluate, save_songs

FOUR = ("bass", "drums", "guitar", "piano")


def test_both_tables_in_one_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_songs(tmp_path / "songs")
    words = ["--subsets", "--separation", "--data", str(tmp_path / "songs"), "--steps", "1"]
    model = "fake:hears=mix,stems=bass+drums"
    assert evaluate(*words, "--model", model, "--out", str(tmp_path / "out")) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    subsets = report["subsets"]
    assert list(subsets["mixes"]) == ["B", "D", "all"]
    assert set(subsets["seconds"]["all"]) == {"wall", "cpu"}
    assert subsets["distance"] == "Fréchet distance (timbre12)"
    onsets = subsets["pairs"]["B"]["onsets"]
    assert set(onsets) == {"made", "true", "another song's"}
    assert set(report["separation"]) == {"mask", "ceiling"}
    shown = capsys.readouterr().out
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for text in (shown, page):
        assert "timbre12 (ours)" in text and "pair3" in text and "SI-SDR improvement" in text
        assert "FAD (timbre12)" not in text
    assert not re.search(r"https?://", page)
    pictures = [path.stem for path in (tmp_path / "out").glob("*.png")]
    assert {"subsets", "separation"} < set(pictures)
    assert page.count("data:image/png;base64,") == len(pictures)


def test_published_rows_stand_beside_those_of_the_papers_four_stems() -> None:
    three = {"made": 2.5, "true": 0.9, "another song's": 0.1, "codec alone": 1.25}
    pair = {"apa": 0.5, **dict.fromkeys((*FEATURES, "beats"), three)}
    names = (*SUBSETS, "all")
    figures = {
        "songs": 3, "vectors": 36, "embedding": "toy", "distance": "Fréchet distance (toy)",
        "true_halves": 5.0, "mixes": dict.fromkeys(names, three), "mean_of_partial": three,
        "stems": dict.fromkeys(FOUR, three), "pairs": dict.fromkeys(names, pair),
        "seconds": {name: {"wall": 1.0, "cpu": 2.0} for name in names},
    }  # fmt: skip
    separated = {"mask": {"stems": dict.fromkeys(FOUR, 7.5), "mean": 7.5, "windows": 4,
                          "seconds_per_minute": 20.0}}  # fmt: skip
    tables = [*subset_tables(figures, FOUR), separation_table(separated, FOUR, 3)]
    shown = "\n".join(map(as_text, tables))
    page = tables_page("x", {}, tables, {})
    for text in (shown, page):
        assert "MSLDM paper, table 2 (FAD with VGGish), Slakh2100" in text
        assert "GMSDI paper, table 2" in text and "RTX A6000" in text
    ours, theirs = "<td>2.50</td>", "<td class=theirs>1.79</td>"
    assert ours in page and theirs in page and "<td class=theirs>2.50</td>" not in page
    (row,) = re.findall(r"<tr><td>BG</td>(.*?)</tr>", page)[:1]
    assert re.findall(r"<td class=theirs>(.*?)</td>", row) == ["0.75", "1.14", "0.81", "0.49"]
    pictures = subset_pictures(figures, FOUR) | separation_pictures(separated, FOUR)
    assert {"subsets_published", "separation_published"} < set(pictures)
    assert all(png.startswith(b"\x89PNG") for png in pictures.values())
    two = [table.head for table in subset_tables(figures, ("bass", "drums"))]
    assert "MSDM" not in two[0]


def test_a_model_of_mixtures_has_its_total_and_no_separation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_songs(tmp_path / "songs")
    words = ["--subsets", "--separation", "--data", str(tmp_path / "songs"), "--steps", "1"]
    assert evaluate(*words, "--model", "fake:stems=mixture", "--out", str(tmp_path / "out")) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert list(report["subsets"]["mixes"]) == ["all"]
    assert report["subsets"]["pairs"] == {}
    assert "cannot take a mix apart" in report["separation"]["refused"]
    assert "No separation" in capsys.readouterr().err


def test_songs_in_which_a_stem_rests_are_left_out_aloud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_songs(tmp_path / "songs")
    audio = np.load(tmp_path / "songs" / "song1.npy")
    audio[2] = 0
    np.save(tmp_path / "songs" / "song1.npy", audio)
    words = ["--subsets", "--data", str(tmp_path / "songs"), "--steps", "1"]
    words += ["--model", "fake:stems=guitar+piano"]
    assert evaluate(*words, "--out", str(tmp_path / "out")) == 2
    assert "Only 1 of 2 songs have all of" in capsys.readouterr().err.replace("\n", " ")


def test_subsets_are_named_by_initials_where_these_differ() -> None:
    assert [label(one, FOUR) for one in subsets_of(FOUR)] == [*SUBSETS, "all"]
    alike = ("bass", "banjo", "drums")
    assert label(("bass", "banjo"), alike) == "bass+banjo"


def test_clips_are_one_window_where_that_is_about_twelve_seconds() -> None:
    long = fake_manifest(window_frames=640)  # 14.9 s, as MSLDM's
    own = fake_manifest(window_frames=512)  # 11.9 s
    assert length_for(fake_manifest()) == length_for(long) == 12 * 22_050
    assert length_for(own) == 512 * 512


def test_songs_of_another_rate_are_brought_to_the_models() -> None:
    audio = np.sin(np.arange(4 * 44_100) / 50.0).astype(np.float32)[None].repeat(4, 0)
    song = AnnotatedSong("one", audio, 44_100, 120.0, TimeSignature(4, 4))
    clip = song_for(fake_manifest(stems=("drums", "vocals")), song)
    assert (clip.rate, clip.audio.shape, clip.stems) == (22_050, (2, 88_200), ("drums", "vocals"))
    assert np.abs(clip.audio[0]).max() > 0.9
    assert not sounds_throughout(clip)  # nobody sings
    mixture = song_for(fake_manifest(stems=("mixture",)), song)
    assert np.abs(mixture.audio).max() == pytest.approx(4, abs=0.1)


def test_published_rows_are_whole() -> None:
    for row in SUB_FAD:
        *parts, mean = row.values
        assert len(parts) == len(SUBSETS)
        assert np.mean([v for v in parts if v is not None]) == pytest.approx(mean, abs=0.011)
    for row in SEPARATION:
        *stems, mean = row.values
        if mean is not None:
            assert np.mean([v for v in stems if v is not None]) == pytest.approx(mean, abs=0.011)
    assert len(SECONDS) == 5
    assert len(hearing_manifest().stems) == 4


def save_onnx(path: Path, window: int | str, outputs: int = 1) -> None:
    """Means of a window's samples and of their squares."""
    nodes = [
        helper.make_node("Mul", ["audio", "audio"], ["squares"]),
        helper.make_node("ReduceMean", ["audio"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("ReduceMean", ["squares"], ["power"], axes=[1], keepdims=1),
        helper.make_node("Concat", ["mean", "power"], ["vectors"], axis=1),
    ]
    of = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["B", 2])]
    of += [helper.make_tensor_value_info("power", TensorProto.FLOAT, ["B", 1])][: outputs - 1]
    taken = helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["B", window])
    graph = helper.make_graph(nodes, "toy", [taken], of)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)


def test_only_vggish_and_clap_give_a_distance_called_fad(tmp_path: Path) -> None:
    path = tmp_path / "vggish.onnx"
    save_onnx(path, "samples")
    unnamed, named = (told_embedding(text, None, "") for text in (str(path), f"VGGish={path}"))
    assert unnamed.distance == "Fréchet distance (vggish.onnx)"  # a file's name says nothing of it
    assert named.distance == "FAD (vggish)"
    assert (named.rate, named.window_s) == (16_000, 0.96)
    assert Embedding().distance == "Fréchet distance (timbre12)"
    assert hashlib.sha256(path.read_bytes()).hexdigest()[:16] in named.words


def test_windows_lie_side_by_side_and_the_last_ends_with_the_sound(tmp_path: Path) -> None:
    save_onnx(tmp_path / "toy.onnx", 8000)
    toy = told_embedding(f"toy={tmp_path / 'toy.onnx'}", 16_000, "")
    noise = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    vectors = toy.of(noise, 16_000)
    assert vectors.shape == (3, 2)
    louder = toy.of(noise * 7, 16_000)
    np.testing.assert_allclose(vectors, louder, rtol=1e-4)  # level is not compared


def test_what_is_no_embedding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError, match="no embedding network"):
        told_embedding(str(tmp_path / "none.onnx"), None, "")
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    with pytest.raises(BadArgsError, match="cannot be opened"):
        told_embedding(str(tmp_path / "bad.onnx"), None, "")
    save_onnx(tmp_path / "two.onnx", 8000, outputs=2)
    with pytest.raises(BadArgsError, match=r"one output \[B, D\]"):
        told_embedding(str(tmp_path / "two.onnx"), None, "")


class Powers(torch.nn.Module):
    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        return torch.stack([audio.mean(1), (audio**2).mean(1)], 1)


def test_a_torchscript_file_is_a_program_and_wants_a_voucher(tmp_path: Path) -> None:
    path = tmp_path / "powers.ts"
    torch.jit.script(Powers()).save(str(path))
    with pytest.raises(ModelUntrustedError, match="is a program") as refused:
        told_embedding(str(path), None, "")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert sha256 in str(refused.value)
    with pytest.raises(ModelUntrustedError, match="not the one"):
        told_embedding(str(path), None, "0" * 64)
    own = told_embedding(str(path), None, sha256)
    assert own.of(np.ones(16_000, np.float32), 16_000).shape == (1, 2)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(ModelUntrustedError, match="has changed"):
        Embedding(own.name, own.rate + 1, path, sha256).of(np.ones(16_000, np.float32), 16_000)
