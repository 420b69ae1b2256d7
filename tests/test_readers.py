"""Values as programs of other languages write them."""

from __future__ import annotations

import pytest

from stembridge.chords import parse_chord
from stembridge.errors import BadArgsError
from stembridge.readers import decimal, text
from stembridge.request import parse_request
from stembridge.wire import osc, protocol

TAKE = {"generate": "bass", "bars": 1}


@pytest.mark.parametrize(
    ("written", "value"),
    [("93,5", 93.5), ("93.5", 93.5), ("\u22123,25", -3.25), ("-3.25", -3.25), (" 120 ", 120.0)],
)
def test_decimal_commas_and_other_minus_signs(written: str, value: float) -> None:
    assert decimal(written) == value
    message = osc.Message("/stembridge/midi/tempo", (written, 0.0, 1, 0.0))
    assert protocol.bind(message).args["bpm"] == value


@pytest.mark.parametrize("written", ["1,234.5", "1.234,5", "9,3,5", "", "fast"])
def test_what_is_no_number_stays_none(written: str) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        decimal(written)
    with pytest.raises(BadArgsError):
        parse_request(TAKE | {"bpm": written})


def test_a_request_in_another_language() -> None:
    request = parse_request(TAKE | {"bpm": "93,5", "start_beats": "\u22124"})
    assert (request.bpm, request.start_beats) == (93.5, -4.0)
    assert parse_chord("A\u22127").pitch_classes == parse_chord("Am7").pitch_classes


def test_names_in_an_old_encoding_are_told_before_the_work() -> None:
    with pytest.raises(ValueError, match="old encoding"):
        text("path", 100)("drums_\udcfc.wav")
