"""Fine-tunes a finished model on a user's own music.

The autoencoder stays as it is, so latents keep their meaning; only the denoiser learns on. Some
recordings are kept out of training, and the loss on them, with the same windows and the same
noise, says before, meanwhile and after what was gained. The result is an artifact like any other,
with a report of the fine-tune and a model card beside it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.nn.exporting import update_manifest
from stembridge.nn.exporting_denoiser import export_denoiser
from stembridge.nn.parity import PARITY_NAME
from stembridge.nn.precondition import Preconditioned
from stembridge.nn.registry import Network, config_fields
from stembridge.paths import pretrained_dir
from stembridge.runtime.artifact_files import read_verified
from stembridge.runtime.manifest import MANIFEST_NAME
from stembridge.training.batches import TaskConfig
from stembridge.training.curve import Point, best_of, learn
from stembridge.training.denoiser import DenoiserTraining
from stembridge.training.latents import LatentSet
from stembridge.training.model_card import write_card
from stembridge.training.split import VALIDATION, Split, check_same_start, write_sets
from stembridge.training.start import Say, Start
from stembridge.training.validation import ALL, KeptOut

WORK_NAME = "training"


@dataclass(frozen=True)
class FineTuneReport:
    """What a fine-tune did.

    Attributes:
        start, artifact: folders of the model that was started from, and of the new one, which
            `serve --model` takes.
        points: validation losses, the training loss on recordings kept out of training, from
            step 0 on. The weights with the lowest one are the new model's.
        split: which songs, or pieces of songs, were learned from and kept out.
        steps: of training.
        n_windows: windows of the kept-out songs that every validation loss is the mean of.
        seconds: that this call took.
    """

    start: Path
    artifact: Path
    points: tuple[Point, ...]
    split: Split
    steps: int
    n_windows: int
    seconds: float

    @property
    def best(self) -> Point:
        """The new model's point of the curve."""
        return best_of(self.points)

    @property
    def before(self) -> float:
        """Validation loss of the model that was started from."""
        return self.points[0].losses[ALL]

    @property
    def after(self) -> float:
        """Validation loss of the new model."""
        return self.best.losses[ALL]

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
        device: "cpu" or "cuda:N".
        name: of the new model; the old one's with "-tuned" by default.
    """

    batch: int = 12
    processes: int = 2
    learning_rate: float = 4e-4
    validation: float = 0.2
    seed: int = 1
    save_every: int = 100
    device: str = "cpu"
    name: str | None = None

    def run(self, steps: int, task: TaskConfig) -> DenoiserTraining:
        """The denoiser's run: a short warm-up, and half of it with a falling rate."""
        return DenoiserTraining(
            steps=steps, batch=self.batch, processes=self.processes,
            learning_rate=self.learning_rate, warmup=max(1, min(50, steps // 10)), decay=0.5,
            ema=0.99, seed=self.seed, save_every=self.save_every, device=self.device, task=task,
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
    chosen, started = settings or FineTuning(), time.monotonic()
    source, work = Start.open(init or pretrained_dir()), out / WORK_NAME
    encoded, task = source.encode(songs, say), source.task
    split = write_sets(work, encoded, task.window, chosen.validation, chosen.seed)
    say(f"{len(split.train)} songs or pieces to train on, {len(split.kept_out)} kept out")
    check_same_start(work, source.manifest.artifact_sha256, split)
    held, seed = LatentSet.open(work / VALIDATION), chosen.seed + 1_000_003
    kept_out = KeptOut(held, split.kept_out, source.layout, task, seed)
    points, weights = learn(source, chosen.run(steps, task), work, kept_out, say)
    spent = time.monotonic() - started
    report = FineTuneReport(
        source.folder, out, tuple(points), split, steps, kept_out.n_windows, spent
    )
    say(f"validation loss: {report.before:.4f} before, {report.after:.4f} after")
    _write_artifact(source, source.denoiser(weights), report, chosen.name)
    write_card(out)
    return report


def _write_artifact(
    source: Start, tuned: Preconditioned, report: FineTuneReport, name: str | None
) -> None:
    """Codec files as they were, the new denoiser, and a manifest that says what was done."""
    manifest, out = source.manifest, report.artifact
    readers = {reader.file for reader in manifest.note_readers.values()}
    codecs = {*manifest.encoders.values(), *manifest.decoders.values(), *readers}
    copied = [*sorted(codecs), *([PARITY_NAME] if PARITY_NAME in manifest.files else [])]
    for file in copied:
        (out / file).write_bytes(read_verified(source.folder, manifest, file))
    tuning = {
        "from": manifest.name,
        "from_sha256": manifest.artifact_sha256,
        "songs": report.split.n_train_songs,
        "validation_songs": len(report.best.songs),
        "steps": report.best.step,
        "validation_loss_before": report.points[0].losses,
        "validation_loss_after": report.best.losses,
    }
    facts = {k: v for k, v in manifest.to_mapping().items() if k != "files"}
    facts |= {
        "name": name or f"{manifest.name}-tuned"[:100],
        "training": {**manifest.training, "fine_tune": tuning, "learning_curve": {}},
        "figures": {},  # these two are the old model's
    }
    (out / MANIFEST_NAME).unlink(missing_ok=True)
    update_manifest(out, {k: v for k, v in facts.items() if k != "denoiser"}, copied)
    fields = config_fields(source.backbone, sigma_data=manifest.sigma_data)
    network = Network("backbone", fields, tuned, facts)
    export_denoiser(out, network, float16=manifest.denoiser_dtype == "float16")
