"""The fields of a manifest, each with its type and bounds; `manifest` says how they must agree."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT_VERSION: Final = 1

# Bounds far beyond any sound model, and far below what ends the process that would use them.
Channels = Annotated[int, Field(gt=0, le=4096)]
Frames = Annotated[int, Field(gt=0, le=2**20)]
PositiveFloat = Annotated[float, Field(ge=1e-6, le=1e6, allow_inf_nan=False)]
Word = Annotated[str, Field(max_length=100)]
Words = Annotated[tuple[Word, ...], Field(max_length=256)]
NetworkFormat = Literal["torchscript", "onnx"]
Lufs = Annotated[float, Field(ge=-70, le=0)]
SamplerName = Literal["dpmpp_2m", "dpmpp_2m_sde", "heun", "euler", "ancestral", "adpm2"]
StemName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ArtifactFile(_Part):
    """Identity of one file of the artifact."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0, le=2**33)]


class ConditionBlock(_Part):
    """One named block of condition channels; the blocks follow each other on axis K."""

    name: Literal["grid", "chords", "style", "timbre", "heard", "mixture", "embedding", "labels"]
    channels: Channels


class SamplerDefaults(_Part):
    """The sampler settings the artifact was judged with.

    `churn` and `eta` are amounts of fresh noise (`diffusion.samplers.solver`), `resamples` how
    often each step is made, `sigma_min` and `sigma_max` the ends of the schedule; None is the
    sampler's or the model's own. `schedule`: levels of Karras et al., or DDIM's. `shift`: stem
    -> the share of its high levels that the network is told (`diffusion.time_shift`); 1 of others.
    """

    name: SamplerName = "dpmpp_2m"
    steps: Annotated[int, Field(gt=0, le=1000)] = 20
    guidance: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 1.0
    rho: PositiveFloat = 7.0
    churn: Annotated[float | None, Field(ge=0, le=1000, allow_inf_nan=False)] = None
    eta: Annotated[float | None, Field(ge=0, le=1)] = None
    resamples: Annotated[int, Field(ge=1, le=100)] = 1
    sigma_min: PositiveFloat | None = None
    sigma_max: PositiveFloat | None = None
    schedule: Literal["karras", "ddim"] = "karras"
    shift: dict[StemName, Annotated[float, Field(ge=0.5, le=1)]] = {}


class NoteReaderEntry(_Part):
    """The network that reads a stem's notes in its latents (see `stembridge.parts.reader`).

    `lowest` is the MIDI pitch of its first row, `threshold` the share of an onset that is a note in
    encoded sound, `made_threshold` in what the model makes: there so many notes shall be found as
    true parts have.
    """

    file: str
    lowest: Annotated[int, Field(ge=0, le=127)]
    threshold: Annotated[float, Field(gt=0, le=2, allow_inf_nan=False)]
    made_threshold: Annotated[float | None, Field(gt=0, le=2, allow_inf_nan=False)] = None


class WordsBy(_Part):
    """The encoder that made the embeddings a network was trained with.

    `of_sound`: they were those of sounds, not of captions: it can be told a sound as well as words.
    """

    name: Word
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    of_sound: bool = False


class ManifestFields(_Part):
    """Everything serving needs to know about an artifact (JSON object, format version 1).

    Rates are in Hz, `hop` in samples per latent frame, lengths in latent frames, sigmas in latent
    units. `sigma_context` is the sigma announced for given latents in "clean" context mode.
    `chords_from_context`: a request that names no chords is told those heard in its context.
    `latents_add_up`: whether the latents of a mixture are the sum of its stems' (waveforms' are).
    `habits`: settings for a purpose of its own: "partial" (some stems are given), or a procedure's.
    `whole_window`: a request shorter than a window is made in a whole one.
    `nominal_lufs`, `nominal_stem_lufs`: loudness of the mixtures it was trained on, and of each
    stem in them, LUFS.
    `weights`: safetensors file of the denoiser's parameters; an ONNX denoiser refers to it.
    `denoiser_cpu`: the denoiser with its large products in 8 bits, which serves on a CPU.
    `style_classifier`: file of the network that hears a style in given latents, if there is one;
    `style_timbres`: style -> stem -> timbres to choose from where a request names none;
    `style_chords`: style -> progressions in C, a chord a bar, for requests with no harmony at all.
    `chord_ears`: file of the network that hears chords in spectra; without one they are estimated.
    `words_by`: the text encoder of its "embedding" block; None: that knows no words.
    `note_readers`: stem -> the network that reads its notes; without one, notes are transcribed.
    """

    format_version: Literal[1] = FORMAT_VERSION
    name: Annotated[str, Field(min_length=1, max_length=100)]
    stems: Annotated[tuple[StemName, ...], Field(min_length=1, max_length=16)]
    sample_rate: Annotated[int, Field(ge=8000, le=192000)]
    hop: Annotated[int, Field(gt=0, le=2**16)]
    window_frames: Frames
    overlap_frames: Annotated[int, Field(ge=0, le=2**20)]
    frame_multiple: Frames = 1
    latent_channels: Channels
    sigma_min: PositiveFloat
    sigma_max: PositiveFloat
    sigma_data: PositiveFloat
    sigma_context: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] = 0.0
    context_mode: Literal["clean", "imputation"]
    condition_layout: tuple[ConditionBlock, ...] = ()
    styles: Words = ()
    timbres: dict[Word, Words] = {}
    chords_from_context: bool = False
    latents_add_up: bool = False
    nominal_lufs: Lufs | None = None
    nominal_stem_lufs: dict[str, Lufs] = {}
    style_classifier: str | None = None
    style_classifier_format: NetworkFormat = "torchscript"
    style_timbres: dict[Word, dict[Word, Words]] = {}
    style_chords: dict[Word, tuple[str, ...]] = {}
    chord_ears: str | None = None
    note_readers: dict[str, NoteReaderEntry] = {}
    words_by: WordsBy | None = None
    sampler: SamplerDefaults = SamplerDefaults()
    habits: dict[Word, SamplerDefaults] = {}
    whole_window: bool = False
    encoders: dict[str, str]
    decoders: dict[str, str]
    denoiser: str
    denoiser_format: NetworkFormat = "torchscript"
    denoiser_dtype: Literal["float32", "float16"] = "float32"
    weights: str | None = None
    denoiser_cpu: str | None = None
    files: dict[str, ArtifactFile]
    licence: Annotated[str, Field(max_length=200)]
    training: dict[str, Any] = {}
    figures: dict[str, Any] = {}

    @property
    def n_stems(self) -> int:
        """S, the length of the stem axis."""
        return len(self.stems)

    @property
    def condition_channels(self) -> int:
        """K, the summed channels of the condition layout."""
        return sum(block.channels for block in self.condition_layout)

    @property
    def network_files(self) -> set[str]:
        """Names of the files that are opened."""
        named = {self.denoiser, *self.encoders.values(), *self.decoders.values()}
        if self.weights is not None and self.denoiser_format == "onnx":
            named.add(self.weights)
        named |= {reader.file for reader in self.note_readers.values()}
        others = (self.style_classifier, self.chord_ears, self.denoiser_cpu)
        return named | {name for name in others if name}
