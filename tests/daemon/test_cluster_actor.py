"""What passes between the daemon's machine and a worker elsewhere, without Ray between them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import stembridge
from stembridge.daemon.cluster_actor import ClusterActor
from stembridge.daemon.cluster_worker import ClusterLink, ClusterSettings
from stembridge.errors import ClusterDownError, IncompatibleApiError
from stembridge.pool.cluster import joined, read_address
from stembridge.request import parse_request, request_to_mapping
from tests.helpers.daemons import write_context


class RayHere:
    """Ray's calls, carried out at once in this process."""

    exceptions = SimpleNamespace(GetTimeoutError=TimeoutError, RayError=OSError)

    def __init__(self) -> None:
        self.actors: list[ClusterActor] = []
        self.fault: Exception | None = None

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def remote(self, kind: type[ClusterActor]) -> Any:
        def start(*values: Any) -> Any:
            actor = kind(*values)
            self.actors.append(actor)
            calls = ("facts", "tell", "hear")
            return SimpleNamespace(
                **{name: SimpleNamespace(remote=getattr(actor, name)) for name in calls}
            )

        return SimpleNamespace(options=lambda **_options: SimpleNamespace(remote=start))

    def get(self, value: Any, timeout: float | None = None) -> Any:
        if self.fault is not None:
            raise self.fault
        return value


def settings(*roots: Path, model: str = "fake:") -> ClusterSettings:
    worker = {
        "model": model,
        "device": "cpu",
        "threads": None,
        "cores": 1,
        "warm_up": False,
        "roots": [str(root) for root in roots],
        "log_level": "warning",
    }
    return ClusterSettings("local", 1, worker)


def asked(drums: str | None, **keys: Any) -> dict[str, Any]:
    heard = {"context.drums": drums} if drums else {}
    return {"generate": "bass", "bpm": 120, "bars": 1, **heard, **keys}


class Session:
    """A link, and what it says."""

    def __init__(self, *roots: Path) -> None:
        self.ray = RayHere()
        self.events: list[dict[str, Any]] = []
        self.link = ClusterLink(self.ray, settings(*roots), self._say)

    def _say(self, line: str) -> None:
        event = json.loads(line)
        if event["kind"] not in {"beat", "progress", "ready", "warm"}:
            self.events.append(event)
        if event["kind"] in {"done", "failed"}:
            raise EOFError

    def run(self, out: Path, /, drums: str | None = None, **keys: Any) -> list[dict[str, Any]]:
        request = request_to_mapping(parse_request(asked(drums, **keys)))
        self.events.clear()
        with pytest.raises(EOFError):
            self.link.tell({"do": "run", "id": "a", "request": request, "out": str(out)})
            self.link.pass_events()
        return self.events


def test_context_goes_there_and_every_file_comes_back(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    drums = write_context(tmp_path / "in", "drums")["drums"]
    session = Session(tmp_path / "in")
    for _ in range(2):  # the second job finds nothing of the first
        stem, done = session.run(tmp_path / "out", midi=True, drums=drums)
        folder = Path(done["folder"])
        assert folder.parent == tmp_path / "out" and Path(stem["file"]["path"]).parent == folder
        assert {path.suffix for path in folder.iterdir()} >= {".json", ".mid", ".wav"}
        receipt = json.loads(Path(done["receipt"]).read_text())
        assert receipt["request"]["context"][0]["path"] == drums
        assert receipt["stems"][0]["sha256"] == stem["file"]["sha256"]
    (actor,) = session.ray.actors
    assert len(list(actor._home.rglob("*.wav"))) == 2  # the context's copy and the last take


def test_the_same_take_as_here(tmp_path: Path) -> None:
    from stembridge.pipeline.run import arrange
    from stembridge.testing import open_fake

    drums = write_context(tmp_path, "drums")["drums"]
    stem, _done = Session(tmp_path).run(tmp_path / "there", drums=drums, seed=5)
    (here,) = arrange(parse_request(asked(drums, seed=5)), open_fake("fake:"), tmp_path / "here")
    assert here.sha256 == stem["file"]["sha256"]


def test_a_file_outside_the_roots_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    drums = write_context(tmp_path, "drums")["drums"]
    session = Session(tmp_path / "in")
    (failed,) = session.run(tmp_path / "out", drums=drums)
    assert (failed["symbol"], failed["usable"]) == ("PATH_DENIED", True)
    assert not list(session.ray.actors[0]._home.iterdir())


def test_an_instrument_of_ones_own_is_refused_in_words(tmp_path: Path) -> None:
    (failed,) = Session(tmp_path).run(tmp_path, **{"instrument.bass": str(tmp_path / "my.sfz")})
    assert (failed["symbol"], failed["usable"]) == ("BAD_ARGS", True)
    assert "without --cluster" in failed["sentence"]


def test_a_file_too_large_to_send_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stembridge.daemon.cluster_worker.MOST_BYTES", 1000)
    (failed,) = Session(tmp_path).run(tmp_path, drums=write_context(tmp_path, "drums")["drums"])
    assert failed["symbol"] == "BAD_ARGS" and "larger than" in failed["sentence"]


def test_a_take_that_cannot_be_written_here_fails(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file stands where the folder should be")
    (failed,) = Session(tmp_path).run(tmp_path / "out")
    assert failed["kind"] == "failed" and not failed["usable"]


def test_a_full_or_broken_cluster_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = RayHere()
    ray.fault = TimeoutError()
    with pytest.raises(ClusterDownError, match=r"no place for a worker \(1 CPU\)"):
        ClusterLink(ray, settings(tmp_path), print)
    ray.fault = OSError("Traceback\nModuleNotFoundError: No module named 'stembridge'")
    with pytest.raises(ClusterDownError, match="must be installed on each"):
        ClusterLink(ray, settings(tmp_path), print)
    monkeypatch.setattr(ClusterActor, "facts", lambda _self: ("0.0.1", "/", 1))
    ray.fault = None
    with pytest.raises(IncompatibleApiError, match=f"0.0.1, this one {stembridge.__version__}"):
        ClusterLink(ray, settings(tmp_path), print)


@pytest.mark.parametrize("text", ["local", "auto", "10.0.0.5:6379", "[::1]:6379", "head.lan:1"])
def test_addresses(text: str) -> None:
    assert read_address(f" {text} ") == text


@pytest.mark.parametrize("text", ["", "10.0.0.5", ":6379", "h:0", "h:99999", "h:port", "Local"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 10\.0\.0\.5:6379"):
        read_address(text)


def test_nobody_there_is_noticed_at_once_and_without_ray() -> None:
    with pytest.raises(ClusterDownError, match="cannot be reached"), joined("127.0.0.1:1"):
        pass


def test_ray_is_not_imported_unless_asked_for() -> None:
    program = (
        "import sys, stembridge.daemon.server, stembridge.cli, stembridge.daemon.cluster_worker\n"
        "from stembridge.daemon.cluster_head import OwnCluster\n"
        "assert 'ray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
