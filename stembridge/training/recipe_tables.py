"""What a recipe's TOML file says, as dataclasses: the tables, their entries, what must agree.

A table is a frozen dataclass, an entry one of its fields. `read_tables` turns a file into one; what
is missing, unknown, of the wrong type or contradictory is a sentence that names the entry.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from stembridge.conditions import Layout
from stembridge.dataset.song import STEMS
from stembridge.diffusion.samplers import SAMPLERS
from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.nn.backbone import BackboneConfig, BackboneShape
from stembridge.nn.linear_codec import LinearCodecConfig
from stembridge.readers import first_fault
from stembridge.training.batches import TaskConfig
from stembridge.training.chord_ears import EarsTraining
from stembridge.training.denoiser import DenoiserTraining
from stembridge.training.note_reader import ReaderTraining
from stembridge.training.style_classifier import StyleTraining

Tables = TypeVar("Tables")


def require(agrees: bool, sentence: str) -> None:
    """What entries of a recipe must fulfil together.

    Raises:
        ValueError: with the sentence, where they do not.
    """
    if not agrees:
        raise ValueError(sentence)


@dataclass(frozen=True)
class SongTable:
    """Songs to be composed and rendered on SoundFonts.

    Attributes:
        songs, validation_songs: how many to train on, and how many are kept out.
        length_s: of each, about, s.
        rate: Hz.
        soundfonts: file names, taken in turn.
        workers: processes that render.
    """

    songs: int
    validation_songs: int
    length_s: float
    rate: int
    soundfonts: tuple[str, ...]
    workers: int

    def __post_init__(self) -> None:
        least = min(self.songs, self.validation_songs, self.workers)
        require(least >= 1, "songs, validation_songs and workers are at least 1")
        require(self.length_s > 0 and self.rate >= 8000, "songs last a while, at 8000 Hz or more")
        require(bool(self.soundfonts), "soundfonts names at least one")


@dataclass(frozen=True)
class CodecTable:
    """The codec of every stem, and what it is fitted to; the rest as in `LinearCodecConfig`.

    Attributes:
        songs, patches_per_song: what it is fitted to.
        n_fft, iterations: by stem.
        decoder_epochs: passes of the decoder's fit.
    """

    hop: int
    channels: int
    floor: float
    decoder_floor: float
    hidden: int
    songs: int
    patches_per_song: int
    n_fft: Mapping[str, int]
    iterations: Mapping[str, int]
    decoder_epochs: int

    def __post_init__(self) -> None:
        for name, by_stem in (("n_fft", self.n_fft), ("iterations", self.iterations)):
            require(set(by_stem) == set(STEMS), f"{name} names each of {', '.join(STEMS)}")
        for stem, length in self.n_fft.items():
            whole = length >= 4 and self.hop % (length // 4) == 0
            require(whole, f"hop is a multiple of a quarter of n_fft, also for {stem}")

    def of_stem(self, stem: str, rate: int) -> LinearCodecConfig:
        """Shape of a stem's codec at a rate in Hz."""
        return LinearCodecConfig(
            n_fft=self.n_fft[stem], iterations=self.iterations[stem], rate=rate, hop=self.hop,
            channels=self.channels, floor=self.floor, decoder_floor=self.decoder_floor,
            hidden=self.hidden,
        )  # fmt: skip


@dataclass(frozen=True)
class ServingTable:
    """What the manifest tells serving: habits, range of noise, overlap of windows in frames.

    Runs of the sampler end at `last_sigma` (before 0), `sigma_min` if None; for rho and shift see
    `runtime.manifest_fields.SamplerDefaults`.
    """

    sampler: str
    steps: int
    sigma_min: float
    sigma_max: float
    sigma_context: float
    overlap_frames: int
    chords_from_context: bool = False
    rho: float = 7.0
    last_sigma: float | None = None
    shift: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(self.sampler in SAMPLERS, f"sampler is one of {', '.join(SAMPLERS)}")
        require(self.steps >= 1, "steps is at least 1")
        require(0 < self.sigma_min < self.sigma_max, "sigma_min is above 0 and below sigma_max")

    def facts(self) -> dict[str, Any]:
        """Fields of the manifest."""
        fields = asdict(self)
        habit = {"name": fields.pop("sampler"), "sigma_min": fields.pop("last_sigma")}
        habit |= {name: fields.pop(name) for name in ("steps", "rho", "shift")}
        return fields | {"sampler": habit}


def _agree(task: TaskConfig, serving: ServingTable) -> None:
    """Sampling must neither start nor end where training never was."""
    low, high = task.sigma_range
    window = task.window
    require(serving.overlap_frames < window, "serving.overlap_frames is below the tasks' window")
    inside = low <= serving.sigma_min and serving.sigma_max <= high
    require(inside, f"serving.sigma_min and sigma_max lie in the tasks' {low:g} to {high:g}")


