"""The files of an artifact, and what its manifest vouches for of each."""

from __future__ import annotations

import hashlib
from pathlib import Path

from stembridge.errors import ModelUntrustedError, NoSuchFileError
from stembridge.runtime.manifest import ArtifactFile, Manifest
from stembridge.runtime.manifest_checks import FILE_NAME


def describe_file(path: Path) -> ArtifactFile:
    """Hash a file for the manifest."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ArtifactFile(sha256=digest, bytes=path.stat().st_size)


def read_verified(directory: Path, manifest: Manifest, name: str) -> bytes:
    """Bytes of an artifact file, checked against the manifest; open the network from these.

    Reading once and opening from the same bytes leaves no moment in which the file could be
    exchanged between check and use.

    Raises:
        NoSuchFileError: if the file is absent.
        ModelUntrustedError: if it is not listed, lies outside the folder, or differs.
    """
    described = manifest.files.get(name)
    if described is None or not FILE_NAME.fullmatch(name):
        raise ModelUntrustedError(f"The model's manifest does not vouch for '{name}'.")
    path = directory / name
    if not path.is_file():
        raise NoSuchFileError(f"The model in '{directory}' lacks its file '{name}'.")
    if not path.resolve().is_relative_to(directory.resolve()):
        raise ModelUntrustedError(f"The model file '{name}' points outside the model folder.")
    with path.open("rb") as file:
        data = file.read(described.bytes + 1)
    if len(data) != described.bytes or hashlib.sha256(data).hexdigest() != described.sha256:
        raise ModelUntrustedError(
            f"The model file '{name}' is not the one its manifest vouches for (SHA-256 differs). "
            "It was not opened; install the model again."
        )
    return data
