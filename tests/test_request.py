import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stembridge.errors import BadArgsError
from stembridge.musical_time import TimeSignature
from stembridge.request import (
    SAMPLER_NAMES,
    STEMS,
    ChordSpan,
    ContextClip,
    GenerationRequest,
    parse_request,
    request_from_mapping,
    request_to_mapping,
)

LEAST = {"request_id": "take-1", "generate": "bass", "bpm": "120", "bars": 8}


def refused(**changes):
    with pytest.raises(BadArgsError) as caught:
        parse_request({**LEAST, **changes})
    return str(caught.value)


def test_the_least_one_can_ask():
    assert parse_request(LEAST | {"seed": 0}) == GenerationRequest(
        request_id="take-1", generate=("bass",), context=(), bpm=120.0, length_beats=32.0
    )


def test_everything_one_can_ask_as_text():
    request = parse_request(
        {
            "request_id": "4f9d8f0e-6d0b-4d5e-9f4c-1b8b3a2d7c11",
            "generate": " Piano,bass piano",
            "context.drums": "/music/drums.wav",
            "clips": [
                {
                    "stem": "guitar",
                    "path": "gtr.wav",
                    "timeline_start_beats": "-1.5",
                    "file_start_s": "2.25",
                    "length_beats": "8",
                    "gain": "0.5",
                    "source_bpm": "90",
                    "loop": "yes",
                    "loop_start_s": "1",
                    "loop_end_s": "3",
                }
            ],
            "bpm": "87.3",
            "bars": "4",
            "time_signature": "7/8",
            "start_beats": "16",
            "session_rate": "48000",
            "seed": "7",
            "variations": "2",
            "steps": "30",
            "sampler": "Heun",
            "guidance": "1.5",
            "chords": "Am F C G",
            "style": "funk",
            "timbre.piano": "rhodes",
            "timbre.bass": "finger",
            "sample_format": "float",
            "use_grid": "off",
            "midi": "1",
            "name": "verse-2",
        }
    )
    assert request == GenerationRequest(
        request_id="4f9d8f0e-6d0b-4d5e-9f4c-1b8b3a2d7c11",
        generate=("bass", "piano"),
        context=(
            ContextClip("guitar", "gtr.wav", -1.5, 2.25, 8.0, 0.5, 90.0, True, 1.0, 3.0),
            ContextClip("drums", "/music/drums.wav"),
        ),
        bpm=87.3,
        length_beats=14.0,
        time_signature=TimeSignature(7, 8),
        start_beats=16.0,
        session_rate=48_000,
        seed=7,
        variations=2,
        steps=30,
        sampler="heun",
        guidance=1.5,
        chords=(
            ChordSpan(0.0, (0, 4, 9), 9, "Am"),
            ChordSpan(3.5, (0, 5, 9), 5, "F"),
            ChordSpan(7.0, (0, 4, 7), 0, "C"),
            ChordSpan(10.5, (2, 7, 11), 7, "G"),
        ),
        style="funk",
        timbres=(("bass", "finger"), ("piano", "rhodes")),
        sample_format="float",
        use_grid=False,
        midi=True,
        name="verse-2",
    )
    assert request.context_stems == ("drums", "guitar")
    assert request.duration_s == pytest.approx(14 * 60 / 87.3)


def test_empty_text_means_not_given():
    empty = dict.fromkeys(("steps", "sampler", "style", "name", "length_beats", "chords"), "")
    assert parse_request({**LEAST, **empty}) == parse_request(LEAST)


def test_objects_are_taken_as_they_are():
    clip = ContextClip("drums", "d.wav", gain=0.25)
    spans = (ChordSpan(0.0, (0, 3, 7), 0, "Cm"), ChordSpan(4.0, (), None, "N.C."))
    request = parse_request(
        {**LEAST, "context": (clip,), "chords": spans, "time_signature": TimeSignature(3, 4)}
    )
    assert request.context == (clip,)
    assert request.chords == spans
    assert request.length_beats == 24.0


@pytest.mark.parametrize("value", [1, 1.0, True, "on", " YES "])
def test_yes_can_be_said_in_many_ways(value):
    assert parse_request({**LEAST, "midi": value}).midi is True


