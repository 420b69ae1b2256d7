"""The strict gate: every case python-osc or scsynth fell over, a fuzz, and python-osc as oracle."""

from __future__ import annotations

import functools
import random
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from stembridge.errors import BadTimeError
from stembridge.wire import osc

N_MUTANTS = 120_000
NTP_EPOCH_S = 2_208_988_800


def message(address: str = "/stembridge/ping", tags: str = "si", *values: osc.Value) -> bytes:
    return osc.encode(address, tags, values or ("c", 1))


def bundle(*elements: bytes, time_tag: int = 1) -> bytes:
    body = b"".join(struct.pack(">i", len(element)) + element for element in elements)
    return b"#bundle\0" + struct.pack(">Q", time_tag) + body


VALID = (
    message(),
    osc.encode(
        "/stembridge/generate",
        "sssdTFNhfi",
        ("r", "c", "naïve/…/path", 1.5, True, False, None, 2**40, 0.5, 7),
    ),
    bundle(message(), message("/stembridge/status", "s", "id")),
    osc.encode("/stembridge/list", "", ()),
)

MALFORMED = {
    "empty": b"",
    "not a multiple of four": b"/a\0",
    "too long": b"/" + b"a" * 8190 + b"\0",
    "no slash": b"abc\0,\0\0\0",
    "no type tags": b"/abc\0\0\0\0",
    "tags without comma": b"/abc\0\0\0\0ii\0\0" + bytes(8),
    "catastrophic pattern": b"/*a*a*a*a*a*a*a*a*a*aZ\0\0" + b",\0\0\0",
    "alternatives": b"/{a,b}\0\0,\0\0\0",
    "address never ends": b"/abcdefg" * 8,
    "non-zero padding": b"/a\0x,\0\0\0",
    "blob": b"/a\0\0,b\0\0\0\0\0\4abcd",
    "blob of 2 GiB": b"/a\0\0,b\0\0\x7f\xff\xff\xff",
    "array": b"/a\0\0,[i]\0\0\0\0" + bytes(4),
    "unknown tag": b"/a\0\0,Q\0\0" + bytes(8),
    "argument cut off": b"/a\0\0,h\0\0" + bytes(4),
    "string argument never ends": b"/a\0\0,s\0\0abcd",
    "string of 1028 bytes": b"/a\0\0,s\0\0" + b"a" * 1028 + bytes(4),
    "bytes behind": b"/a\0\0,i\0\0" + bytes(8),
    "65 arguments": b"/a\0\0," + b"T" * 65 + bytes(2),
    "not UTF-8": b"/a\0\0,s\0\0\xff\xfe\0\0",
    "bundle cut in its time": b"#bundle\0" + bytes(4),
    "bundle element of -4 bytes": bundle() + struct.pack(">i", -4),
    "bundle element of 0 bytes": bundle() + struct.pack(">i", 0),
    "bundle element too long": bundle() + struct.pack(">i", 2**30),
    "bundle element of 5 bytes": bundle() + struct.pack(">i", 5) + bytes(8),
    "nested bundle": bundle(bundle(message())),
    "bundles nested 300 deep": functools.reduce(lambda inner, _: bundle(inner), range(300), b""),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(osc.MalformedError) as caught:
        osc.parse(MALFORMED[name])
    assert caught.value.sentence.endswith(".")


@pytest.mark.parametrize("index", range(len(VALID)))
def test_valid_is_read(index: int) -> None:
    assert osc.parse(VALID[index])


def test_an_empty_bundle_holds_nothing() -> None:
    assert osc.parse(bundle()) == ()


def test_a_bundle_of_the_past_passes_and_one_of_the_future_does_not() -> None:
    now_s = 1_790_000_000.0
    past = int(now_s - 3600 + NTP_EPOCH_S) << 32
    future = int(now_s + 3600 + NTP_EPOCH_S) << 32
    assert len(osc.parse(bundle(message(), time_tag=past), now_s)) == 1
    with pytest.raises(BadTimeError):
        osc.parse(bundle(message(), time_tag=future), now_s)


@pytest.mark.parametrize("ahead_s", [-1e6, -0.3, 0.0, 0.05, 0.2, 0.999, 1.0, 1.9])
def test_bundles_with_a_latency_all_pass(ahead_s: float) -> None:
    for step in range(40):  # whatever the fraction of the second is
        now_s = 1_790_000_000.0 + 0.037 * step
        tag = int((now_s + ahead_s + NTP_EPOCH_S) * 2**32)
        assert len(osc.parse(bundle(message(), message(), time_tag=tag), now_s)) == 2


@pytest.mark.parametrize("tag", [0, 1])
def test_no_time_is_at_once(tag: int) -> None:
    assert len(osc.parse(bundle(message(), time_tag=tag), 1_790_000_000.0)) == 1


@pytest.mark.parametrize("ahead_s", [2.1, 60.0, 86_400.0, 2.0**30])
def test_a_bundle_for_later_says_by_how_much(ahead_s: float) -> None:
    now_s = 1_790_000_000.5
    tag = int((now_s + ahead_s + NTP_EPOCH_S) * 2**32) % 2**64
    with pytest.raises(BadTimeError, match=re.escape(f"dated {ahead_s:.3g} s")):
        osc.parse(bundle(message(), time_tag=tag), now_s)


def test_a_bundle_with_one_bad_message_is_refused_whole() -> None:
    with pytest.raises(osc.MalformedError):
        osc.parse(bundle(message(), b"/bad\0\0\0\0"))


def test_a_path_that_is_too_long_is_told_its_length() -> None:
    raw = osc.encode("/a", "s", ("/" + "x" * 1500,))
    with pytest.raises(osc.MalformedError, match=r"1501 bytes long; 1024 fit.*shorter path"):
        osc.parse(raw)


def test_a_float_is_read_as_the_decimal_the_sender_wrote() -> None:
    for text in ("87.3", "0.1", "174", "120.03", "3.4028235e38"):
        raw = osc.encode("/a", "f", (float(text),))
        assert osc.parse(raw)[0].values == (float(text),)


def test_a_float_beyond_decimal_comes_through() -> None:
    values = osc.parse(b"/a\0\0,ff\0" + struct.pack(">ff", float("inf"), float("nan")))[0].values
    assert values[0] == float("inf") and values[1] != values[1]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("s"), st.text(max_size=60).filter(lambda s: "\0" not in s)),
            st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1)),
            st.tuples(st.just("h"), st.integers(-(2**63), 2**63 - 1)),
            st.tuples(st.just("d"), st.floats(allow_nan=False)),
            st.tuples(st.just("T"), st.just(True)),
            st.tuples(st.just("F"), st.just(False)),
            st.tuples(st.just("N"), st.just(None)),
        ),
        max_size=20,
    )
)
def test_we_and_python_osc_read_the_same(arguments: list[tuple[str, osc.Value]]) -> None:
    tags, values = "".join(tag for tag, _ in arguments), [value for _, value in arguments]
    raw = osc.encode("/stembridge/any", tags, values)
    (ours,) = osc.parse(raw)
    theirs = OscMessage(raw)
    assert (ours.address, list(ours.values)) == (theirs.address, list(theirs.params))


