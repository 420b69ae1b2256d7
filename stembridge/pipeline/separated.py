"""Stems of a mixture as files: written side by side, told when all of them are complete."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.files import SampleFormat, wav_header, wav_samples
from stembridge.audio.loudness import SILENCE_PEAK, decibels
from stembridge.remarks import Remark
from stembridge.request.separation import SeparationRequest
from stembridge.request.tag import take_tag
from stembridge.safe_files import open_folder

REST = "rest"
"""The file of what belongs to none of the stems that were asked for."""


def separation_folder(request: SeparationRequest) -> str:
    """Name of the folder of a mixture's stems, such as `song_stems_3f2a9c01b7`."""
    return f"{request.name or mix_name(request) + '_stems'}_{take_tag(request.request_id)}"


def mix_name(request: SeparationRequest) -> str:
    """The mixture's name as every system can write it."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", Path(request.mix).stem).strip("-")
    return plain[:48].strip("-") or "mix"


@dataclass(frozen=True)
class StemShare:
    """Measurements of one separated stem.

    Attributes:
        share: of the mixture's power, 0 upwards.
        peak_dbfs: highest sample; None where it is silent.
        silent: nothing sounds.
        sureness: 0 to 1, how much of it no other stem lays claim to; None where nobody asked.
        remarks: what a musician should know.
    """

    share: float
    peak_dbfs: float | None
    silent: bool
    sureness: float | None
    remarks: tuple[Remark, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """The remarks in words."""
        return tuple(remark.words for remark in self.remarks)

    def to_mapping(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "share": self.share,
            "peak_dbfs": self.peak_dbfs,
            "silent": self.silent,
            "sureness": self.sureness,
            "warnings": list(self.warnings),
            "remarks": [remark.to_mapping() for remark in self.remarks],
        }


@dataclass(frozen=True)
class SeparatedFile:
    """A finished file of a separation; fields as those of `StemFile`."""

    stem: str
    path: Path
    sha256: str
    frames: int
    rate: int
    verdict: StemShare
    variation: int = 0

    def facts(self) -> dict[str, Any]:
        """Everything but its place, JSON-ready."""
        return {
            "stem": self.stem,
            "variation": self.variation,
            "sha256": self.sha256,
            "frames": self.frames,
            "rate": self.rate,
            "verdict": self.verdict.to_mapping(),
        }

    def to_json(self) -> str:
        """One line of JSON, as it travels."""
        return json.dumps(self.verdict.to_mapping(), separators=(",", ":"))


@dataclass
class Growing:
    """A file being written, and what is known of its sound so far."""

    name: str
    file: BinaryIO
    sample_format: SampleFormat
    hash: Any = field(default_factory=hashlib.sha256)
    power: float = 0.0
    peak: float = 0.0

    def add(self, samples: FloatArray) -> None:
        """`[channels, n]` more."""
        self.power += float(np.square(samples, dtype=np.float64).sum())
        self.peak = max(self.peak, float(np.abs(samples).max(initial=0.0)))
        self.put(wav_samples(samples, self.sample_format))

    def put(self, data: bytes) -> None:
        """Bytes as they are."""
        self.hash.update(data)
        self.file.write(data)

    def measured(
        self, mix_power: float, sureness: float | None, remarks: Iterable[Remark]
    ) -> StemShare:
        """What there is to say of it."""
        silent = self.peak < SILENCE_PEAK
        return StemShare(
            round(self.power / max(mix_power, 1e-20), 4),
            None if silent else round(decibels(self.peak), 3),
            silent,
            None if sureness is None else round(sureness, 3),
            tuple(remarks),
        )


class Files:
    """All files of a separation; none has its name before the block ends well."""

    def __init__(
        self, folder: Path, request: SeparationRequest, stems: Sequence[str],
        shape: tuple[int, int], rate: int,
    ) -> None:  # fmt: skip
        """Take note.

        Args:
            folder: made if need be.
            request: says names and format.
            stems: one file for each, and one for the rest.
            shape: channels and samples of every file.
            rate: Hz.
        """
        self._folder, self._request, self._stack = folder, request, ExitStack()
        self._shape, self._rate, self._stems = shape, rate, (*stems, REST)
        self.growing: dict[str, Growing] = {}

    def __enter__(self) -> Files:
        (n_channels, n_samples), style = self._shape, self._request.sample_format
        header = wav_header(n_samples, n_channels, self._rate, style)
        with ExitStack() as stack:
            folder = stack.enter_context(open_folder(self._folder))
            for stem in self._stems:
                name = f"{self._request.name or mix_name(self._request)}_{stem}.wav"
                file = stack.enter_context(folder.writing(name))
                self.growing[stem] = Growing(name, file, style)
                self.growing[stem].put(header)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        odd = self._shape[0] * self._shape[1] * 3 % 2 and self._request.sample_format == "pcm24"
        if error[0] is None and odd:
            for one in self.growing.values():
                one.put(b"\0")
        self._stack.__exit__(*error)

    def finished(self, verdicts: dict[str, StemShare]) -> list[SeparatedFile]:
        """All of them, with what was measured."""
        return [
            SeparatedFile(stem, self._folder / one.name, one.hash.hexdigest(), self._shape[1],
                          self._rate, verdicts[stem])
            for stem, one in self.growing.items()
        ]  # fmt: skip
