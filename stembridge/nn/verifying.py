"""Opens an artifact as serving does, and compares all its networks with torch's stored answers."""

from __future__ import annotations

from pathlib import Path

from safetensors.numpy import load

from stembridge.nn.parity import (
    PARITY_NAME,
    Deviation,
    Reference,
    check_other_shapes,
    check_stored,
    check_twin,
)
from stembridge.runtime.artifact_files import read_verified
from stembridge.runtime.load import load_model


def check_artifact(
    artifact: Path, device: str = "cpu", live: Reference | None = None
) -> list[Deviation]:
    """All comparisons: stored answers, other shapes, and the denoiser's twin in 8 bits.

    Args:
        artifact: its folder.
        device: that it is opened on.
        live: file name -> torch's network, for those that are at hand.

    Raises:
        ModelUntrustedError, NoSuchFileError: as `load_model`.
    """
    model = load_model(artifact, device, exact=True)
    try:
        stored = load(read_verified(artifact, model.manifest, PARITY_NAME))
        found = [*check_stored(model, stored), *check_other_shapes(model, live)]
        if model.manifest.denoiser_cpu:
            twin = load_model(artifact, "cpu")
            try:
                found.append(check_twin(twin, model))
            finally:
                twin.close()
    finally:
        model.close()
    return found
