"""One tiny model made by the whole recipe, for all tests that need a trained artifact."""

from __future__ import annotations

from functools import partial
from pathlib import Path

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
