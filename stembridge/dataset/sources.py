"""What the shipped model is made from, and whether it is all there (`sources.toml`).

One folder holds it: the archives as they were downloaded, and each sample library as a folder named
as its repository. SoundFonts are where the system's packages put them.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from stembridge.dataset.kit_build import entries
from stembridge.dataset.soundfonts import find_soundfont
from stembridge.errors import MissingExtraError, NoSuchFileError

GROOVE, BILLBOARD = "groove-v1.0.0-midionly.zip", "billboard-2.0-salami_chords.tar.gz"


@dataclass(frozen=True)
class Download:
    """One download.

    Attributes:
        name: of the archive, of the library's folder, or of the SoundFont's file.
        address: where it is.
        licence: SPDX identifier, or in words.
        mb: size, 10^6 bytes.
        sha256: of an archive.
        commit: of a library's repository, as it was used.
        package: Debian's, of a SoundFont.
        held_out: for evaluation and thresholds alone, never trained on.
    """

    name: str
    address: str
    licence: str
    mb: int
    sha256: str = ""
    commit: str = ""
    package: str = ""
    held_out: bool = False

    @property
    def how(self) -> str:
        """How to get it, for a command line in the folder."""
        if self.package:
            return f"apt install {self.package}"
        return f"git clone --depth 1 {self.address}" if self.commit else self.address

    def is_in(self, folder: Path) -> bool:
        """Whether it is there: of a library, every instrument that is played."""
        if self.package:
            return _is_installed(self.name)
        if self.sha256:
            return (folder / self.name).is_file()
        played = [entry for entry in entries() if entry.library == self.name]
        return all((folder / self.name / entry.sfz).is_file() for entry in played)


def _is_installed(soundfont: str) -> bool:
    try:
        find_soundfont(soundfont)
    except MissingExtraError:
        return False
    return True


def sources() -> list[Download]:
    """All of them, in the order of the table."""
    text = resources.files("stembridge.dataset").joinpath("sources.toml").read_text("utf-8")
    return [Download(**row) for row in tomllib.loads(text)["sources"]]


def require_sources(folder: Path, some: bool, say: Callable[[str], None]) -> None:
    """Everything is there, or its absence is allowed, and told.

    Args:
        folder: with the downloads.
        some: go on without what is missing.
        say: told what is missing, and which archive is another than the one that was used.

    Raises:
        NoSuchFileError: something is missing; the sentence says where each of it is.
    """
    missing = [source for source in sources() if not source.is_in(folder)]
    told = "".join(f"\n  {source.name}: {source.how}" for source in missing)
    if missing and not some:
        raise NoSuchFileError(
            f"'{folder}' does not hold all that the model is made from. Get these ("
            f"{sum(source.mb for source in missing)} MB), or go on without them by --some:{told}"
        )
    if missing:
        say(f"Going on without these, so that the model will be another than ours:{told}")
    for source in sources():
        if source.sha256 and source not in missing:
            found = hashlib.sha256((folder / source.name).read_bytes()).hexdigest()
            if found != source.sha256:
                say(f"{source.name} is another file than the one that was used (SHA-256 {found})")


def sources_table(rows: Iterable[Download]) -> str:
    """As Markdown."""
    lines = ["| what, and where it is | licence | MB | which |", "|---|---|---|---|"]
    for row in rows:
        which = f"commit `{row.commit[:12]}`" if row.commit else f"package `{row.package}`"
        which = f"SHA-256 `{row.sha256[:16]}…`" if row.sha256 else which
        use = " (held out)" if row.held_out else ""
        lines += [f"| [{row.name}]({row.address}){use} | {row.licence} | {row.mb} | {which} |"]
    return "\n".join(lines)
