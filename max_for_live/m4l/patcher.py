"""The patcher: the controls as Max boxes, the few objects around the script, and the cords."""

from __future__ import annotations

from typing import Any

from m4l.boxes import BLOB, face_box, message_box, object_box
from m4l.controls import HEIGHT, WIDTH, banks, controls
from stembridge.roles import ROLES

SCRIPT = "stembridge.js"
OUT_SEND, OUT_RECEIVE, OUT_FACE = 0, 1, 2
FIRST_REPLY_PORT = 29420


def face_selectors() -> tuple[str, ...]:
    """What the script may tell the face."""
    sources = (f"source_{stem}" for stem in ROLES)
    return ("status", "detail", "progress", "seed", *sources, "session", "ask")


class _Patch:
    """Boxes and cords while they are put together."""

    def __init__(self) -> None:
        self.boxes: list[dict[str, Any]] = []
        self.lines: list[dict[str, Any]] = []
        self._row = 0

    def add(self, box: dict[str, Any], x: int = 460) -> str:
        """Add a box, give it an id and a place in the patching view."""
        box_id = f"obj-{len(self.boxes) + 1}"
        if "patching_rect" not in box:
            box["patching_rect"] = [float(x), 20.0 + 26.0 * self._row, 150.0, 20.0]
            self._row += 1
        self.boxes.append({"box": {"id": box_id, **box}})
        return box_id

    def cord(self, source: str, outlet: int, target: str, inlet: int = 0) -> None:
        """Join an outlet to an inlet."""
        self.lines.append(
            {"patchline": {"source": [source, outlet], "destination": [target, inlet]}}
        )


def build_patcher() -> dict[str, Any]:
    """The whole patcher, the same for the release and the development device."""
    patch = _Patch()
    faces = {control.name: patch.add(face_box(control)) for control in controls()}
    script = patch.add(_script())
    _wire_controls(patch, faces, script)
    _wire_network(patch, script)
    _wire_face(patch, faces, script)
    _wire_audio(patch, script)
    parameters: dict[str, Any] = {
        faces[control.name]: [control.long_name, control.short_name, 0]
        for control in controls()
        if control.long_name
    }
    session = next(b["box"]["id"] for b in patch.boxes if b["box"].get("varname") == "session")
    parameters[session] = ["Session State", "Session", 0]
    parameters["parameterbanks"] = _banks()
    parameters["inherited_shortname"] = 1
    return _frame(patch, parameters)


def _script() -> dict[str, Any]:
    return object_box(
        f"v8 ./{SCRIPT}", 1, ["", "", ""],
        filename=SCRIPT,
        saved_object_attributes={"parameter_enable": 0},
        textfile={"filename": SCRIPT, "flags": 0, "embed": 0, "autowatch": 1},
    )  # fmt: skip


def _wire_controls(patch: _Patch, faces: dict[str, str], script: str) -> None:
    """Every control's selector into the script: buttons through a message, values prepended."""
    for control in controls():
        if not control.selector:
            continue
        text = control.selector
        box = (
            message_box(text)
            if control.kind == "button"
            else object_box(f"prepend {text}", 1, [""])
        )
        joint = patch.add(box)
        patch.cord(faces[control.name], 0, joint)
        patch.cord(joint, 0, script)
    for text in ("ready", "snapshot"):
        joint = patch.add(message_box(text), x=640)
        if text == "ready":
            start = patch.add(object_box("live.thisdevice", 1, ["bang", "int", "int"]), x=640)
            patch.cord(start, 0, joint)
        patch.cord(joint, 0, script)


def _wire_network(patch: _Patch, script: str) -> None:
    send = patch.add(object_box("udpsend 127.0.0.1 9420", 1, []), x=640)
    receive = patch.add(object_box(f"udpreceive {FIRST_REPLY_PORT} @defer 1", 1, [""]), x=640)
    patch.cord(script, OUT_SEND, send)
    patch.cord(script, OUT_RECEIVE, receive)
    patch.cord(receive, 0, script)


