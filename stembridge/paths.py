"""Where stembridge keeps its things on this machine, following each platform's custom.

Nothing is created here; who writes creates. `STEMBRIDGE_HOME` moves everything under one folder
(a portable installation, a test).
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_NAME = "stembridge"


def _home() -> Path | None:
    home = os.environ.get("STEMBRIDGE_HOME", "")
    return Path(home).expanduser() if home else None


def pretrained_dir() -> Path:
    """The embedded default model, inside the package (read only)."""
    return Path(__file__).parent / "pretrained"


def config_file() -> Path:
    """The user's settings; it need not exist."""
    home = _home()
    return (home or platformdirs.user_config_path(_NAME, appauthor=False)) / "stembridge.toml"


def state_dir() -> Path:
    """The daemon's journal and lock: lost with it are only unfinished jobs."""
    home = _home()
    return home / "state" if home else platformdirs.user_state_path(_NAME, appauthor=False)


def default_output_dir() -> Path:
    """Where takes go when nobody says: a "stembridge" folder in the user's music folder."""
    home = _home()
    return home / "takes" if home else platformdirs.user_music_path() / _NAME
