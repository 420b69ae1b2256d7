"""The manifest: round trip, and everything it must refuse."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from stembridge.errors import ModelUntrustedError, NoSuchFileError
from stembridge.runtime.artifact_files import describe_file, read_verified
from stembridge.runtime.manifest import (
    MANIFEST_NAME,
    YOUNGER_FIELDS,
    YOUNGER_SAMPLER_FIELDS,
    parse_manifest,
    read_manifest,
    write_manifest,
)
from stembridge.testing import fake_manifest


def mapping(**changes: Any) -> dict[str, Any]:
    return fake_manifest().to_mapping() | changes


def without(*fields: str) -> dict[str, Any]:
    return {name: value for name, value in mapping().items() if name not in fields}


def test_a_manifest_survives_the_round_trip(tmp_path: Path):
    manifest = fake_manifest(training={"steps": 5}, timbres={"bass": ("upright", "pick")})
    write_manifest(manifest, tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST_NAME]


def test_derived_facts():
    manifest = fake_manifest()
    assert manifest.n_stems == 4
    assert manifest.condition_channels == sum(b.channels for b in manifest.condition_layout)
    assert [manifest.stem_index(stem) for stem in manifest.stems] == [0, 1, 2, 3]
    with pytest.raises(KeyError):
        manifest.stem_index("kazoo")


def test_artifact_hash_follows_every_fact():
    hashes = {
        fake_manifest().artifact_sha256,
        fake_manifest(sigma_max=9.0).artifact_sha256,
        fake_manifest(
            files={"fake": describe_file(Path(__file__))},
        ).artifact_sha256,
    }
    assert len(hashes) == 3
    assert fake_manifest().artifact_sha256 in hashes


def test_an_artifact_older_than_heard_chords_keeps_its_hash():
    old = without(*YOUNGER_FIELDS)
    old["sampler"] = {k: v for k, v in old["sampler"].items() if k not in YOUNGER_SAMPLER_FIELDS}
    canonical = json.dumps(old, sort_keys=True, separators=(",", ":")).encode()
    assert parse_manifest(old).chords_from_context is False
    assert parse_manifest(old).artifact_sha256 == hashlib.sha256(canonical).hexdigest()
    listening = parse_manifest(mapping(chords_from_context=True))
    assert listening.artifact_sha256 != parse_manifest(old).artifact_sha256


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (mapping(format_version=2), "format version 2"),
        (without("format_version"), "format version None"),
        ([], "format version None"),
        (mapping(surprise=1), "surprise"),
        (without("sigma_max"), "sigma_max"),
        (mapping(hop=0), "hop"),
        (mapping(hop="512"), "hop"),
        (mapping(sample_rate=7999), "sample_rate"),
        (mapping(sigma_min=20.0), "sigma_min must be below"),
        (mapping(sigma_max=float("nan")), "sigma_max"),
        (mapping(sigma_max=float("inf")), "sigma_max"),
        (mapping(window_frames=254), "frame_multiple"),
        (mapping(overlap_frames=256), "overlap_frames"),
        (mapping(context_mode="guess"), "context_mode"),
        (mapping(stems=["bass", "bass"]), "unique"),
        (mapping(stems=[]), "stems"),
        (mapping(stems=["../bass"]), "stems"),
        (mapping(encoders={"bass": "fake"}), "encoders lacks drums, guitar, piano"),
        (mapping(decoders={}), "decoders lacks"),
        (mapping(timbres={"kazoo": ["a"]}), "kazoo"),
        (mapping(sampler={"shift": {"kazoo": 0.8}}), "kazoo"),
        (mapping(habits={"partial": {"shift": {"kazoo": 0.8}}}), "kazoo"),
        (mapping(sampler={"shift": {"bass": 1.2}}), "shift"),
        (mapping(denoiser="other.ts"), "no SHA-256 for 'other.ts'"),
        (mapping(denoiser_dtype="int8"), "denoiser_dtype"),
        (mapping(condition_layout=[{"name": "mood", "channels": 1}]), "condition_layout"),
        (mapping(condition_layout=[{"name": "grid", "channels": 1}] * 2), "twice"),
    ],
)
def test_wrong_manifests_are_refused(changed: Any, said: str):
    with pytest.raises(ModelUntrustedError, match=said):
        parse_manifest(changed)


HUGE = (2**31, 2**63, 10**30, 1e300)


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize(
    "field",
    ["hop", "window_frames", "overlap_frames", "frame_multiple", "latent_channels", "sample_rate",
     "sigma_min", "sigma_max", "sigma_data", "sigma_context"],
)  # fmt: skip
def test_absurd_sizes_are_refused_before_they_are_used(field: str, value: float):
    with pytest.raises(ModelUntrustedError, match=field):
        parse_manifest(mapping(**{field: value}))


@pytest.mark.parametrize(
    "changed",
    [
        mapping(hop=2**16, window_frames=2**16),
        mapping(window_frames=2**18, latent_channels=4096, hop=1),
        mapping(condition_layout=[{"name": "grid", "channels": 10**9}]),
        mapping(sampler={"steps": 10**9}),
        mapping(sampler={"guidance": 1e9}),
        mapping(licence="x" * 10_000),
        mapping(styles=["x" * 10_000]),
        mapping(styles=["x"] * 10_000),
        mapping(timbres={"bass": ["x"] * 10_000}),
        mapping(files={"net": {"sha256": "0" * 64, "bytes": 2**60}}),
    ],
)
def test_absurd_amounts_are_refused(changed: Any):
    with pytest.raises(ModelUntrustedError):
        parse_manifest(changed)


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../net.ts", "a/b.ts", "a\\b.ts", "C:net.ts", ".hidden", "", MANIFEST_NAME],
)
def test_file_names_stay_in_the_folder(name: str):
    files = mapping()["files"] | {name: {"sha256": "0" * 64, "bytes": 1}}
    with pytest.raises(ModelUntrustedError, match="plain name"):
        parse_manifest(mapping(files=files))


def test_missing_and_broken_manifest_files(tmp_path: Path):
    with pytest.raises(NoSuchFileError, match=MANIFEST_NAME):
        read_manifest(tmp_path)
    path = tmp_path / MANIFEST_NAME
    for text in ("{", "[" * 100_000, "\udcff"):
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(ModelUntrustedError, match="not JSON"):
            read_manifest(tmp_path)
    path.write_bytes(b" " * (1 << 20) + b"{}")
    with pytest.raises(ModelUntrustedError, match="too large"):
        read_manifest(tmp_path)


def artifact(folder: Path):
    folder.mkdir()
    (folder / "net").write_bytes(b"weights")
    names = dict.fromkeys(("bass", "drums", "guitar", "piano"), "net")
    files = {"net": describe_file(folder / "net")}
    return fake_manifest(files=files, denoiser="net", encoders=names, decoders=names)


def test_verified_bytes(tmp_path: Path):
    manifest = artifact(tmp_path / "model")
    assert read_verified(tmp_path / "model", manifest, "net") == b"weights"


@pytest.mark.parametrize("content", [b"Weights", b"weights!", b"weight", b""])
def test_changed_bytes_are_refused(tmp_path: Path, content: bytes):
    manifest = artifact(tmp_path / "model")
    (tmp_path / "model" / "net").write_bytes(content)
    with pytest.raises(ModelUntrustedError, match="SHA-256"):
        read_verified(tmp_path / "model", manifest, "net")


def test_unlisted_absent_and_escaping_files_are_refused(tmp_path: Path):
    folder = tmp_path / "model"
    manifest = artifact(folder)
    with pytest.raises(ModelUntrustedError, match="does not vouch"):
        read_verified(folder, manifest, "other")
    outside = tmp_path / "outside"
    (folder / "net").rename(outside)
    with pytest.raises(NoSuchFileError, match="lacks"):
        read_verified(folder, manifest, "net")
    (folder / "net").symlink_to(outside)
    with pytest.raises(ModelUntrustedError, match="outside"):
        read_verified(folder, manifest, "net")


def test_the_manifest_is_plain_json(tmp_path: Path):
    written = json.loads(write_manifest(fake_manifest(), tmp_path).read_text())
    assert written["format_version"] == 1
    habit = {"name": "dpmpp_2m", "steps": 8, "guidance": 1.0, "rho": 7.0}
    assert habit.items() <= written["sampler"].items()
