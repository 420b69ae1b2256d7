from __future__ import annotations

import pytest

from stembridge.chords import parse_progression
from stembridge.chords.key import key_of, tonic_of


@pytest.mark.parametrize(
    ("progression", "key"),
    [
        ("Am F C G", "Am"), ("C G Am F", "C"), ("C F G C", "C"), ("Dm7 G7 Cmaj7 Cmaj7", "C"),
        ("Em C G D", "Em"), ("F#m D A E", "F#m"), ("Bb Eb F Bb", "Bb"), ("Cm Ab Eb Bb", "Cm"),
    ],
)  # fmt: skip
def test_keys_of_usual_progressions(progression: str, key: str) -> None:
    assert key_of(parse_progression(progression, 4.0, 16.0), 16.0) == key


def test_nothing_has_no_key() -> None:
    assert key_of((), 16.0) is None
    assert tonic_of("F#m") == 6 and tonic_of("Bb") == 10