def test_a_request_without_id_gets_one():
    mapping = {key: value for key, value in LEAST.items() if key != "request_id"}
    assert len({parse_request(mapping).request_id for _ in range(3)}) == 3


def test_the_tempo_of_an_osc_float_is_the_daws():
    single = struct.unpack(">f", struct.pack(">f", 87.3))[0]
    assert parse_request({**LEAST, "bpm": single}).bpm == 87.3
    clips = [{"stem": "drums", "path": "d.wav", "source_bpm": single}]
    assert parse_request({**LEAST, "clips": clips}).context[0].source_bpm == 87.3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"bpm": "nan"}, "The tempo must be between 20 and 999 bpm; it was nan."),
        ({"bpm": float("nan")}, "The tempo must be between 20 and 999 bpm; it was nan."),
        ({"bpm": "inf"}, "The tempo must be between 20 and 999 bpm; it was inf."),
        ({"bpm": 19.9}, "The tempo must be between 20 and 999 bpm; it was 19.9."),
        ({"bpm": 0}, "The tempo must be between 20 and 999 bpm; it was 0."),
        ({"bpm": "fast"}, 'The tempo must be a number between 20 and 999 bpm; it was "fast".'),
        ({"bpm": True}, "The tempo must be a number between 20 and 999 bpm; it was True."),
        ({"bpm": None}, "The tempo must be a number between 20 and 999 bpm; it was nothing."),
        ({"bpm": b"120"}, "The tempo must be a number between 20 and 999 bpm; it was a bytes."),
        ({"seed": 10**400}, "The seed must be a number between 0 and 2147483647; it was 1000000"),
        ({"seed": -1}, "The seed must be between 0 and 2147483647; it was -1."),
        ({"seed": 1.5}, "The seed must be a whole number; it was 1.5."),
        ({"bars": 10**9}, "The length must be between 0 and 512 bars; it was 1000000000."),
        ({"bars": None}, "Give the length either in bars or in beats (length_beats), once."),
        ({"length_beats": 8}, "Give the length either in bars or in beats (length_beats), once."),
        ({"bars": 0.01}, "The length must be at least 0.25 beats; it was 0.04."),
        ({"bars": 512}, "The request may last at most 15 minutes; at 120 bpm it would last 17.1."),
        (
            {"bars": None, "length_beats": 600, "time_signature": "1/4"},
            "The length must be at most 512 bars; it was 600.",
        ),
        (
            {"generate": "ka$oo"},
            "The stem must be a name such as bass, drums, guitar, piano; it",
        ),
        ({"generate": ""}, "The stems to generate are missing; such are bass"),
        (
            {"generate": [3]},
            "The stem must be a name such as bass, drums, guitar, piano; it",
        ),
        (
            {"generate": [[]]},
            "The stem must be a name such as bass, drums, guitar, piano; it",
        ),
        ({"generate": 4}, "The stems to generate must be a list like bass,piano; it was 4."),
        (
            {"generate": {"bass": 1}},
            "The stems to generate must be a list like bass,piano; it was ",
        ),
        (
            {"context.bass": "b.wav"},
            "Bass is given as context and asked for; leave one of the two",
        ),
        (
            {"context.ka zoo": "k.wav"},
            "The stem of a clip must be a name such as bass, drums, guitar, piano",
        ),
        ({"context.drums": ""}, 'The path of a clip must be text; it was "".'),
        ({"context.drums": "a\0b"}, "The path of a clip holds a control character."),
        ({"context.drums": "x" * 5000}, "The path of a clip is longer than 4096 characters."),
        ({"context.drums": 7}, "The path of a clip must be text; it was 7."),
        ({"clips": 3}, "The context clips must be a list; it was 3."),
        ({"clips": 3, "context.drums": "d.wav"}, "The context clips must be a list; it was 3."),
        ({"clips": "drums"}, 'The context clips must be a list; it was "drums".'),
        ({"clips": [3]}, "A clip must be a set of named values."),
        ({"clips": [{"stem": "drums"}]}, 'The clip says nothing about "path", which it must.'),
        ({"clips": [{}] * 257}, "There are more than 256 context clips."),
        (
            {"time_signature": "7/9"},
            "The time signature must be like 4/4, 3/4 or 7/8 (1 to 99 over ",
        ),
        ({"time_signature": 4}, "The time signature must be like 4/4 or 7/8; it was 4."),
        (
            {"session_rate": 4000},
            "The session's sample rate must be between 8000 and 192000 Hz; it ",
        ),
        ({"variations": 9}, "The number of variations must be between 1 and 8; it was 9."),
        ({"steps": 1001}, "The number of steps must be between 1 and 1000; it was 1001."),
        (
            {"sampler": "magic"},
            "The sampler must be one of dpmpp_2m, dpmpp_2m_sde, heun, euler, ancestral, adpm2; it "
            'was "magic".',
        ),
        (
            {"sampler": 5},
            "The sampler must be one of dpmpp_2m, dpmpp_2m_sde, heun, euler, "
            "ancestral, adpm2; it was 5.",
        ),
        ({"guidance": -1}, "The guidance must be between 0 and 20; it was -1."),
        (
            {"chords": "Am H"},
            '"H" is not a chord symbol; chords look like Am, F#m7b5, Bbmaj7 or C/',
        ),
        ({"chords": 5}, "The chords must be a list; it was 5."),
        ({"chords": [5]}, "A chord must be a set of named values."),
        (
            {"chords": [{"start_beats": 0, "pitch_classes": [12], "symbol": "?"}]},
            "The pitch class must be between 0 and 11; it was 12.",
        ),
        ({"style": "x" * 65}, "The style is longer than 64 characters."),
        ({"timbres": 3}, "The timbres must name a timbre for each stem; they were 3."),
        (
            {"timbre.8": "x"},
            "The stem of a timbre must be a name such as bass, drums, ",
        ),
        ({"timbre.bass": ""}, 'The timbre must be text; it was "".'),
        ({"timbres": 3, "timbre.bass": "x"}, "The timbres must name a timbre for each stem; they "),
        ({"sample_format": "mp3"}, 'The sample format must be one of pcm24, float; it was "mp3".'),
        ({"use_grid": "maybe"}, 'The grid switch must be yes or no; it was "maybe".'),
        ({"midi": 2}, "The MIDI switch must be yes or no; it was 2."),
        ({"name": "../evil"}, 'The name must be 1 to 64 letters, digits, "-" or "_", beginning wi'),
        ({"name": "con"}, 'The name must be 1 to 64 letters, digits, "-" or "_", beginning with a'),
        ({"name": 4}, 'The name must be 1 to 64 letters, digits, "-" or "_", beginning with a let'),
        ({"request_id": "a b"}, 'The request id must be 1 to 64 letters, digits, ".", "_", ":" or'),
        ({"request_id": "é"}, 'The request id must be 1 to 64 letters, digits, ".", "_", ":" or "'),
        ({"request_id": 7}, 'The request id must be 1 to 64 letters, digits, ".", "_", ":" or "-"'),
        ({"tempo_bpm": 3}, 'A request has no setting "tempo_bpm"; known are request_id, generate'),
        ({"variation": 3}, 'A request has no setting "variation"; did you mean "variations"?'),
        ({"x" * 90: 3}, f'A request has no setting "{"x" * 40}"; known are'),
    ],
)
def test_every_bad_value_gets_its_sentence(changes, sentence):
    said = refused(**changes)
    assert said.startswith(sentence)
    assert len(said) < 400


