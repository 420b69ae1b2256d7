"""One script from readable modules, because `require()` inside Max reads a file once per use.

The modules are ECMAScript modules, so an editor and Node understand them. Bundling takes their
`import` lines away (every module shares one scope, in dependency order), and `export` words; names
must therefore be unique over all modules, which is checked. What Max calls (`main.js`) stays at the
top level; all else is hidden in a function, so no inner name becomes a Max message by accident.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from m4l.tables import tables_js

ORDER = (
    "tables", "protocol", "beats", "words", "roles", "geometry", "chord_names", "takes", "session",
    "paths", "bridge", "interface", "link", "jobs", "listening", "settling", "midi_file",
    "midi_placing", "placing", "printing", "snapshot", "settings", "status", "sources", "orders",
    "actions", "reworking", "device",
)  # fmt: skip
MAIN = "main"
_IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE | re.DOTALL)
_DECLARED = re.compile(r"^(?:export )?(?:function|class|const|let) +([A-Za-z_$][\w$]*)", re.M)
_EXPORTED = re.compile(r"^export (?:function|class|const|let) +([A-Za-z_$][\w$]*)", re.M)


def bundle(sources: Path, version: str) -> str:
    """The whole script.

    Raises:
        ValueError: two modules declare the same name.
    """
    owner: dict[str, str] = {}
    exported: list[str] = []
    parts: list[str] = []
    for name in ORDER:
        is_shared = name == "tables"
        text = tables_js() if is_shared else (sources / f"{name}.js").read_text(encoding="utf-8")
        for declared in _DECLARED.findall(text):
            if declared in owner:
                raise ValueError(f"{declared} is declared in {owner[declared]}.js and {name}.js")
            owner[declared] = name
        exported += _EXPORTED.findall(text)
        body = _IMPORT.sub("", text).strip()
        parts.append(f"// {name}.js\n\n" + re.sub(r"^export ", "", body, flags=re.MULTILINE))
    main = _IMPORT.sub("", (sources / f"{MAIN}.js").read_text(encoding="utf-8")).strip()
    inner = "\n\n".join(parts)
    stamp = hashlib.sha256((inner + main).encode()).hexdigest()[:8]
    names = ", ".join(sorted(exported))
    return _clean(
        '"use strict";\n'
        "// StemBridge for Ableton Live 12.2 and later (Max 9, object v8).\n"
        "// Built by `python max_for_live/build.py` from max_for_live/src: edit there.\n\n"
        f'const STEMBRIDGE = (function () {{\nconst VERSION = "{version}";\n'
        f'const BUILD_STAMP = "{stamp}";\n\n{inner}\n\n'
        f"return {{ BUILD_STAMP, VERSION, {names} }};\n}})();\n\n// {MAIN}.js\n\n{main}\n"
    )


def _clean(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
