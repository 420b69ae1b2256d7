"""EnCodec and DAC with tiny random weights, behind the interface of every codec."""

from __future__ import annotations

import json
from math import log2
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny_engines import RATE, save_dac, save_encodec

from stembridge.cli import main
from stembridge.engines.offline import quietly
from stembridge.engines.quantised import STEM, QuantisedCodec, codec_in
from stembridge.errors import BadArgsError
from stembridge.evaluation.round_trip import round_trips
from stembridge.testing import FakeModel

SOUND = (0.3 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def encodec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encodec(tmp_path_factory.mktemp("encodec"))


@pytest.fixture(scope="module")
def dac(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dac(tmp_path_factory.mktemp("dac"))


def test_encodec_is_the_librarys(encodec: Path) -> None:
    codec = QuantisedCodec(encodec)
    assert (codec.n_codebooks, codec.manifest.sample_rate, codec.manifest.hop) == (12, RATE, 320)
    latents = codec.encode(STEM, SOUND[None])
    assert latents.shape == (1, 16, 50)
    with quietly(), torch.inference_mode():
        from transformers import EncodecModel

        theirs = EncodecModel.from_pretrained(encodec).eval()
        told = torch.from_numpy(SOUND)[None, None]
        for codebooks, kbps in ((6, 1.2), (12, 2.4)):
            assert codec.bits_per_second(codebooks) == pytest.approx(1000 * kbps)
            found = theirs.encode(told, bandwidth=kbps)
            codes = codec.quantise(latents, codebooks)
            assert np.array_equal(codes, found.audio_codes[0].numpy())
            made = theirs.decode(found.audio_codes, found.audio_scales)[0][:, 0].numpy()
            ours = codec.decode(STEM, codec.dequantise(codes))
            assert np.abs(ours - made).max() < 1e-5


def test_dac_is_the_librarys(dac: Path) -> None:
    codec = QuantisedCodec(dac)
    latents = codec.encode(STEM, SOUND[None])
    with quietly(), torch.inference_mode():
        from transformers import DacModel

        theirs = DacModel.from_pretrained(dac).eval()
        told = torch.from_numpy(SOUND)[None, None]
        for codebooks in (1, 3):
            found = theirs.encode(told, n_quantizers=codebooks)
            codes = codec.quantise(latents, codebooks)
            assert np.array_equal(codes, found.audio_codes.numpy())
            made = theirs.decode(audio_codes=found.audio_codes).audio_values.numpy()
            ours = codec.decode(STEM, codec.dequantise(codes))
            assert np.abs(ours - made.reshape(ours.shape)).max() < 1e-5


def test_every_number_of_codebooks_has_a_row_and_its_bitrate(dac: Path) -> None:
    codec = QuantisedCodec(dac)
    rows = list(round_trips(codec, STEM, SOUND))
    assert [row.codebooks for row in rows] == [1, 2, 3, 0]
    bits = [50 * count * log2(16) for count in (1, 2, 3)]
    assert [row.kbps for row in rows[:3]] == pytest.approx([each / 1000 for each in bits])
    assert rows[0].compression == pytest.approx(16 * RATE / 200)
    assert rows[3].kbps is None
    assert all(row.audio.shape == SOUND.shape for row in rows)
    assert rows[3].snr_db == pytest.approx(
        10 * np.log10(np.mean(SOUND**2) / np.mean((SOUND - rows[3].audio) ** 2)), abs=1e-3
    )


def test_a_model_without_codes_has_one_row() -> None:
    model = FakeModel()
    (row,) = round_trips(model, "bass", np.tile(SOUND, 2)[: 512 * 40])
    assert (row.label, row.kbps) == ("not quantised", None)


def test_the_command_prints_and_writes(
    encodec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "in.wav", np.stack([SOUND, SOUND], 1), RATE)
    asked = ["train", "codec-roundtrip", str(tmp_path / "in.wav"), "--weights", str(encodec)]
    with pytest.raises(SystemExit, match="0"):
        main([*asked, "--out", str(tmp_path / "out")])
    text = capsys.readouterr().out
    assert "12 codebooks: 2.40 kbit/s, 107 times smaller, SNR" in text
    assert "not quantised: SNR" in text
    assert len(list((tmp_path / "out").glob("in_*.wav"))) == 6
    with pytest.raises(SystemExit, match="0"):
        main([*asked, "--json"])
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 6


def test_other_folders_are_no_codec(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert codec_in(tmp_path) is None
    with pytest.raises(BadArgsError, match="no EnCodec or DAC"):
        QuantisedCodec(tmp_path)
