"""The device as a file: reproducible, readable, and in line with Ableton's production guidelines.

The numbers in the names are those of the checks listed in the guidelines' mechanical part.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_stage import DEVICE_FOLDER
from m4l.bundle import bundle
from m4l.container import FIXED_DATE_S, Device, plain_device, read_device
from m4l.controls import HEIGHT, MARGIN, WIDTH, controls
from m4l.metrics import text_width
from m4l.patcher import build_patcher, face_selectors
from m4l.picture import font_px, number_text

SCRIPT = "stembridge.js"
# Objects of Max and Max for Live that the device may use (a wrong name fails silently in Max).
KNOWN_OBJECTS = {
    "v8", "prepend", "route", "pattr", "live.thisdevice", "udpsend", "udpreceive", "plugin~",
    "plugout~", "dspstate~",
}  # fmt: skip
KNOWN_CLASSES = {
    "newobj", "message", "live.text", "live.tab", "live.menu", "live.numbox", "live.comment",
    "textedit", "panel",
}  # fmt: skip


def boxes(patcher: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (entry["box"] for entry in patcher["boxes"])


def shown(patcher: dict[str, Any]) -> list[dict[str, Any]]:
    return [box for box in boxes(patcher) if box.get("presentation")]


def parameters(patcher: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """varname -> parameter attributes."""
    found = {}
    for box in boxes(patcher):
        valueof = box.get("saved_attribute_attributes", {}).get("valueof")
        if valueof is not None:
            found[box["varname"]] = valueof
    return found


# ---- container ---------------------------------------------------------------------------------


def test_building_reproduces_the_committed_device_byte_for_byte() -> None:
    command = [sys.executable, str(DEVICE_FOLDER / "build.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_build_writes_both_devices_the_same_twice(tmp_path: Path) -> None:
    source = (DEVICE_FOLDER / "build.py").read_text()
    spec = importlib.util.spec_from_loader("device_build", loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(DEVICE_FOLDER / "build.py")
    exec(compile(source, "build.py", "exec"), module.__dict__)
    module.HERE = DEVICE_FOLDER
    assert module.release_bytes() == module.release_bytes()
    script = bundle(DEVICE_FOLDER / "src", module.VERSION)
    dev = read_device(plain_device(build_patcher()))
    assert dev.meta == 1 and dev.files == {} and dev.patcher == build_patcher()
    assert script.startswith('"use strict";\n')


def test_01_chunks_kind_and_directory(device: Device) -> None:
    data = (DEVICE_FOLDER / "StemBridge.amxd").read_bytes()
    assert device.kind == b"aaaa" and device.meta == 7
    assert device.flags == {"StemBridge.amxd": 17, SCRIPT: 0}
    assert data.count(b"mdat") == 2 and FIXED_DATE_S.to_bytes(4, "big") in data
    with pytest.raises(ValueError, match="not an"):
        read_device(data + b"more")


def test_02_03_presentation_of_lives_height(device: Device) -> None:
    patcher = device.patcher
    assert patcher["openinpresentation"] == 1
    assert patcher["openrect"] == [0, 0, WIDTH, HEIGHT] and (WIDTH, HEIGHT) == (660, 169)
    right = max(x + w for x, _, w, _ in (box["presentation_rect"] for box in shown(patcher)))
    assert right + MARGIN == WIDTH


def test_04_nothing_overlaps_and_all_is_on_whole_pixels(device: Device) -> None:
    rects = {box["varname"]: box["presentation_rect"] for box in shown(device.patcher)}
    for name, (x, y, w, h) in rects.items():
        assert all(value == int(value) for value in (x, y, w, h)), name
        assert x >= MARGIN and y >= MARGIN - 1 and x + w <= WIDTH - MARGIN and y + h <= HEIGHT, name
    panels = {"status_panel"}
    for (one, a), (other, b) in itertools.combinations(rects.items(), 2):
        if {one, other} & panels:
            continue
        apart = (
            a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0] or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]
        )
        assert apart, (one, other)


def _texts(box: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Every text a box can show, and the width it has for it."""
    width = box["presentation_rect"][2]
    valueof = box.get("saved_attribute_attributes", {}).get("valueof", {})
    kind = box["maxclass"]
    if kind == "live.text":
        yield box["text"], width - 4
        yield box["texton"], width - 4
    elif kind == "live.tab":
        items = valueof["parameter_enum"]
        yield from ((item, width / len(items) - 2) for item in items)
    elif kind == "live.menu":
        yield from ((item, width - 18) for item in valueof["parameter_enum"])
    elif kind == "live.numbox" and box.get("appearance") != 2:
        for value in (valueof["parameter_mmin"], valueof["parameter_mmax"]):
            yield number_text(box, value), width - 6
    elif kind == "live.comment" and box["varname"] != "detail":
        yield box["text"], width - 2