@dataclass(frozen=True)
class RecipeTables:
    """A model from nothing; see configs/default.toml."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid", strict=True)

    name: str
    data: SongTable
    codec: CodecTable
    backbone: BackboneShape
    training: DenoiserTraining
    serving: ServingTable
    style: StyleTraining = field(default_factory=StyleTraining)
    licence: str = "MIT"
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _agree(self.training.task, self.serving)


@dataclass(frozen=True)
class ExpressSongs:
    """Songs to train on and to keep out, and the longest of them in latent frames."""

    train: int
    validation: int
    longest: int


@dataclass(frozen=True)
class FreshTable:
    """Songs that no other network has heard, for some of the note readers to go on with.

    Attributes:
        songs: how many; `training.fresh_songs` says of what kind.
        first: number of the first; those of all other networks have smaller ones.
        share: of the windows, that are theirs; the others are of the songs known before.
        threshold: of these readers, for encoded sound.
        readers: stem -> settings of the fit.
    """

    songs: int = 0
    first: int = 0
    share: float = 0.5
    threshold: float = 0.2
    readers: Mapping[str, ReaderTraining] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(set(self.readers) <= set(STEMS), f"readers are of {', '.join(STEMS)}")
        require(self.songs >= 0 and self.first >= 0, "songs and first are not below 0")
        require(0 < self.share < 1 and 0 < self.threshold < 1, "share and threshold: 0 to 1")


@dataclass(frozen=True)
class FigureTable:
    """Songs that each part of the card is measured on; 0 leaves it out (`training.measured`)."""

    songs: int = 100
    real: int = 24
    played: int = 100
    real_played: int = 60
    long: int = 1
    separation: int = 24
    separation_real: int = 24


@dataclass(frozen=True)
class ExpressTables:
    """All networks of a model in minutes; see configs/express.toml.

    Attributes:
        denoiser_s: the denoiser's clock, s; its number of steps is ignored.
        cpu_batch: windows in a step without a GPU: large ones would be few there.
        fresh: what some of the readers go on to learn from.
        calibration: songs of each kind that the readers' thresholds are set on.
        figures: songs that the finished model is measured on.
        card: what the manifest's `training` says besides, such as a note for the card.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid", strict=True)

    denoiser_s: float
    songs: ExpressSongs
    backbone: BackboneShape
    denoiser: DenoiserTraining
    ears: EarsTraining
    reader: ReaderTraining
    serving: ServingTable
    cpu_batch: int = 12
    fresh: FreshTable = field(default_factory=FreshTable)
    calibration: int = 12
    figures: FigureTable = field(default_factory=FigureTable)
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(self.denoiser_s > 0, "denoiser_s is above 0")
        require(self.cpu_batch >= 1, "cpu_batch is at least 1")
        require(self.calibration >= 2, "calibration is at least 2")
        _agree(self.denoiser.task, self.serving)


def backbone_config(shape: BackboneShape, channels: int, layout: Layout) -> BackboneConfig:
    """A denoiser of that shape for four stems of `channels` latent channels."""
    return BackboneConfig(
        **asdict(shape), stems=len(STEMS), channels=channels, conditions=layout.channels
    )


def layout_facts(layout: Layout) -> dict[str, Any]:
    """Manifest fields of a model of four stems that is told this."""
    return {
        "stems": list(STEMS),
        "sigma_data": 1.0,
        "context_mode": "clean",
        "condition_layout": [{"name": n, "channels": c} for n, c in layout.blocks],
        "styles": list(layout.styles),
        "timbres": {stem: list(names) for stem, names in layout.timbres},
    }


def read_tables(kind: type[Tables], path: Path | None, shipped: str) -> Tables:
    """Reads a recipe.

    Args:
        kind: dataclass of its tables.
        path: the file; None for the one that is shipped as `configs/<shipped>`.
        shipped: name of that.

    Raises:
        NoSuchFileError: there is no such file.
        BadArgsError: it is no TOML, or says what no recipe can say.
    """
    source = path or resources.files("stembridge.training").joinpath("configs", shipped)
    if not source.is_file():
        raise NoSuchFileError(f"There is no recipe '{source}'.")
    try:
        tables = tomllib.loads(source.read_text(encoding="utf-8"))
        # Through JSON, so that lists become tuples under strict rules.
        return TypeAdapter(kind).validate_json(json.dumps(tables, default=str))
    except ValidationError as error:
        raise BadArgsError(f"In the recipe '{source}': {first_fault(error)}.") from error
    except ValueError as error:
        raise BadArgsError(f"The recipe '{source}' is no TOML file: {error}.") from error