@pytest.mark.parametrize("key", ["generate", "bpm"])
def test_what_is_missing_is_named(key):
    mapping = {name: value for name, value in LEAST.items() if name != key}
    with pytest.raises(BadArgsError, match=f'says nothing about "{key}"'):
        parse_request(mapping)


def test_a_name_that_will_not_do_is_mended():
    assert refused(name="Chorus 2 (loud!)").endswith('"chorus-2-loud" would do.')
    assert "would do" not in refused(name="../../NUL")
    assert "would do" not in refused(name="!!!")


@pytest.mark.parametrize("flaw", [{"gain": 17}, {"gain": "nan"}, {"length_beats": 0}, {"loop": 3}])
def test_clips_have_limits(flaw):
    assert "clip's" in refused(clips=[{"stem": "drums", "path": "d.wav", **flaw}])


@pytest.mark.parametrize(("start", "end"), [(None, 0.0), (2.0, 2.0), (3.0, 1.0)])
def test_a_loop_must_run_forward(start, end):
    clip = {"stem": "drums", "path": "d.wav", "loop": True}
    said = refused(clips=[{**clip, "loop_start_s": start, "loop_end_s": end}])
    assert said == "A clip's loop must end later than it starts."


def test_the_mapping_is_json_and_the_tempo_exact():
    mapping = request_to_mapping(parse_request({**LEAST, "bpm": 87.3, "chords": "Am"}))
    assert json.loads(json.dumps(mapping)) == mapping
    assert mapping["bpm"] == "87.3"
    assert mapping["time_signature"] == "4/4"


