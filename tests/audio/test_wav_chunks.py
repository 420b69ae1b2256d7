"""What other programs read of our files beside the samples."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from stembridge.audio.files import encode_wav
from stembridge.audio.wav_chunks import LoopFacts, with_chunks

FACTS = LoopFacts(93.5, 16.0, 4, 4, 9, "song bass", "stembridge 1", "93.5 bpm, 4/4, Am, seed 7")


def chunks(data: bytes) -> dict[bytes, bytes]:
    found, at = {}, 12
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    while at < len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(data)
    return found


@pytest.mark.parametrize("sample_format", ["pcm24", "float"])
@pytest.mark.parametrize("n_samples", [1000, 1001])
def test_tempo_beats_loop_and_maker_stand_in_the_file(sample_format: str, n_samples: int) -> None:
    samples = np.linspace(-0.5, 0.5, n_samples, dtype=np.float32)
    plain = encode_wav(samples, 44100, sample_format)  # type: ignore[arg-type]
    data = with_chunks(plain, FACTS, n_samples, 44100)
    found = chunks(data)
    flags, root, _, _, beats, denominator, numerator, bpm = struct.unpack(
        "<IHHfIHHf", found[b"acid"]
    )
    assert (flags, root, beats, numerator, denominator, bpm) == (6, 69, 16, 4, 4, 93.5)
    loop = struct.unpack("<9I6I", found[b"smpl"])
    assert (loop[7], loop[11], loop[12]) == (1, 0, n_samples - 1)
    assert found[b"LIST"][:4] == b"INFO" and b"stembridge 1\0" in found[b"LIST"]
    read, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == 44100
    np.testing.assert_allclose(read, samples, atol=2e-7)
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert (file.title, file.software) == ("song bass", "stembridge 1")


def test_an_unknown_key_is_not_told() -> None:
    plain = encode_wav(np.zeros(10, np.float32), 44100, "pcm24")
    found = chunks(with_chunks(plain, LoopFacts(120.0, 3.5, 7, 8), 10, 44100))
    assert struct.unpack("<I", found[b"acid"][:4])[0] == 4
    assert found[b"LIST"] == b"INFO"
