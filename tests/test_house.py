"""The house rules that a machine can hold: style, types, imports, sizes, README, packaging."""

from __future__ import annotations

import ast
import json
import re
import statistics
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stembridge.wire.protocol import as_markdown

ROOT = Path(__file__).parents[1]
ROOMS = ("stembridge", "export", "max_for_live", "examples", "tests")
SUFFIXES = {".py", ".js", ".mjs", ".lua"}

READMES = [
    ROOT / name
    for name in (
        "README.md", "examples/README.md", "max_for_live/README.md", "stembridge/daemon/README.md",
        "stembridge/engines/README.md", "stembridge/evaluation/README.md",
        "stembridge/training/README.md", "stembridge/wire/README.md",
    )
]  # fmt: skip
MAX_README_WORDS = 3500
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_FUNCTION_P90 = 300, 40, 25
LONGER_FILES = {
    "tests/test_request.py": (380, "one table of everything a request may and may not hold"),
}
LONGER_FUNCTIONS = {
    "test_everything_one_can_ask_as_text": (75, "a table of cases, no branches"),
    "mappings": (45, "a Hypothesis strategy: one line per key of a request"),
}


def own_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode:  # a source archive, not a checkout
        return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file())
    found = (ROOT / name for name in listed.stdout.split("\0") if name)
    return sorted(path for path in found if path.is_file())


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def test_ruff_finds_nothing() -> None:
    run(sys.executable, "-m", "ruff", "check", ".")


def test_everything_is_formatted() -> None:
    run(sys.executable, "-m", "ruff", "format", "--check", ".")


@pytest.mark.slow
def test_types_hold() -> None:
    run(sys.executable, "-m", "mypy")


def test_imports_go_down_only() -> None:
    lint = "from importlinter.cli import lint_imports_command as lint; lint()"
    run(sys.executable, "-c", lint)


