"""Rows that the papers print, each with its place: to stand beside ours, never among them.

They were measured on Slakh2100 at 22.05 kHz, with other embeddings and on other machines.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A row.

    Attributes:
        system: its name there.
        values: in the order of the columns; None where the source has none.
        source: paper and table.
    """

    system: str
    values: tuple[float | None, ...]
    source: str


_MSLDM = "MSLDM paper, table 2 (FAD with VGGish)"
SUBSETS = ("B", "D", "G", "P", "BD", "BG", "BP", "DG", "DP", "GP", "BDG", "BDP", "BGP", "DGP")
"""Columns of sub-FAD: what is generated, of bass, drums, guitar and piano; then the mean."""

SUB_FAD = (
    Published(
        "MSDM",
        (.23, .75, .18, .49, 1.75, .75, 1.40, 1.30, 1.40, 1.77, 3.13, 2.92, 5.54, 3.51, 1.79),
        _MSLDM,
    ),
    Published(
        "ISLDM",
        (.30, 1.41, .75, .42, 1.52, 1.14, .76, 1.56, 1.76, 1.33, 1.85, 2.03, 1.78, 2.17, 1.34),
        _MSLDM,
    ),
    Published(
        "MSLDM",
        (.24, 1.27, .38, .32, 1.22, .81, .64, 1.00, .92, .98, 1.44, 1.57, 1.48, 1.43, .98),
        _MSLDM,
    ),
    Published(
        "MSLDM-Large",
        (.14, .51, .23, .41, .56, .49, .61, .59, .66, 1.05, .81, 1.01, 1.40, 1.25, .70),
        _MSLDM,
    ),
)  # fmt: skip

SECONDS = tuple(
    Published(system, (seconds,), "MSLDM paper, table 1 (RTX A6000)")
    for system, seconds in (
        ("MSDM", 7.92), ("MixLDM", 5.44), ("ISLDM", 4 * 5.44), ("MSLDM", 5.44),
        ("MSLDM-Large", 7.44),
    )
)  # fmt: skip
"""Seconds for a 12-second mixture of four stems."""

_GMSDI, _MT = "GMSDI paper, table 2", "MT-MusicLDM demo page, table 1"
SEPARATION = (
    Published("MSDM, Dirac", (17.12, 18.68, 15.38, 14.73, 16.48), _GMSDI),
    Published("MSDM, Gaussian", (13.93, 17.92, 14.19, 12.11, None), _MT),
    Published("MSDM weakly supervised", (19.36, 20.90, 14.70, 14.13, 17.27), _GMSDI),
    Published("Demucs + Gibbs (512)", (17.16, 19.61, 17.82, 16.32, 17.73), _GMSDI),
    Published("GMSDI, Separator", (9.76, 15.57, 9.13, 9.57, 11.01), _GMSDI),
    Published("GMSDI, Extractor", (11.00, 10.55, 9.52, 10.13, 10.30), _GMSDI),
    Published("GMSDI, ensemble", (11.00, 15.57, 9.52, 10.13, 11.56), _GMSDI),
    Published("MT-MusicLDM, latent Dirac", (3.26, 3.63, 2.79, 2.58, None), _MT),
    Published("MT-MusicLDM, latent Gaussian", (3.23, 3.07, 1.97, 2.53, None), _MT),
)
"""SI-SDR improvement, dB: bass, drums, guitar, piano, and the mean that the source prints."""
