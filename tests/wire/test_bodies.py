"""What the daemon knows fits the wire, in the order of the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stembridge.client import Stem
from stembridge.daemon.telling import file_record, model_facts
from stembridge.pipeline.events import StemFile
from stembridge.pipeline.verdict import Verdict
from stembridge.remarks import Remark
from stembridge.testing import FakeModel
from stembridge.wire import bodies, osc, protocol


def test_a_verdict_with_many_warnings_still_fits_one_string() -> None:
    remarks = tuple(Remark("silent", {"stem": f"{number}th stem"}) for number in range(80))
    for kept in (80, 1):
        shown = remarks[:kept]
        verdict = Verdict(1.0, 0.9, 0.8, 0.5, 3.0, 0.0, -20.0, -3.0, -1.0, False, shown)
        warnings = verdict.warnings
        file = StemFile("bass", 0, Path("/takes/x.wav"), "0" * 64, 88_200, 44_100, verdict)
        record = vars(file_record(file))
        assert json.loads(record["verdict"])["warnings"] == list(warnings)
        raw = protocol.pack("/stembridge/stem", *bodies.stem("r", 1, record))
        args = protocol.bind(osc.parse(raw)[0]).args
        heard = json.loads(args["verdict"])
        assert heard["warnings"] == list(warnings[: len(heard["warnings"])])
        assert [found["code"] for found in heard["remarks"]] == ["silent"] * len(heard["warnings"])
        assert (len(heard["warnings"]) == kept) == (kept == 1)
        assert (args["request_id"], args["seq"], args["path"]) == ("r", 1, "/takes/x.wav")


def test_the_order_of_a_mapping_means_nothing() -> None:
    facts = vars(model_facts(FakeModel()))
    there, back = bodies.model_info(facts), bodies.model_info(dict(reversed(facts.items())))
    assert there == back
    (message,) = osc.parse(protocol.pack("/stembridge/model.info", *there))
    args = protocol.bind(message).args
    assert (args["name"], args["stems"]) == ("fake", "bass,drums,guitar,piano")
    with pytest.raises(KeyError, match="sample_rate"):
        bodies.model_info({name: fact for name, fact in facts.items() if name != "sample_rate"})


def test_a_stem_message_says_what_was_heard_and_chosen() -> None:
    verdict = Verdict(1.0, 0.9, 0.8, 0.5, 3.0, 0.0, -20.0, -3.0, -1.0, False, ())
    file = StemFile(
        "bass", 0, Path("/takes/x.wav"), "0" * 64, 88_200, 44_100, verdict, "funk", "slap",
        "Am@0 F@4", chords_from="heard", key="Am", seed=7,
    )  # fmt: skip
    heard = json.loads(file_record(file).verdict)
    assert heard["made"] == ["funk on slap", "chords heard: Am F", "in Am", "seed 7"]
    assert (heard["key"], heard["seed"]) == ("Am", 7)
    stem = Stem("bass", 0, "/takes/x.wav", "0" * 64, 88_200, 44_100, file_record(file).verdict)
    assert stem.said == heard["made"]
