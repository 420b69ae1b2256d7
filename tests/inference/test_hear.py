"""Given stems become latents, two at a time."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from stembridge.inference import codec
from stembridge.testing import FakeModel


def test_stems_are_encoded_at_once_and_each_is_told_before(monkeypatch: pytest.MonkeyPatch) -> None:
    model, told = FakeModel(), []
    manifest, meeting = model.manifest, threading.Barrier(2, timeout=60)
    original = model.encode

    def encode(stem: str, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        assert len(told) == 2
        meeting.wait()
        return original(stem, audio)

    monkeypatch.setattr(model, "encode", encode)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((manifest.n_stems, 20 * manifest.hop)).astype(np.float32)
    given = [index in (0, 2) for index in range(manifest.n_stems)]
    known = codec.hear(model, samples, given, told.append)
    assert told == [0.0, 2 / manifest.n_stems]
    for index, stem in enumerate(manifest.stems):
        expected = original(stem, samples[index : index + 1])[0] if given[index] else 0.0
        np.testing.assert_array_equal(known.latents[0, index], expected)


def test_somebody_may_stop_between_the_parts_of_a_long_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = FakeModel()
    monkeypatch.setattr(codec, "PART_S", 0.5)
    asked = []

    def report(share: float) -> None:
        asked.append(share)
        if len(asked) == 3:
            raise KeyboardInterrupt

    manifest = model.manifest
    samples = np.ones((manifest.n_stems, 4 * manifest.sample_rate), np.float32)
    with pytest.raises(KeyboardInterrupt):
        codec.hear(model, samples, [True] * manifest.n_stems, report)
    assert asked == [0.0] * 3
