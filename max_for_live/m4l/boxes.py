"""Max boxes: what a control looks like and what it is to Live, as the keys that Max saves."""

from __future__ import annotations

from typing import Any

from m4l.controls import Control

_MAXCLASS = {
    "button": "live.text", "toggle": "live.text", "tab": "live.tab", "menu": "live.menu",
    "number": "live.numbox", "bar": "live.numbox", "entry": "textedit", "comment": "live.comment",
    "panel": "panel",
}  # fmt: skip
_OUTLETS = {
    "live.text": ["", ""], "live.tab": ["", "", "float"], "live.menu": ["", "", "float"],
    "live.numbox": ["", "float"], "textedit": ["", "int", "", ""], "live.comment": [], "panel": [],
}  # fmt: skip
_INVISIBLE = {"automated": 0, "stored": 1, "hidden": 2}
_FLOAT, _ENUM, BLOB = 0, 2, 3
_BUTTON_OR_ENUM = ("button", "toggle", "tab", "menu")


def object_box(text: str, inlets: int, outlets: list[str], **more: Any) -> dict[str, Any]:
    """A box with an object's name and arguments."""
    return {
        "maxclass": "newobj",
        "numinlets": inlets,
        "numoutlets": len(outlets),
        "outlettype": outlets,
        "text": text,
        **more,
    }


def message_box(text: str) -> dict[str, Any]:
    """A box that sends its text when clicked or banged."""
    return {
        "maxclass": "message",
        "numinlets": 2,
        "numoutlets": 1,
        "outlettype": [""],
        "text": text,
    }


def face_box(control: Control) -> dict[str, Any]:
    """The box of a control, with its place in the presentation and its parameter."""
    maxclass = _MAXCLASS[control.kind]
    outlets = _OUTLETS[maxclass]
    x, y, width, height = (float(value) for value in control.rect)
    box: dict[str, Any] = {
        "maxclass": maxclass,
        "numinlets": 1,
        "numoutlets": len(outlets),
        "patching_rect": [x, y, width, height],
        "presentation": 1,
        "presentation_rect": [x, y, width, height],
        "varname": control.name,
    }
    if outlets:
        box["outlettype"] = outlets
    box |= _look(control)
    if control.long_name:
        box |= {
            "parameter_enable": 1,
            "annotation": control.info,
            "annotation_name": control.title,
        }
        valueof = {"valueof": _parameter(control)}
        box["saved_attribute_attributes"] = box.get("saved_attribute_attributes", {}) | valueof
    return box


def _look(control: Control) -> dict[str, Any]:
    """What only concerns drawing. Colours follow Live's theme: none is given as a number."""
    if control.kind == "button":
        text = {"mode": 0, "outputmode": 1, "text": control.text, "texton": control.text}
        return text | (_MAIN_COLOURS if control.name == "generate" else {})
    if control.kind == "toggle":
        off, on = control.items
        text = {"text": control.text, "texton": control.text}
        return {"mode": 1, "outputmode": 1, "automation": off, "automationon": on, **text}
    if control.kind == "tab":
        return {"num_lines_patching": 1, "num_lines_presentation": 1}
    if control.kind == "bar":
        return {"appearance": 2, "ignoreclick": 1, **_theme(textcolor="")}
    if control.kind == "entry":
        return {
            "text": control.text, "keymode": 1, "border": 1.0,
            "lines": 1 if control.rect[3] < 20 else 0,
            "fontname": "Ableton Sans Medium", "fontsize": 9.5,
            **_theme(
                bgcolor="themecolor.live_control_text_bg",
                textcolor="themecolor.live_control_fg",
                bordercolor="themecolor.live_contrast_frame",
            ),
        }  # fmt: skip
    if control.kind == "panel":
        return {
            "background": 1, "ignoreclick": 1, "mode": 0, "rounded": 0,
            **_theme(bgfillcolor="themecolor.live_lcd_bg"),
        }  # fmt: skip
    if control.kind == "comment":
        colour = (
            "themecolor.live_lcd_control_fg"
            if control.name in ("status", "detail")
            else "themecolor.live_control_fg"
        )
        return {"text": control.text, "textjustification": 0, **_theme(textcolor=colour)}
    return {}


def _theme(**colours: str) -> dict[str, Any]:
    return {
        "saved_attribute_attributes": {
            name: {"expression": expression} for name, expression in colours.items()
        }
    }


_MAIN_COLOURS = _theme(
    activebgcolor="themecolor.live_control_selection", activetextcolor="themecolor.live_lcd_bg"
)


def _parameter(control: Control) -> dict[str, Any]:
    values: dict[str, Any] = {
        "parameter_annotation_name": control.title,
        "parameter_info": control.info,
        "parameter_invisible": _INVISIBLE[control.visibility],
        "parameter_longname": control.long_name,
        "parameter_modmode": 0,
        "parameter_shortname": control.short_name,
    }
    if control.kind == "entry":
        initial: list[Any] = ["text", *control.text.split()]
        return values | {
            "parameter_type": BLOB, "parameter_initial": initial, "parameter_initial_enable": 1,
        }  # fmt: skip
    if not control.name.startswith("source_"):  # filled by the script, which knows what was chosen
        values |= {"parameter_initial": [control.initial], "parameter_initial_enable": 1}
    if control.kind in _BUTTON_OR_ENUM:
        items = list(control.items) or ["Off", "On"]
        if control.name.startswith("source_"):
            items = ["Auto", "New track"]
        return values | {
            "parameter_type": _ENUM, "parameter_enum": items, "parameter_mmax": len(items) - 1,
        }  # fmt: skip
    return values | {
        "parameter_type": _FLOAT,
        "parameter_mmin": float(control.low),
        "parameter_mmax": float(control.high),
        "parameter_unitstyle": control.unit,
    }
