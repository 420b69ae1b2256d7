"""What the device's script shares with stembridge, written as one of its modules (`tables.js`)."""

from __future__ import annotations

import json

from stembridge.roles import PLAIN_WORDS, ROLES

NAME = "tables.js"


def tables_js() -> str:
    """The module: the roles and how their names are read."""
    roles = {
        stem: {
            "words": list(row.words),
            "precedence": row.precedence,
            "colour": row.colour,
            "pitched": row.pitched,
        }
        for stem, row in ROLES.items()
    }
    tables = {"ROLE_TABLE": roles, "PLAIN_WORDS": list(PLAIN_WORDS)}
    lines = ["// What the script shares with stembridge; written by build.py, do not edit."]
    for name, value in tables.items():
        lines += ["", f"export const {name} = {json.dumps(value, indent=2)};"]
    return "\n".join(lines) + "\n"