def test_04_every_text_fits(device: Device) -> None:
    for box in shown(device.patcher):
        for text, room in _texts(box):
            assert text_width(text, font_px(box)) <= room, (box["varname"], text)


def test_a_text_that_does_not_fit_is_found(device: Device) -> None:
    box = next(box for box in shown(device.patcher) if box["varname"] == "place_in")
    assert text_width("Arrangement", font_px(box)) > 112 / 2 - 2


def test_05_sound_goes_straight_through(device: Device) -> None:
    ids = {box.get("text"): box["id"] for box in boxes(device.patcher)}
    cords = [
        (line["patchline"]["source"], line["patchline"]["destination"])
        for line in device.patcher["lines"]
    ]
    for channel in (0, 1):
        assert ([ids["plugin~"], channel], [ids["plugout~"], channel]) in cords
    assert device.patcher["latency"] == 0


def test_06_cords_join_what_exists(device: Device) -> None:
    known = {box["id"]: box for box in boxes(device.patcher)}
    assert len(known) == len(device.patcher["boxes"])
    for line in device.patcher["lines"]:
        (source, outlet), (target, inlet) = line["patchline"].values()
        assert outlet < known[source]["numoutlets"] and inlet < known[target]["numinlets"]
    for box in known.values():
        assert len(box.get("outlettype", [])) == box["numoutlets"]


def test_07_08_objects_are_known_and_harmless(device: Device) -> None:
    for box in boxes(device.patcher):
        assert box["maxclass"] in KNOWN_CLASSES
        if box["maxclass"] == "newobj":
            assert box["text"].split()[0] in KNOWN_OBJECTS


def test_10_11_dependencies_and_versions(device: Device) -> None:
    (entry,) = device.patcher["dependency_cache"]
    assert {entry["name"]} == set(device.files) == {SCRIPT}
    assert not re.search(r"[\" ](/[a-zA-Z]|[A-Z]:[/\\\\])", json.dumps(device.patcher))
    assert device.patcher["minimum_live_version"] == "12.2"
    assert device.patcher["minimum_max_version"] == "9"
    assert device.patcher["project"]["amxdtype"] == int.from_bytes(b"aaaa", "big")


# ---- parameters --------------------------------------------------------------------------------


def test_13_long_names_never_change(device: Device) -> None:
    names = [valueof["parameter_longname"] for valueof in parameters(device.patcher).values()]
    frozen = (Path(__file__).parent / "parameter_names.txt").read_text().splitlines()
    assert sorted(names) == sorted(frozen) and len(set(names)) == len(names)
    assert not any("[" in name or name.startswith("live.") for name in names)
    listed = device.patcher["parameters"]
    assert {value[0] for key, value in listed.items() if key.startswith("obj-")} == set(names)


def test_14_to_17_parameters_are_complete(device: Device) -> None:
    for name, valueof in parameters(device.patcher).items():
        assert len(valueof["parameter_shortname"]) <= 8, name
        if valueof["parameter_invisible"] != 2:
            assert valueof["parameter_initial_enable"] == 1 and "parameter_initial" in valueof, name
        if valueof["parameter_type"] == 2:
            items = valueof["parameter_enum"]
            assert valueof["parameter_mmax"] == len(items) - 1 and "val1" not in items, name
        elif valueof["parameter_type"] == 0:
            assert valueof["parameter_mmin"] < valueof["parameter_mmax"], name
        if name != "session":
            assert valueof["parameter_info"] and valueof["parameter_annotation_name"], name
            assert valueof["parameter_modmode"] == 0, name


