"""What a control of the device's face is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["button", "toggle", "tab", "menu", "number", "bar", "entry", "comment", "panel"]
Visibility = Literal["automated", "stored", "hidden"]


@dataclass(frozen=True)
class Control:
    """One box of the face.

    Attributes:
        name: scripting name, unique.
        kind: what it is.
        rect: x, y, width, height in px.
        text: what is written on it.
        selector: message the script gets (a button sends it alone, others with their value).
        long_name: Live's name for it; empty for what is no parameter.
        short_name: for Push and other small displays.
        title: heading in Live's Info View.
        info: text in Live's Info View.
        items: what can be chosen.
        initial: value in a new device.
        low: smallest value.
        high: largest value.
        unit: Max's unit style: 0 integer, 1 float, 5 percent.
        visibility: automated (mappable, stored), stored, or hidden.
    """

    name: str
    kind: Kind
    rect: tuple[int, int, int, int]
    text: str = ""
    selector: str = ""
    long_name: str = ""
    short_name: str = ""
    title: str = ""
    info: str = ""
    items: tuple[str, ...] = ()
    initial: float = 0
    low: float = 0
    high: float = 1
    unit: int = 0
    visibility: Visibility = "automated"


def label(name: str, x: int, y: int, width: int, text: str) -> Control:
    """A word beside a control."""
    return Control(f"label_{name}", "comment", (x, y + 1, width, 16), text)
