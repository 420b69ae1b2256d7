import struct
from decimal import ROUND_HALF_UP, Decimal, getcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stembridge.errors import BadArgsError
from stembridge.musical_time import (
    FOUR_FOUR,
    TimeSignature,
    as_written,
    beats_to_samples,
    beats_to_seconds,
    exact,
    frames_for_samples,
    resampled_length,
    round_up,
    samples_to_beats,
    seconds_to_beats,
    seconds_to_samples,
)

RATES = st.sampled_from([8000, 22_050, 44_100, 48_000, 96_000, 192_000])
TEMPI = st.decimals(20, 999, places=2, allow_nan=False)


@pytest.mark.parametrize(
    ("metre", "bars", "bpm", "rate", "samples"),
    [
        # bars * beats per bar * 60 / bpm * rate, worked out by hand
        ("4/4", 4, "120", 44_100, 352_800),
        ("4/4", 8, 174.0, 48_000, 529_655),  # 529,655.17
        ("4/4", 8, 87.3, 44_100, 969_897),  # 969,896.907
        ("3/4", 16, "87.3", 48_000, 1_583_505),  # 1,583,505.15
        ("7/8", 8, 87.3, 44_100, 848_660),  # 848,659.79
        ("7/8", 4, 174, 44_100, 212_897),  # 212,896.55
    ],
)
def test_lengths_a_daw_would_agree_with(metre, bars, bpm, rate, samples):
    beats = TimeSignature.parse(metre).beats_per_bar * bars
    assert beats_to_samples(beats, bpm, rate) == samples


@given(
    numerator=st.integers(1, 99),
    denominator=st.sampled_from([1, 2, 4, 8, 16, 32]),
    bars=st.integers(1, 512),
    bpm=TEMPI,
    rate=RATES,
)
def test_one_rounding_of_the_exact_value(numerator, denominator, bars, bpm, rate):
    """Decimal arithmetic of 60 digits as a second opinion; bpm as text, float and Fraction."""
    getcontext().prec = 60
    beats = TimeSignature(numerator, denominator).beats_per_bar * bars
    wanted = int((Decimal(beats) * 60 / bpm * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    assert beats_to_samples(beats, str(bpm), rate) == wanted
    assert beats_to_samples(beats, float(bpm), rate) == wanted
    assert beats_to_samples(beats, Fraction(bpm), rate) == wanted


def test_halves_go_up_even_where_floats_would_not_know():
    assert beats_to_samples(Fraction(1, 2), 60, 1) == 1
    assert beats_to_samples(Fraction(-1, 2), 60, 1) == 0
    assert beats_to_samples(2.5, 60, 1) == 3  # Python's round() would say 2
    assert seconds_to_samples("0.5", 1) == 1


@given(start=st.integers(0, 100_000), length=st.integers(1, 4096), bpm=TEMPI, rate=RATES)
def test_bars_tile_the_timeline(start, length, bpm, rate):
    """A file of n beats placed at beat b ends where beat b + n starts, within a sample."""
    first = beats_to_samples(start, str(bpm), rate)
    last = beats_to_samples(start + length, str(bpm), rate)
    assert abs(last - first - beats_to_samples(length, str(bpm), rate)) <= 1


def test_a_float_means_its_decimal_spelling():
    assert exact(87.3) == Fraction(873, 10)
    assert exact("87.3") == Fraction(873, 10)
    assert exact(120) == 120
    assert exact(1e-7) == Fraction(1, 10**7)


@given(st.decimals(20, 999, places=2, allow_nan=False))
def test_single_precision_is_undone(bpm):
    on_the_wire = struct.unpack(">f", struct.pack(">f", float(bpm)))[0]
    assert as_written(on_the_wire) == float(bpm)


@given(st.floats(width=32))
def test_undoing_is_harmless_and_happens_once(value):
    written = as_written(value)
    assert struct.pack(">f", written) == struct.pack(">f", value)
    assert repr(as_written(written)) == repr(written)


@pytest.mark.parametrize("value", [87.3, 1e300, 0.1, float("inf"), -0.0])
def test_doubles_are_left_alone(value):
    assert as_written(value) == value


@given(st.floats(0.01, 10_000), st.floats(20, 999))
def test_seconds_and_beats_are_inverse(beats, bpm):
    assert seconds_to_beats(beats_to_seconds(beats, bpm), bpm) == pytest.approx(beats)


def test_seconds_and_beats_by_hand():
    assert beats_to_seconds(4, 120) == 2.0
    assert seconds_to_beats(2, 90) == 3.0
    assert samples_to_beats(22_050, "120", 44_100) == 1.0
    assert seconds_to_samples(0.25, 44_100) == 11_025


@given(st.integers(0, 10**7), st.integers(1, 4096))
def test_frames_cover_the_samples_and_no_more(n_samples, hop):
    frames = frames_for_samples(n_samples, hop)
    assert frames * hop >= n_samples > (frames - 1) * hop


@given(st.integers(0, 10**6), st.integers(1, 512))
def test_rounding_up(value, multiple):
    up = round_up(value, multiple)
    assert up % multiple == 0
    assert 0 <= up - value < multiple


def test_resampled_length():
    assert resampled_length(44_100, 44_100, 48_000) == 48_000
    assert resampled_length(1, 2, 1) == 1  # a half goes up


@pytest.mark.parametrize(
    ("text", "beats"), [("4/4", 4), ("3/4", 3), ("7/8", 3.5), (" 6 / 8 ", 3), ("1/32", 0.125)]
)
def test_time_signatures(text, beats):
    metre = TimeSignature.parse(text)
    assert metre.beats_per_bar == beats
    assert TimeSignature.parse(str(metre)) == metre


@pytest.mark.parametrize(
    "text", ["", "4", "4/3", "0/4", "100/4", "4/0", "-4/4", "4/4/4", "4.0/4", "٤/4", "waltz"]
)
def test_time_signatures_that_are_none(text):
    with pytest.raises(BadArgsError, match=r"like 4/4"):
        TimeSignature.parse(text)


def test_four_four():
    assert FOUR_FOUR == TimeSignature() == TimeSignature.parse("4/4")
