"""The command table, help, and how refusals are said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import stembridge
from stembridge import cli
from stembridge.cli import main
from stembridge.errors import DiskFullError


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)


def test_help_lists_the_commands_that_are_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    for name in ("arrange", "doctor", "bench"):
        assert name in shown


def test_without_words_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    run()
    assert "arrange" in "".join(capsys.readouterr())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.strip() == f"stembridge {stembridge.__version__}"


def test_unknown_commands_are_refused() -> None:
    assert run("compose") == 2


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_in_the_table_that_is_there_has_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if not cli._module_exists(cli.COMMANDS[name]):
        assert run(name) == 2
        return
    assert run(name, "--help") == 0
    assert name in capsys.readouterr().out


def test_groups_of_commands_can_be_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    group = typer.Typer()
    told: list[str] = []

    @group.command()
    def ports() -> None:
        told.append("ports")

    @group.command()
    def play() -> None:
        told.append("play")

    monkeypatch.setattr(cli.importlib, "import_module", lambda _name: type("M", (), {"x": group}))
    monkeypatch.setitem(cli.COMMANDS, "sound", "stembridge.cli:x")
    assert run("sound", "ports") == 0
    assert told == ["ports"]


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any) -> None:
        raise DiskFullError("There is no room.")

    monkeypatch.setattr("stembridge.cli.arrange._make", refuse)


@pytest.mark.usefixtures("refusing")
def test_a_refusal_is_one_sentence_with_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("arrange", "--generate", "bass", "--bpm", "120", "--bars", "2") == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "stembridge: There is no room. [DISK_FULL -104]\n"


@pytest.mark.usefixtures("refusing")
def test_a_refusal_is_json_where_json_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("arrange", "--generate", "bass", "--bpm", "120", "--bars", "2", "--json") == 3
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "error": {"code": -104, "symbol": "DISK_FULL", "sentence": "There is no room."}
    }
    assert shown.err == ""


@pytest.mark.parametrize("absent", ["scipy.fft", "stembridge.nowhere"])
def test_what_a_small_install_lacks_is_named(
    absent: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def command() -> None:
        raise ModuleNotFoundError(f"No module named '{absent}'", name=absent)

    monkeypatch.setattr("stembridge.cli.ports.ports", command)
    if absent.startswith("stembridge"):  # a fault of ours keeps its traceback
        with pytest.raises(ModuleNotFoundError):
            main(["ports"])
        return
    with pytest.raises(SystemExit) as ended:
        main(["ports"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "This needs scipy, which is not installed" in said
    assert "MISSING_EXTRA" in said


def test_the_module_runs_and_imports_nothing_heavy_for_help() -> None:
    program = (
        "import sys\nfrom stembridge.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'onnxruntime', 'scipy', 'sounddevice', 'soxr'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    module = [sys.executable, "-m", "stembridge", "--version"]
    shown = subprocess.run(module, capture_output=True, text=True, cwd=Path(__file__).parent)
    assert shown.stdout.strip() == f"stembridge {stembridge.__version__}"
