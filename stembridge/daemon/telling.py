"""What the worker tells of its model and its files, in the terms of `records`."""

from __future__ import annotations

from stembridge.daemon.records import FileRecord, ModelFacts
from stembridge.engines import SoundEngine
from stembridge.pipeline.events import StemFile
from stembridge.pipeline.separated import SeparatedFile
from stembridge.runtime.model import StemModel


def model_facts(model: StemModel | SoundEngine) -> ModelFacts:
    """What is told of an open model."""
    manifest = model.manifest
    return ModelFacts(
        name=manifest.name,
        artifact_sha256=manifest.artifact_sha256,
        sample_rate=manifest.sample_rate,
        device=model.device,
        stems=manifest.makes,
        styles=manifest.styles,
        timbres=manifest.timbres,
    )


def file_record(file: StemFile | SeparatedFile) -> FileRecord:
    """What is told of a finished file."""
    return FileRecord(
        stem=file.stem,
        variation=file.variation,
        path=str(file.path),
        sha256=file.sha256,
        frames=file.frames,
        rate=file.rate,
        verdict=file.to_json(),
    )
