"""Requests as the journal keeps them: taken as they are, or refused in words."""

from __future__ import annotations

import json

import pytest

from stembridge.errors import BadArgsError
from stembridge.request import parse_request, request_from_mapping, request_to_mapping

LEAST = {"request_id": "take-1", "generate": "bass", "bpm": "120", "bars": 8}


def test_what_was_checked_and_kept_is_not_checked_again() -> None:
    kept = json.loads(json.dumps(request_to_mapping(parse_request(LEAST))))
    assert request_from_mapping(kept | {"seed": -1}).seed == -1
    for other in (
        {**kept, "mood": "blue"},
        {**kept, "chords": [{"at": 1}]},
        {"generate": ["bass"]},
    ):
        with pytest.raises(
            BadArgsError, match=r"Another version .* this request.*Ask for it again"
        ):
            request_from_mapping(other)
