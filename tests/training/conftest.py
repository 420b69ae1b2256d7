"""A tiny model made by the whole recipe for all tests that need one; a watch on what is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_recipe import tiny_recipe

from stembridge.dataset.soundfonts import HELD_OUT, find_soundfont
from stembridge.errors import MissingExtraError
from stembridge.nn.exporting import export_codec
from stembridge.training import recipe


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of `tiny_recipe`."""
    pytest.importorskip("fluidsynth", reason="FluidSynth or its Python binding is not installed")
    try:
        find_soundfont(HELD_OUT)
    except MissingExtraError as error:
        pytest.skip(reason=str(error))
    folder = tmp_path_factory.mktemp("recipe")
    with pytest.MonkeyPatch.context() as patch:
        # The old exporter takes a second per codec, the new one ten; test_scripts.py runs both.
        patch.setattr(recipe, "export_codec", partial(export_codec, legacy=True))
        recipe.run_recipe(tiny_recipe(), folder, lambda text: None)
    return folder


@pytest.fixture
def told_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[np.ndarray]]:
    """Watches a model: the conditions of every call's first frame, as they come."""

    def watch(model: Any) -> list[np.ndarray]:
        seen: list[np.ndarray] = []
        denoise = type(model).denoise

        def watched(self, x, sigma, conditions, *more):
            seen.extend(np.unique(conditions[:, :, 0], axis=0))
            return denoise(self, x, sigma, conditions, *more)

        monkeypatch.setattr(type(model), "denoise", watched)
        return seen

    return watch
