"""The reader's shape, and its file in an artifact."""

from __future__ import annotations

import numpy as np
import torch

from stembridge.nn.exporting import export_note_reader
from stembridge.nn.note_reader import NoteReader, NoteReaderConfig
from stembridge.runtime.onnx_model import OnnxNetwork

CONFIG = NoteReaderConfig(channels=6, lowest=30, pitches=5, width=16, dilations=(1, 2))


def reader() -> NoteReader:
    torch.manual_seed(0)
    return NoteReader(CONFIG).eval()


def test_what_is_far_away_changes_nothing() -> None:
    latents = torch.randn(1, 6, 60)
    with torch.no_grad():
        whole, cut = reader()(latents), reader()(latents[:, :, :40])
    reach = CONFIG.kernel // 2 + sum(CONFIG.dilations)
    torch.testing.assert_close(whole[..., : 40 - reach], cut[..., : 40 - reach])
    assert whole.shape == (1, 4, 5, 60)
    assert float(whole[:, :2].max()) < 0.2  # silence, before it has learned anything


def test_the_exported_file_reads_any_length_and_number(tmp_path) -> None:  # type: ignore[no-untyped-def]
    network = reader()
    missing = export_note_reader(tmp_path, "bass", network, 0.6)
    assert "encoders" in missing  # the reader alone is no artifact
    data = (tmp_path / "notes-bass.onnx").read_bytes()
    onnx = OnnxNetwork(data, "notes-bass.onnx", "latents", "notes")
    latents = np.random.default_rng(1).standard_normal((3, 6, 47), np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(latents)).numpy()
    np.testing.assert_allclose(onnx(latents), expected, atol=2e-3)  # weights are kept in float16
