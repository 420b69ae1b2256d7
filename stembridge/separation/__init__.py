"""Mixtures taken apart: what a model makes out in a recording, given back as the recording's sound.

mixture  the recording as the model hears it: one channel, its rate, its level
methods  mask (networks that hear mixtures), dirac and gaussian (models of waveforms)
masked   estimates as soft masks on every channel of the recording, part by part
chains   samples whose sum is the recording
parts    a recording of any length in parts that overlap, whose stems add up to it
"""

from stembridge.separation.methods import method_for, separator, shares_of, stems_of
from stembridge.separation.mixture import Mixture, open_mixture
from stembridge.separation.parts import Stretch, in_parts

__all__ = [
    "Mixture",
    "Stretch",
    "in_parts",
    "method_for",
    "open_mixture",
    "separator",
    "shares_of",
    "stems_of",
]
