"""A request that tells no seed draws one."""

from __future__ import annotations

from stembridge.request import parse_request, request_to_mapping

LEAST = {"generate": "bass", "bpm": 120, "bars": 8}


def test_without_a_seed_each_request_draws_its_own_and_a_repeat_asks_for_the_same() -> None:
    drawn = [parse_request(LEAST).seed for _ in range(20)]
    assert len(set(drawn)) == 20 and all(0 <= seed < 2**31 for seed in drawn)
    told = LEAST | {"request_id": "take-1"}
    assert parse_request(told) == parse_request(told)  # a datagram that is sent again
    assert parse_request(request_to_mapping(parse_request(told))) == parse_request(told)
    assert parse_request(told | {"seed": 0}).seed == 0
