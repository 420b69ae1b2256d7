"""Fine-tunes a finished model on a user's own music.

The autoencoder stays as it is, so latents keep their meaning; only the denoiser learns on. Some
recordings are kept out of training, and the loss on them, with the same windows and the same
noise, says before and after what was gained. The result is an artifact like any other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.pieces import recording_of
from stembridge.errors import BadArgsError
from stembridge.nn.exporting import export_denoiser, update_manifest
from stembridge.nn.parity import PARITY_NAME
from stembridge.nn.precondition import Preconditioned
from stembridge.nn.registry import Network, config_fields, read_network
from stembridge.paths import pretrained_dir
from stembridge.runtime.manifest import MANIFEST_NAME, Manifest, read_verified
from stembridge.training.batches import BatchSource, TaskConfig
from stembridge.training.denoiser import DenoiserTraining, train
from stembridge.training.latents import Encoded, LatentSet, write_encoded
from stembridge.training.start import Say, Start
from stembridge.training.validation import ALL, validation_losses

WORK_NAME = "training"


@dataclass(frozen=True)
class FineTuneReport:
    """What a fine-tune did.

    Attributes:
        artifact: folder that `serve --model` takes.
        losses_before, losses_after: validation losses, the training loss on recordings kept out
            of training, over "all" stems and of each.
        n_train, n_validation: songs, or pieces of songs.
        steps: of training.
    """

    artifact: Path
    losses_before: dict[str, float]
    losses_after: dict[str, float]
    n_train: int
    n_validation: int
    steps: int

    @property
    def before(self) -> float:
        """Validation loss of the model that was started from."""
        return self.losses_before[ALL]

    @property
    def after(self) -> float:
        """Validation loss of the new model."""
        return self.losses_after[ALL]

    @property
    def gain(self) -> float:
        """Share by which the validation loss fell; negative if it rose."""
        return 1 - self.after / self.before


@dataclass(frozen=True)
class FineTuning:
    """Settings of a fine-tune.

    Attributes:
        batch: windows per process and step.
        processes: CPU workers.
        learning_rate: highest of the run.
        validation: share of the recordings that are kept out of training.
        seed: of the choice of recordings, of data order and noise.
        save_every: steps between checkpoints.
        name: of the new model; the old one's with "-tuned" by default.
    """

    batch: int = 12
    processes: int = 2
    learning_rate: float = 4e-4
    validation: float = 0.2
    seed: int = 1
    save_every: int = 100
    name: str | None = None

    def run(self, steps: int, task: TaskConfig) -> DenoiserTraining:
        """The denoiser's run: a short warm-up, and half of it with a falling rate."""
        return DenoiserTraining(
            steps=steps, batch=self.batch, processes=self.processes,
            learning_rate=self.learning_rate, warmup=max(1, min(50, steps // 10)), decay=0.5,
            ema=0.99, seed=self.seed, save_every=self.save_every, task=task,
        )  # fmt: skip


def finetune(
    songs: Iterable[AnnotatedSong],
    out: Path,
    *,
    init: Path | None = None,
    steps: int = 600,
    settings: FineTuning | None = None,
    say: Say = lambda text: None,
) -> FineTuneReport:
    """Trains a model's denoiser further on songs.

    Args:
        songs: at the model's rate (`read_stems_folder`, `read_slakh`); read once, one by one.
        out: receives the new artifact, and checkpoints to go on from in `training/`.
        init: artifact to start from; None is the embedded default model.
        steps: of training.
        settings: everything else.
        say: told what happens.

    Raises:
        BadArgsError: the model cannot be fine-tuned, or the songs are too few or too short.
        ModelUntrustedError, NoSuchFileError: as `load_model`.
    """
    chosen = settings or FineTuning()
    source, work = Start.open(init or pretrained_dir()), out / WORK_NAME
    n_train, n_validation = _write_sets(work, source.encode(songs, say), chosen, source.task.window)
    say(f"{n_train} songs to train on, {n_validation} kept out")
    _check_same_start(work, source.manifest)
    held = LatentSet.open(work / "validation")
    kept_out = BatchSource(held, source.layout, source.task, chosen.seed + 1_000_003)
    before = validation_losses(source.denoiser(source.weights), kept_out)
    train(
        source.backbone, chosen.run(steps, source.task), data=work / "train",
        layout=source.layout, folder=work / "run", initial=source.weights,
    )  # fmt: skip
    tuned = source.denoiser(read_network(work / "run" / "denoiser").module.state_dict())
    after = validation_losses(tuned, kept_out)
    say(f"validation loss: {before[ALL]:.4f} before, {after[ALL]:.4f} after")
    report = FineTuneReport(out, before, after, n_train, n_validation, steps)
    _write_artifact(source, tuned, report, chosen.name)
    return report


def _write_sets(
    work: Path, songs: Sequence[tuple[str, Encoded]], settings: FineTuning, window: int
) -> tuple[int, int]:
    """Splits by recording, so that no piece of a validation song is trained on."""
    usable = [(name, song) for name, song in songs if song.latents.shape[2] >= window]
    recordings = sorted({recording_of(name) for name, _ in usable})
    if len(usable) < 2:
        raise BadArgsError(
            f"There must be at least two songs, or pieces, of {window} latent frames or more to "
            f"fine-tune on; there are {len(usable)} (of {len(songs)})."
        )
    of: Callable[[str], str] = recording_of
    if len(recordings) == 1:  # one long recording: its pieces have to do
        recordings, of = sorted(name for name, _ in usable), str
    count = min(len(recordings) - 1, max(1, round(settings.validation * len(recordings))))
    order = np.random.default_rng(settings.seed).permutation(len(recordings))
    kept_out = {recordings[i] for i in order[:count]}
    parts = {"train": [s for n, s in usable if of(n) not in kept_out],
             "validation": [s for n, s in usable if of(n) in kept_out]}  # fmt: skip
    for part, chosen in parts.items():
        write_encoded(work / part, chosen)
    return len(parts["train"]), len(parts["validation"])


def _check_same_start(work: Path, manifest: Manifest) -> None:
    """A folder's checkpoints belong to one starting model."""
    path = work / "start.json"
    start = {"artifact_sha256": manifest.artifact_sha256}
    if path.exists() and json.loads(path.read_text()) != start:
        raise BadArgsError(f"'{work}' holds a fine-tune of another model; choose another folder.")
    path.write_text(json.dumps(start))


def _write_artifact(
    source: Start, tuned: Preconditioned, report: FineTuneReport, name: str | None
) -> None:
    """Codec files as they were, the new denoiser, and a manifest that says what was done."""
    manifest, out = source.manifest, report.artifact
    codecs = {*manifest.encoders.values(), *manifest.decoders.values()}
    copied = [*sorted(codecs), *([PARITY_NAME] if PARITY_NAME in manifest.files else [])]
    for file in copied:
        (out / file).write_bytes(read_verified(source.folder, manifest, file))
    tuning = {
        "from": manifest.name,
        "from_sha256": manifest.artifact_sha256,
        "songs": report.n_train,
        "validation_songs": report.n_validation,
        "steps": report.steps,
        "validation_loss_before": report.losses_before,
        "validation_loss_after": report.losses_after,
    }
    facts = {k: v for k, v in manifest.to_mapping().items() if k != "files"}
    facts |= {
        "name": name or f"{manifest.name}-tuned"[:100],
        "training": {**manifest.training, "fine_tune": tuning},
        "figures": {},  # those of the old model
    }
    (out / MANIFEST_NAME).unlink(missing_ok=True)
    update_manifest(out, {k: v for k, v in facts.items() if k != "denoiser"}, copied)
    fields = config_fields(source.backbone, sigma_data=manifest.sigma_data)
    network = Network("backbone", fields, tuned, facts)
    export_denoiser(out, network, float16=manifest.denoiser_dtype == "float16")