def test_18_buttons_can_be_mapped_and_displays_leave_undo_alone(device: Device) -> None:
    values = parameters(device.patcher)
    mappable = {name for name, valueof in values.items() if valueof["parameter_invisible"] == 0}
    for stem in ("bass", "drums", "guitar", "piano"):
        assert {f"make_{stem}", f"role_{stem}"} <= mappable
        assert values[f"source_{stem}"]["parameter_invisible"] == 2
    assert {"generate", "cancel", "seed", "length", "takes", "closeness"} <= mappable
    assert values["progress"]["parameter_invisible"] == 2
    assert not {"status", "detail"} & set(values)


def test_20_buttons_act_when_the_mouse_is_let_go(device: Device) -> None:
    for box in boxes(device.patcher):
        if box["maxclass"] == "live.text":
            assert box["outputmode"] == 1


def test_21_banks_name_parameters_that_exist(device: Device) -> None:
    names = {valueof["parameter_longname"] for valueof in parameters(device.patcher).values()}
    for bank in device.patcher["parameters"]["parameterbanks"].values():
        assert len(bank["parameters"]) == 8
        assert set(bank["parameters"]) - {"-"} <= names


def test_22_colours_follow_the_theme(device: Device) -> None:
    for box in boxes(device.patcher):
        assert not [key for key in box if key.endswith("color")], box.get("varname")
        for key, value in box.get("saved_attribute_attributes", {}).items():
            if key != "valueof":
                assert value["expression"] == "" or value["expression"].startswith("themecolor.")


# ---- script ------------------------------------------------------------------------------------


def test_24_25_script_is_strict_and_tidy(script: str) -> None:
    lines = script.split("\n")
    assert lines[0] == '"use strict";' and lines[-1] == ""
    assert not [line for line in lines if line != line.rstrip()]
    assert not re.search(r"\b(setTimeout|console|fetch|require|import)\b *[(.]", script)
    assert "outlet.apply" not in script


@pytest.mark.foreign
def test_24_script_parses_in_node(script: str, tmp_path: Path) -> None:
    (tmp_path / "script.js").write_text(script)
    subprocess.run(["node", "--check", str(tmp_path / "script.js")], check=True)


def test_26_every_message_wired_into_the_script_has_a_function(device: Device, script: str) -> None:
    known = {box["id"]: box for box in boxes(device.patcher)}
    (script_id,) = [one for one, box in known.items() if box.get("text", "").startswith("v8 ")]
    functions = set(re.findall(r"^function (\w+)\(", script, re.MULTILINE))
    selectors = set()
    for line in device.patcher["lines"]:
        (source, _), (target, _) = line["patchline"].values()
        if target == script_id and not known[source]["text"].startswith("udpreceive"):
            text = known[source]["text"]
            selectors.add(text.removeprefix("prepend ").split()[0])
    assert selectors <= functions
    assert {control.selector.split()[0] for control in controls() if control.selector} <= selectors
    assert "anything" in functions  # what udpreceive brings


def test_26_every_selector_the_script_shows_has_a_way(script: str) -> None:
    sent = set(re.findall(r'(?:show\(|send\(\[)"(\w+)"', script))
    assert sent - {"port"} <= set(face_selectors()) | {"source_"}  # "port" is for the network


def test_bundle_refuses_a_name_declared_twice(tmp_path: Path) -> None:
    for path in (DEVICE_FOLDER / "src").glob("*.js"):
        (tmp_path / path.name).write_text(path.read_text())
    with (tmp_path / "takes.js").open("a") as file:
        file.write("\nexport function decimal() {}\n")
    with pytest.raises(ValueError, match=r"decimal is declared in beats\.js and takes\.js"):
        bundle(tmp_path, "0")


# ---- somebody else's reader -------------------------------------------------------------------


@pytest.mark.skipif(
    "MAXDIFF" not in os.environ,
    reason="Ableton's maxdiff is in no package registry; set MAXDIFF to its folder",
)
def test_abletons_own_parser_reads_it() -> None:
    folder = os.environ["MAXDIFF"]
    command = [sys.executable, "amxd_textconv.py", str(DEVICE_FOLDER / "StemBridge.amxd")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "Audio Effect Device" in done.stdout and SCRIPT in done.stdout
