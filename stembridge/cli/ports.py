"""`stembridge ports`: MIDI ports and sound devices, and what to install where there are none."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stembridge.cli.shared import JsonOption, print_json, quiet_libraries
from stembridge.errors import StembridgeError


def ports(
    api: Annotated[
        str, typer.Option(help='MIDI system: alsa, jack, core, mm; "" for the first that works.')
    ] = "",
    json: JsonOption = False,
) -> None:
    """List MIDI ports and sound devices."""
    with quiet_libraries():
        found = {"midi": _midi(api), "audio": _audio()}
    if json:
        print_json(found)
        return
    for line in _lines(found):
        print(line)


def _midi(api: str) -> dict[str, Any]:
    from stembridge.midi.ports import list_ports

    try:
        names = list_ports(api)
    except StembridgeError as error:
        return {"missing": error.sentence}
    return {"api": names.api, "inputs": list(names.inputs), "outputs": list(names.outputs)}


def _audio() -> dict[str, Any]:
    from stembridge.audio_io.devices import NO_DEVICE, list_devices

    try:
        devices = list_devices()
    except StembridgeError as error:
        return {"missing": error.sentence}
    if not devices:
        return {"missing": NO_DEVICE}
    return {
        "devices": [
            {
                "name": device.name,
                "system": device.system,
                "outputs": device.n_outputs,
                "inputs": device.n_inputs,
                "rate": device.rate,
            }
            for device in devices
        ]
    }


def _lines(found: dict[str, Any]) -> list[str]:
    midi, audio = found["midi"], found["audio"]
    lines = [f"MIDI: {midi['missing']}" if "missing" in midi else f"MIDI ({midi['api']}):"]
    lines += [f"  in   {name}" for name in midi.get("inputs", [])]
    lines += [f"  out  {name}" for name in midi.get("outputs", [])]
    lines.append(f"Sound: {audio['missing']}" if "missing" in audio else "Sound:")
    lines += [
        f"  {device['name']} ({device['system']}): {device['outputs']} out, "
        f"{device['inputs']} in, {device['rate']} Hz"
        for device in audio.get("devices", [])
    ]
    return lines