def test_contributing_draws_the_imports_as_they_are() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    picture = "".join(f"    {layer}\n" for layer in layers if layer != "__main__")
    assert picture in (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_room_is_in_the_contract_of_serving_or_offline() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {one["name"]: one for one in project["tool"]["importlinter"]["contracts"]}
    (layers,) = (one["layers"] for one in contracts.values() if one["type"] == "layers")
    contract = contracts["Serving imports nothing from the offline side"]
    listed = [*contract["source_modules"], *contract["forbidden_modules"]]
    rooms = {name.strip() for layer in layers for name in layer.split("|")}
    # The commands are the one place that knows both sides.
    assert {name.partition(".")[2] for name in listed} == rooms - {"__main__", "cli"}


def test_a_class_name_means_one_thing() -> None:
    named: dict[str, set[str]] = {}
    for path in (ROOT / "stembridge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                named.setdefault(node.name, set()).add(path.relative_to(ROOT).as_posix())
    assert {name: places for name, places in named.items() if len(places) > 1} == {}


def code_files() -> Iterator[tuple[str, str]]:
    for path in own_files():
        name = path.relative_to(ROOT).as_posix()
        if name.split("/")[0] in ROOMS and path.suffix in SUFFIXES:
            yield name, path.read_text(encoding="utf-8")


def test_files_are_short() -> None:
    limit = {name: lines for name, (lines, _) in LONGER_FILES.items()}
    lines = {name: len(text.splitlines()) for name, text in code_files()}
    long = {n: count for n, count in lines.items() if count > limit.get(n, MAX_FILE_LINES)}
    assert not long
    needless = {name for name in LONGER_FILES if lines.get(name, 0) <= MAX_FILE_LINES}
    assert not needless, "these exceptions are no longer needed"


def function_lines(text: str) -> Iterator[tuple[str, int]]:
    """Names and lengths of functions, without their docstrings."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            last = node.body[-1].end_lineno or 0
            yield node.name, last - body[0].lineno + 1 if body else 0


def test_functions_are_short() -> None:
    limit = {name: lines for name, (lines, _) in LONGER_FUNCTIONS.items()}
    found = [
        (file, name, lines)
        for file, text in code_files()
        if file.endswith(".py")
        for name, lines in function_lines(text)
    ]
    assert not [item for item in found if item[2] > limit.get(item[1], MAX_FUNCTION_LINES)]
    assert statistics.quantiles([item[2] for item in found], n=10)[-1] <= MAX_FUNCTION_P90


def test_no_file_names_a_persons_folder_or_a_forgotten_task() -> None:
    home = re.compile(rb"/(?:home|Users)/[a-z]|/root/")
    task = re.compile(rb"\b(?:TODO|FIXME|XXX)\b")
    binary = {".png", ".onnx", ".ts", ".safetensors", ".mid", ".wav", ".npz", ".ogg"}
    found = [
        f"{path.relative_to(ROOT)}: {hit.group().decode()}"
        for path in own_files()
        if path.suffix not in binary and path != Path(__file__)
        for pattern in ((task,) if path.is_relative_to(ROOT / "tests") else (home, task))
        if (hit := pattern.search(path.read_bytes())) is not None
    ]
    assert not found


def between(text: str, name: str) -> str:
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    assert text.count(start) == text.count(end) == 1
    return text.partition(start)[2].partition(end)[0].strip()


def test_readme_holds_the_protocol_as_it_is() -> None:
    readme = (ROOT / "stembridge" / "wire" / "README.md").read_text(encoding="utf-8")
    assert between(readme, "protocol") == as_markdown().strip(), (
        "put the output of `python -m stembridge.wire.protocol` into stembridge/wire/README.md"
    )


def test_readme_speaks_of_every_command() -> None:
    from stembridge.cli import COMMANDS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"stembridge {name}" not in readme] == []


def test_readmes_links_lead_somewhere() -> None:
    for readme in READMES:
        for target in re.findall(r"\]\(([^)]+)\)", readme.read_text(encoding="utf-8")):
            name, _, heading = target.partition("#")
            file = readme.parent / name if name else readme
            assert target.startswith("https://") or file.exists(), f"{readme}: {target}"
            assert not heading or heading in slugs(file), f"{readme}: {target}"


def slugs(page: Path) -> set[str]:
    """What its headings are called in links, as GitHub makes it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_a_producers_and_leads_to_the_others() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.split()) <= MAX_README_WORDS
    others = (str(path.relative_to(ROOT).as_posix()) for path in READMES[1:])
    assert [name for name in others if f"({name}" not in readme] == []


def test_ci_runs_the_readmes_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = between(readme, "test command")
    assert "\n" not in command
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_top_level_stays_small() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in own_files()}
    assert top <= {
        "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore", ".github", ".ci",
        *ROOMS,
    }  # fmt: skip


def pinned() -> set[str]:
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    pins = [line.split("==")[0] for line in lines if line and not line.startswith("#")]
    return {canonical(name) for name in pins}


def canonical(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def test_every_requirement_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    asked = [*project["dependencies"], *(name for extra in extras for name in extra)]
    assert {canonical(name) for name in asked} - pinned() - {"stembridge"} == set()


@pytest.mark.slow
def test_the_wheel_holds_what_serves(tmp_path: Path) -> None:
    """Built without isolation and index: hatchling is there, or this cannot be tested."""
    pytest.importorskip("hatchling", reason="building a wheel needs hatchling")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert "stembridge = stembridge.cli:main" in archive.read(entry_points).decode()
    package = {
        path.relative_to(ROOT).as_posix()
        for path in own_files()
        if path.relative_to(ROOT).parts[0] == "stembridge"
    }
    assert package <= names
    assert {"stembridge/py.typed", "stembridge/training/configs/default.toml"} <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_the_embedded_model_travels_whole() -> None:
    folder = ROOT / "stembridge" / "pretrained"
    if not folder.is_dir():
        pytest.skip(reason="the default model is not embedded")
    manifest = json.loads((folder / "manifest.json").read_text())
    own = {path for path in own_files() if path.parent == folder}
    assert {folder / name for name in manifest["files"]} <= own, "git does not know these files"
    assert sum(path.stat().st_size for path in own) <= 64 * 2**20
