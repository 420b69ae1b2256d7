"""One tiny artifact for all runtime tests; none of them changes it."""

from pathlib import Path

import pytest
from tiny_artifact import export_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_tiny(tmp_path_factory.mktemp("runtime") / "tiny")
