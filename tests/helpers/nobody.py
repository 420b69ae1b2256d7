"""This installation for an account without any rights, though it lies in a closed home."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import stembridge

# The last word matters: what setpriv itself starts is still opened with its rights.
BECOME = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env")
_LIST = """
import json, sys
import stembridge.cli.selftest, stembridge.cli.serve, stembridge.selftest.table
import stembridge.daemon.server, stembridge.daemon.worker
import soxr  # which is imported when it is first used
print(json.dumps([m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)]))
"""
_NOT_NEEDED = shutil.ignore_patterns("site-packages", "test", "tests", "__pycache__", "*.a")


def python_of_nobody(folder: Path) -> list[str]:
    """The command by which nobody starts Python with stembridge; root is needed to use it.

    What the daemon and its worker import is copied to `folder`; so is Python itself, where nobody
    may not read it.
    """
    packages = folder / "packages"
    packages.mkdir()
    for source in _imported():
        if source.is_dir():
            shutil.copytree(source, packages / source.name, ignore=_NOT_NEEDED)
        else:
            shutil.copy(source, packages)
    variables = {"PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": 1, "HOME": folder}
    python = Path(sys.executable).resolve()
    if subprocess.run([*BECOME, python, "-c", ""], capture_output=True).returncode:
        home = folder / "python"
        shutil.copytree(sys.base_prefix, home, ignore=_NOT_NEEDED, symlinks=True)
        python = home / "bin" / python.name
        variables |= {"PYTHONHOME": home, "LD_LIBRARY_PATH": home / "lib"}
    return [*BECOME, *(f"{name}={value}" for name, value in variables.items()), str(python)]


def _imported() -> set[Path]:
    """Packages and modules outside Python's own library that daemon and worker import."""
    done = subprocess.run([sys.executable, "-c", _LIST], capture_output=True, check=True)
    found = {Path(stembridge.__file__).parent}
    for file in map(Path, json.loads(done.stdout)):
        root = next((p for p in file.parents if p.name in {"site-packages", "dist-packages"}), None)
        if root is not None:
            name = file.relative_to(root).parts[0]
            beside = root / f"{name}.libs"  # where wheels keep the system's libraries they need
            found |= {root / name, beside} if beside.is_dir() else {root / name}
    return found
