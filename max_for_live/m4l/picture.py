"""The presentation view as a picture, drawn from the patcher as built (not from its sources).

An SVG in the colours of Live's mid-dark theme, so that a layout can be looked at without Live. The
objects are drawn the way Live draws them, as nearly as flat shapes can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from m4l.metrics import text_width

TITLE_PX = 20
FONT_PX = 9.5
_SURFACE, _TITLE, _TEXT, _DARK, _CONTROL = "#363636", "#4b4b4b", "#c8c8c8", "#181818", "#1e1e1e"
_ACCENT, _LCD, _FRAME = "#ffad56", "#03c3d5", "#111111"
_PADDING = 4

State = Mapping[str, Any]
EXAMPLE: State = {
    "status": "Working 40 %: playing",
    "detail": "Bass for bars 5-12, listening to drums, guitar and piano.",
    "progress": 0.4, "role_bass": 0, "seed": 48213, "source_drums": "1 Drums",
    "source_guitar": "2 Gtr", "source_piano": "3 Keys",
}  # fmt: skip


def font_px(box: Mapping[str, Any]) -> float:
    """Size of a box's text, in px."""
    return float(box.get("fontsize", FONT_PX))


def wrap(text: str, width_px: float, size_px: float) -> list[str]:
    """Lines as a comment box breaks them."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size_px) <= width_px:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def draw(patcher: Mapping[str, Any], state: State = EXAMPLE) -> str:
    """The picture as SVG text."""
    _, _, width, height = (int(value) for value in patcher["openrect"])
    boxes = [entry["box"] for entry in patcher["boxes"] if entry["box"].get("presentation")]
    boxes.sort(key=lambda box: -int(box.get("background", 0)))
    shapes = "".join(_box(box, state) for box in boxes)
    whole = height + TITLE_PX
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{whole}" '
        f'viewBox="0 0 {width} {whole}" font-family="Inter, sans-serif" font-weight="500">'
        f'<rect width="{width}" height="{whole}" rx="3" fill="{_SURFACE}"/>'
        f'<path d="M0 {TITLE_PX} V3 a3 3 0 0 1 3 -3 H{width - 3} a3 3 0 0 1 3 3 V{TITLE_PX} Z" '
        f'fill="{_TITLE}"/><circle cx="11" cy="10" r="5" fill="{_ACCENT}"/>'
        f"{_text('StemBridge', 22, 13.5, 10.5, '#f0f0f0')}"
        f'<g transform="translate(0 {TITLE_PX})">{shapes}</g></svg>\n'
    )


def _text(text: str, x: float, y: float, size: float, fill: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{fill}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _rect(x: float, y: float, w: float, h: float, fill: str, rx: float = 2) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{rx:g}" fill="{fill}"/>'


def _box(box: Mapping[str, Any], state: State) -> str:
    drawers = {
        "live.text": _button, "live.tab": _tab, "live.menu": _menu, "live.numbox": _number,
        "textedit": _entry, "live.comment": _comment, "panel": _panel,
    }  # fmt: skip
    x, y, w, h = box["presentation_rect"]
    return drawers[box["maxclass"]](box, state, x, y, w, h)


def _valueof(box: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = box["saved_attribute_attributes"]["valueof"]
    return values


def _value(box: Mapping[str, Any], state: State) -> Any:
    initial = _valueof(box).get("parameter_initial", [0])[0]
    return state.get(box["varname"], initial)


def _button(box: Mapping[str, Any], state: State, x: float, y: float, w: float, h: float) -> str:
    is_on = "activebgcolor" in box["saved_attribute_attributes"] or (
        box["mode"] == 1 and _value(box, state)
    )
    fill, ink = (_ACCENT, _FRAME) if is_on else ("#4a4a4a", "#dcdcdc")
    label = _text(box["text"], x + w / 2, y + h / 2 + 3.4, font_px(box), ink, "middle")
    return _rect(x, y, w, h, fill) + label


def _tab(box: Mapping[str, Any], state: State, x: float, y: float, w: float, h: float) -> str:
    items = _valueof(box)["parameter_enum"]
    chosen, part = int(_value(box, state)), w / len(items)
    parts = [_rect(x, y, w, h, _CONTROL)]
    for index, item in enumerate(items):
        is_on = index == chosen
        left = x + index * part
        if is_on:
            parts.append(_rect(left, y, part, h, _ACCENT))
        ink = _FRAME if is_on else _TEXT
        parts.append(_text(item, left + part / 2, y + h / 2 + 3.4, font_px(box), ink, "middle"))
    return "".join(parts)


def _menu(box: Mapping[str, Any], state: State, x: float, y: float, w: float, h: float) -> str:
    value = _value(box, state)
    text = value if isinstance(value, str) else _valueof(box)["parameter_enum"][int(value)]
    tip = f"M{x + w - 10:g} {y + h / 2 - 1.5:g} h6 l-3 4 z"
    label = _text(text, x + _PADDING, y + h / 2 + 3.4, font_px(box), "#dcdcdc")
    return _rect(x, y, w, h, _CONTROL) + label + f'<path d="{tip}" fill="{_TEXT}"/>'


def _number(box: Mapping[str, Any], state: State, x: float, y: float, w: float, h: float) -> str:
    value = float(_value(box, state))
    if box.get("appearance") == 2:
        return _rect(x, y, w, h, _CONTROL, 1) + _rect(x, y, w * value, h, _ACCENT, 1)
    return _rect(x, y, w, h, _CONTROL) + _text(
        number_text(box, value), x + w / 2, y + h / 2 + 3.4, font_px(box), "#dcdcdc", "middle"
    )


def number_text(box: Mapping[str, Any], value: float) -> str:
    """A number as its unit style shows it."""
    return f"{value:g} %" if _valueof(box)["parameter_unitstyle"] == 5 else f"{value:.0f}"


def _entry(box: Mapping[str, Any], state: State, x: float, y: float, w: float, h: float) -> str:
    text = str(state.get(box["varname"], box["text"]))
    frame = f'<rect x="{x + 0.5:g}" y="{y + 0.5:g}" width="{w - 1:g}" height="{h - 1:g}" rx="1" '
    size, first = font_px(box), min(y + h / 2 + 3.4, y + 12)
    lines = wrap(text, w - 2 * _PADDING, size) if h > 20 else [text]
    shown = (
        _text(one, x + _PADDING, first + 12 * i, size, "#dcdcdc") for i, one in enumerate(lines)
    )
    return f'{frame}fill="{_CONTROL}" stroke="{_FRAME}"/>{"".join(shown)}'


def _comment(box: Mapping[str, Any], state: State, x: float, y: float, w: float, h: float) -> str:
    text = str(state.get(box["varname"], box["text"]))
    size = font_px(box)
    is_lcd = box["varname"] in ("status", "detail")
    ink = _LCD if box["varname"] == "status" else "#a8c7cb" if is_lcd else _TEXT
    lines = wrap(text, w - 4, size)
    return "".join(
        _text(line, x + 2, y + 10.2 + index * 11, size, ink) for index, line in enumerate(lines)
    )


def _panel(box: Mapping[str, Any], state: State, x: float, y: float, w: float, h: float) -> str:
    return _rect(x, y, w, h, _DARK, 2)