def test_the_callers_mapping_is_not_touched():
    clips = [{"stem": "drums", "path": "d.wav"}]
    mapping = {**LEAST, "clips": clips, "context.guitar": "g.wav", "timbres": {"bass": "pick"}}
    mapping["timbre.piano"] = "grand"
    before = json.dumps(mapping)
    parse_request(mapping)
    assert json.dumps(mapping) == before


FINITE = {"allow_nan": False, "allow_infinity": False}
WORDS = st.text("abcdefgh xyz-_éß", min_size=1, max_size=20).filter(str.strip)


@st.composite
def mappings(draw):
    made = draw(st.sets(st.sampled_from(STEMS), min_size=1))
    given_stems = [stem for stem in STEMS if stem not in made]
    clip = st.fixed_dictionaries(
        {"stem": st.sampled_from(given_stems or STEMS), "path": WORDS},
        optional={
            "timeline_start_beats": st.floats(-1000, 1000),
            "file_start_s": st.floats(0, 1000),
            "length_beats": st.none() | st.floats(0.01, 1000),
            "gain": st.floats(0, 16),
            "source_bpm": st.none() | st.floats(20, 999),
            "loop": st.booleans(),
            "loop_end_s": st.none() | st.floats(0.5, 100),
        },
    )
    chord = st.sampled_from(["Am", "F#m7b5/A", "Bb", "N.C.", "C6/9"])
    return draw(
        st.fixed_dictionaries(
            {
                "request_id": st.uuids().map(str),
                "generate": st.just(",".join(made)),
                "context": st.lists(clip, max_size=3) if given_stems else st.just([]),
                "bpm": st.decimals(100, 999, places=3).map(str) | st.floats(100, 999),
                "length_beats": st.floats(4, 500),
            },
            optional={
                "time_signature": st.sampled_from(["4/4", "7/8", "3/4", "15/16"]),
                "start_beats": st.floats(-1e6, 1e6),
                "session_rate": st.integers(8000, 192_000),
                "seed": st.integers(0, 2**31 - 1),
                "variations": st.integers(1, 8),
                "steps": st.none() | st.integers(1, 1000),
                "sampler": st.none() | st.sampled_from(SAMPLER_NAMES),
                "guidance": st.floats(0, 20),
                "chords": st.lists(chord, max_size=1).map(" ".join),
                "style": st.none() | WORDS,
                "timbres": st.dictionaries(st.sampled_from(STEMS), WORDS),
                "sample_format": st.sampled_from(["pcm24", "float"]),
                "use_grid": st.booleans(),
                "midi": st.booleans(),
                "name": st.none() | st.from_regex(r"[a-z][a-z0-9_-]{0,20}x", fullmatch=True),
            },
        )
    )


@settings(max_examples=200)
@given(mappings())
def test_round_trip_through_json(mapping):
    request = parse_request(mapping)
    kept = json.loads(json.dumps(request_to_mapping(request)))
    assert parse_request(kept) == request
    assert request_from_mapping(kept) == request
    assert request_to_mapping(parse_request(kept)) == kept


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(max_examples=300)
@given(key=st.sampled_from([*request_to_mapping(parse_request(LEAST)), "clips", "x"]), value=VALUES)
def test_nothing_but_a_sentence_comes_out_of_the_door(key, value):
    try:
        parse_request({**LEAST, key: value})
    except BadArgsError as error:
        assert error.sentence.endswith((".", "?"))
        assert len(error.sentence) < 400
