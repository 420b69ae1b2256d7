"""What the worker says must fit the wire."""

from __future__ import annotations

import json
from pathlib import Path

from stembridge.daemon.worker import _record
from stembridge.pipeline.events import StemFile
from stembridge.pipeline.verdict import Verdict
from stembridge.wire import osc, protocol


def test_a_verdict_with_many_warnings_still_fits_one_string() -> None:
    warnings = tuple(f"{number}: this is what a musician should know …" for number in range(60))
    verdict = Verdict(1.0, 0.9, 0.8, 0.5, 3.0, 0.0, -20.0, -3.0, -1.0, False, warnings)
    for kept in (60, 1):
        shortened = Verdict(**{**verdict.to_mapping(), "warnings": warnings[:kept]})
        stem = StemFile("bass", 0, Path("/takes/x.wav"), "0" * 64, 88_200, 44_100, shortened)
        record = _record(stem)
        values = [record[key] for key in ("stem", "variation", "path", "sha256", "frames", "rate")]
        raw = protocol.pack("/stembridge/stem", "r", 1, *values, record["verdict"])
        heard = json.loads(protocol.bind(osc.parse(raw)[0]).args["verdict"])
        assert heard["warnings"] == list(warnings[: len(heard["warnings"])])
        assert (len(heard["warnings"]) == kept) == (kept == 1)
