"""The whole recipe at toy size: seconds instead of hours, same stages, same files."""

from __future__ import annotations

from dataclasses import replace

from stembridge.dataset.song import STEMS
from stembridge.dataset.soundfonts import HELD_OUT
from stembridge.nn.backbone import BackboneShape
from stembridge.training.batches import TaskConfig
from stembridge.training.chord_ears import EarsTraining
from stembridge.training.denoiser import DenoiserTraining
from stembridge.training.note_reader import ReaderTraining
from stembridge.training.recipe import Recipe, load_recipe
from stembridge.training.recipe_tables import (
    CodecTable,
    ExpressSongs,
    ExpressTables,
    FreshTable,
    ServingTable,
    SongTable,
)
from stembridge.training.style_classifier import StyleTraining

WINDOW = 48  # frames of 32 ms


def tiny_recipe() -> Recipe:
    """16 kHz, eight latent channels, a network of a few thousand weights, three steps."""
    return replace(
        load_recipe(),
        name="tiny-recipe",
        data=SongTable(
            songs=3, validation_songs=1, length_s=6.0, rate=16000, soundfonts=(HELD_OUT,),
            workers=1,
        ),
        codec=CodecTable(
            hop=512, channels=8, floor=1e-3, decoder_floor=1e-4, hidden=4, decoder_epochs=1,
            songs=3, patches_per_song=60, n_fft=dict.fromkeys(STEMS, 512),
            iterations=dict.fromkeys(STEMS, 1),
        ),
        backbone=BackboneShape(width=32, dilations=(1, 0, 2), heads=2, level_features=8),
        training=DenoiserTraining(
            steps=3, batch=2, processes=1, learning_rate=1e-3, warmup=1,
            task=TaskConfig(window=WINDOW, continuation_frames=16),
        ),
        style=StyleTraining(steps=3, batch=2),
        serving=ServingTable(
            sampler="dpmpp_2m", steps=3, sigma_min=0.05, sigma_max=20.0, sigma_context=0.05,
            overlap_frames=8,
        ),
    )  # fmt: skip


def tiny_express() -> ExpressTables:
    """Everything but the codecs, on eight songs, in a few steps and two seconds."""
    return ExpressTables(
        denoiser_s=2.0,
        songs=ExpressSongs(train=6, validation=2, longest=200),
        backbone=BackboneShape(width=16, dilations=(1, 0), heads=2, level_features=8),
        denoiser=DenoiserTraining(
            steps=1, batch=2, warmup=2, task=TaskConfig(window=32, continuation_frames=8)
        ),
        ears=EarsTraining(steps=2, batch=2, frames=32),
        reader=ReaderTraining(steps=2, batch=2, frames=32),
        fresh=FreshTable(
            songs=2, first=9, share=0.7, threshold=0.3,
            readers={"guitar": ReaderTraining(steps=2, batch=2, frames=32)},
        ),
        serving=ServingTable(
            sampler="dpmpp_2m", steps=4, sigma_min=0.02, sigma_max=80.0, sigma_context=0.1,
            overlap_frames=8, chords_from_context=True,
        ),
        calibration=2,
    )  # fmt: skip
