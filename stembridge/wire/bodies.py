"""What the daemon knows, as values of a message: by name, cut to what one OSC string holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stembridge.wire.addresses import BY_ADDRESS
from stembridge.wire.osc import Value
from stembridge.wire.schema import MAX_STRING_BYTES

_LONGEST_BYTES = MAX_STRING_BYTES - 4


def values_of(address: str, args: Mapping[str, Any]) -> tuple[Value, ...]:
    """The arguments of a message in the order of its row; all of them must be there."""
    return tuple(args[arg.name] for arg in BY_ADDRESS[address].args)


def model_info(facts: Mapping[str, Any]) -> tuple[Value, ...]:
    """The values of /stembridge/model.info.

    Args:
        facts: of the model, its stems and styles as lists, its timbres as a mapping.
    """
    texts = {
        "stems": ",".join(facts["stems"]),
        "styles": ",".join(facts["styles"]),
        "timbres": json.dumps(facts["timbres"]),
    }
    return values_of("/stembridge/model.info", {**facts, **texts})


def stem(request_id: str, seq: int, record: Mapping[str, Any]) -> tuple[Value, ...]:
    """The values of /stembridge/stem, of a finished file's record."""
    job = {"request_id": request_id, "seq": seq}
    return values_of(
        "/stembridge/stem", {**record, **job, "verdict": fitting_verdict(record["verdict"])}
    )


def fitting_text(text: str) -> str:
    """Text as one OSC string can hold it: no zero character, valid UTF-8, cut by bytes."""
    data = text.replace("\0", "").encode("utf-8", "replace")
    if len(data) <= _LONGEST_BYTES:
        return data.decode()
    return data[: _LONGEST_BYTES - 3].decode("utf-8", "ignore") + "…"


def fitting_verdict(text: str) -> str:
    """A verdict's JSON with as many of its remarks as fit; the receipt has them all."""
    if len(text.encode()) <= _LONGEST_BYTES:
        return text
    verdict = json.loads(text)
    # What a remark is made of goes before its words do.
    verdict["remarks"] = [{"code": one["code"]} for one in verdict.get("remarks", [])]
    text = json.dumps(verdict, separators=(",", ":"))
    while len(text.encode()) > _LONGEST_BYTES and verdict.get("warnings"):
        for key in ("warnings", "remarks"):  # the same, in words and for programs
            verdict[key] = verdict.get(key, [])[:-1]
        text = json.dumps(verdict, separators=(",", ":"))
    return text