def _wire_face(patch: _Patch, faces: dict[str, str], script: str) -> None:
    """What the script shows, by `route`; the stored session; and a question to all values."""
    selectors = face_selectors()
    names = " ".join(selectors)
    route = patch.add(object_box(f"route {names}", 1, [""] * (len(selectors) + 1)), x=640)
    patch.cord(script, OUT_FACE, route)
    session = patch.add(
        object_box(
            "pattr session", 1, ["", "", ""],
            varname="session",
            saved_object_attributes={"parameter_enable": 1, "parameter_mappable": 0},
            saved_attribute_attributes={"valueof": {
                "parameter_initial": ["empty"], "parameter_initial_enable": 1,
                "parameter_invisible": 1, "parameter_longname": "Session State",
                "parameter_shortname": "Session", "parameter_type": BLOB,
            }},
        ),
        x=640,
    )  # fmt: skip
    restore = patch.add(object_box("prepend session", 1, [""]), x=640)
    patch.cord(session, 0, restore)
    patch.cord(restore, 0, script)
    ask = patch.add(message_box("outputvalue"), x=640)
    for index, name in enumerate(selectors):
        patch.cord(route, index, {"session": session, "ask": ask}.get(name) or faces[name])
    for control in controls():
        is_filled = control.name.startswith("source_")
        if control.selector and control.kind not in ("button", "entry") and not is_filled:
            patch.cord(ask, 0, faces[control.name])


def _wire_audio(patch: _Patch, script: str) -> None:
    """Sound goes straight through; the sample rate is heard from the audio engine."""
    into = patch.add(object_box("plugin~", 2, ["signal", "signal"]), x=820)
    out = patch.add(object_box("plugout~", 2, ["signal", "signal"]), x=820)
    for channel in (0, 1):
        patch.cord(into, channel, out, channel)
    state = patch.add(object_box("dspstate~", 1, ["int", "float", "int", "int"]), x=820)
    rate = patch.add(object_box("prepend rate", 1, [""]), x=820)
    ready = next(b["box"]["id"] for b in patch.boxes if b["box"].get("text") == "live.thisdevice")
    patch.cord(ready, 0, state)
    patch.cord(state, 1, rate)
    patch.cord(rate, 0, script)


def _banks() -> dict[str, Any]:
    return {
        str(index): {
            "index": index, "name": name, "parameters": list(members), "buttons": ["-"] * 8,
        }
        for index, (name, members) in enumerate(banks())
    }  # fmt: skip


def _frame(patch: _Patch, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "fileversion": 1,
        "appversion": {
            "major": 9, "minor": 0, "revision": 10, "architecture": "x64", "modernui": 1,
        },
        "classnamespace": "box",
        "rect": [60.0, 100.0, 1100.0, 820.0],
        "openrect": [0.0, 0.0, float(WIDTH), float(HEIGHT)],
        "openrectmode": 0,
        "openinpresentation": 1,
        "default_fontsize": 10.0,
        "default_fontname": "Arial Bold",
        "gridsize": [8.0, 8.0],
        "boxanimatetime": 500,
        "integercoordinates": 1,
        "boxes": patch.boxes,
        "lines": patch.lines,
        "parameters": parameters,
        "dependency_cache": [
            {"name": SCRIPT, "bootpath": ".", "type": "TEXT", "implicit": 1}
        ],
        "latency": 0,
        "is_mpe": 0,
        "minimum_live_version": "12.2",
        "minimum_max_version": "9",
        "platform_compatibility": 0,
        "project": _project(),
        "autosave": 0,
    }  # fmt: skip


def _project() -> dict[str, Any]:
    date = 3_590_052_786
    return {
        "version": 1,
        "creationdate": date,
        "modificationdate": date,
        "viewrect": [25.0, 120.0, 640.0, 794.0],
        "autoorganize": 1,
        "hideprojectwindow": 1,
        "showdependencies": 1,
        "autolocalize": 0,
        "contents": {"patchers": {}, "code": {SCRIPT: {"kind": "javascript", "local": 1}}},
        "layout": {},
        "searchpath": {},
        "detailsvisible": 0,
        "amxdtype": int.from_bytes(b"aaaa", "big"),
        "readonly": 0,
        "devpathtype": 0,
        "devpath": ".",
        "sortmode": 0,
        "viewmode": 0,
        "includepackages": 0,
    }
