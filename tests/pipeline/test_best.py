"""The best of some takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stembridge.pipeline import best
from stembridge.pipeline.receipt_reading import read_receipt
from stembridge.pipeline.run import arrange
from stembridge.request import GenerationRequest, parse_request
from stembridge.testing import FakeModel


def request_for(**more: Any) -> GenerationRequest:
    base = {
        "generate": "bass,piano",
        "bpm": "120",
        "bars": 2,
        "steps": 3,
        "seed": 0,
        "request_id": "b",
    }
    return parse_request(base | more)


def test_the_best_of_three_is_one_of_the_three(tmp_path: Path, monkeypatch: Any) -> None:
    three = arrange(request_for(variations=3), FakeModel(), tmp_path / "a")
    monkeypatch.setattr(best, "score", lambda takes, request: [0.2, 0.9, 0.3])
    kept = arrange(request_for(best=3), FakeModel(), tmp_path / "b")
    second = [stem.sha256 for stem in three if stem.variation == 1]
    assert [stem.sha256 for stem in kept] == second
    assert {stem.variation for stem in kept} == {0}
    words = "try 2 of 3 was kept; their scores: 0.20, 0.90, 0.30"
    assert all(words in stem.verdict.warnings for stem in kept)
    assert words in str(read_receipt(kept[0].path.parent))


def test_several_variations_are_each_the_best_of_their_own(tmp_path: Path) -> None:
    stems = arrange(request_for(best=2, variations=2, generate="bass"), FakeModel(), tmp_path)
    assert [stem.variation for stem in stems] == [0, 1]
    assert stems[0].sha256 != stems[1].sha256


def test_silence_and_a_late_start_lose() -> None:
    from dataclasses import replace

    from stembridge.pipeline.best import score
    from stembridge.pipeline.take_files import SoundedTake
    from stembridge.pipeline.verdict import Verdict

    good = Verdict(2.0, 0.9, 0.9, 0.6, 0.0, 0.0, -20.0, None, -3.0, False, ())
    takes = [
        SoundedTake(None, {}, {"bass": verdict, "piano": good}, 1.0)  # type: ignore[arg-type]
        for verdict in (
            good,
            replace(good, silent=True),
            replace(good, head_silence_ms=1900.0),
            replace(good, onsets_per_s=0.2),
            replace(good, on_grid_share=0.5),
        )
    ]
    first, *others = score(takes, request_for())
    assert all(first > other for other in others)
    assert min(others) == others[0]
