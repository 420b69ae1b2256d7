"""Note readers from songs to an artifact that serves them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from stembridge.dataset.annotated import AnnotatedSong, save_song
from stembridge.dataset.compose import compose
from stembridge.dataset.song import STEMS
from stembridge.errors import BadArgsError
from stembridge.nn.parity import CODEC_FRAMES, PARITY_NAME
from stembridge.paths import pretrained_dir
from stembridge.runtime.load import load_model
from stembridge.training.note_reader import ReaderTraining
from stembridge.training.parts import encoded_songs, known_songs, train_parts

RATE = 44100


def song(seed: int, *, notes: bool = True, n_bars: int = 2) -> AnnotatedSong:
    composed = compose(seed, "pop", n_bars=n_bars)
    audio = np.random.default_rng(seed).normal(0, 0.05, (len(STEMS), int(composed.length_s * RATE)))
    return AnnotatedSong(
        f"song{seed}", audio.astype(np.float32), RATE, composed.bpm, composed.time_signature,
        composed.chords, composed.style, composed.timbres, composed.parts if notes else {},
    )  # fmt: skip


@pytest.mark.weights
@pytest.mark.slow
def test_readers_join_the_artifact(tmp_path: Path) -> None:
    artifact = tmp_path / "model"
    shutil.copytree(pretrained_dir(), artifact)
    training = ReaderTraining(steps=2, batch=2, frames=32)
    for made in (song(1), song(2), song(3, notes=False)):
        save_song(made, tmp_path / "songs")
    fitted = train_parts(artifact, tmp_path / "songs", training=training, say=lambda text: None)
    model = load_model(artifact, "cpu")
    assert set(model.manifest.note_readers) == set(STEMS) == set(fitted)
    assert (artifact / PARITY_NAME).is_file()
    latents = np.zeros((2, model.manifest.latent_channels, CODEC_FRAMES), np.float32)
    for stem in STEMS:
        answer = model.read_notes(stem, latents)
        assert answer.shape[:2] == (2, 4)
        assert answer.shape[3] == CODEC_FRAMES
    with pytest.raises(BadArgsError, match="notes are known"):
        known_songs([song(3, notes=False)], model, 0.0)
    remade = known_songs([song(1)], model, 0.5)
    long = song(4, n_bars=8)  # it ends like a take: somewhere
    (length,) = known_songs([song(1), long], model, 0.0).lengths[1:]
    assert 10 * RATE // 2048 <= length < long.audio.shape[1] // 2048
    assert len(remade.lengths) == 2
    assert not np.array_equal(remade.latents[0], remade.latents[1])


def test_songs_encoded_before_are_taken_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for index in range(2):
        latents = rng.standard_normal((4, 3, 20 + index)).astype(np.float16)
        notes = np.array([[0.1, 0.4, 35, 90]], np.float32)
        np.savez(tmp_path / f"{index}.npz", latents=latents, **{"notes.drums": notes})
    known = encoded_songs(sorted(tmp_path.glob("*.npz")))
    assert known.latents.shape == (2, 4, 3, 21)
    assert known.lengths.tolist() == [20, 21]
    (hit,) = known.notes["drums"][0]
    assert (hit.pitch, round(hit.length_s, 3)) == (36, 0.3)
    assert known.notes["bass"] == [[], []]