def test_what_we_encode_is_what_python_osc_encodes() -> None:
    builder = OscMessageBuilder("/a")
    builder.add_arg("x")
    builder.add_arg(3)
    assert osc.encode("/a", "si", ("x", 3)) == builder.build().dgram


def mutate(raw: bytes, rng: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(rng.randint(1, 4)):
        kind, at = rng.randrange(5), rng.randrange(len(data) or 1)
        if kind == 0 and data:
            data[at] = rng.randrange(256)
        elif kind == 1 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del data[at : at + rng.choice((1, 4, 8))]
        elif kind == 3:
            data[at:at] = rng.choice((b"\0\0\0\0", b"#bundle\0", b",sif", b"\xff\xff\xff\xfc"))
        else:
            data += data[:at]
    return bytes(data)


def test_fuzz() -> None:
    rng = random.Random(20261121)
    seeds = VALID + tuple(raw for raw in MALFORMED.values() if raw)[:12]
    refused = 0
    for _ in range(N_MUTANTS):
        raw = mutate(rng.choice(seeds), rng)
        try:
            osc.parse(raw)
        except (osc.MalformedError, BadTimeError):
            refused += 1
    assert 0.3 * N_MUTANTS < refused < N_MUTANTS


def test_work_is_bounded_by_the_datagrams_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest, fullest one: each of its messages is read once, an address and its tags."""
    reads, string = list[int](), osc._string

    def counted(data: bytes, at: int, end: int) -> tuple[str, int]:
        reads.append(at)
        return string(data, at, end)

    monkeypatch.setattr(osc, "_string", counted)
    element = osc.encode("/a", "", ())
    worst = bundle(*[element] * ((8192 - 16) // (4 + len(element))))
    assert len(osc.parse(worst)) == 681
    assert len(reads) == len(set(reads)) == 2 * 681
