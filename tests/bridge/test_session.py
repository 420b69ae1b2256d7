"""What pads mean: the next request, the next take."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from stembridge.bridge.session import MAX_TAKES, PadSession, song_tempo
from stembridge.bridge.takes import FinishedTake, takes_of
from stembridge.children.messages import Anchor
from stembridge.client import Done, Stem
from stembridge.errors import BadAudioError, NotNowError, UnknownIdError
from stembridge.midi.mapping import MidiMapping, parse_mapping
from stembridge.request import parse_request, request_to_mapping


def session(mapping: MidiMapping | None = None) -> PadSession:
    return PadSession(mapping or MidiMapping(), seed=lambda: 7)


def take(request_id: str = "r", variation: int = 0) -> FinishedTake:
    request = parse_request(
        {
            "request_id": request_id,
            "generate": "bass,piano",
            "bpm": 120,
            "bars": 4,
            "clips": [
                {"stem": "drums", "path": "/d.wav", "gain": 0.5},
                {"stem": "guitar", "path": "/g.wav", "timeline_start_beats": 2},
            ],
        }
    )
    return FinishedTake(request_id, variation, (("bass", "/b.wav"), ("piano", "/p.wav")), request)


@pytest.mark.parametrize(
    ("measured", "rms_bpm", "tempo"),
    [
        (127.93, 0.05, 128.0), (128.19, 0.07, 128.0), (87.31, 0.02, 87.3), (173.81, 0.07, 174.0),
        (92.86, 0.0, 92.86), (92.8595, 0.0005, 92.86), (119.88, 0.001, 119.88), (119.997, 0.0, 120),
        (59.94, 0.0, 59.94), (100.15, 0.0, 100.15), (87.35, 0.004, 87.35), (33.333, 0.0, 33.333),
    ],
)  # fmt: skip
def test_measured_tempo_becomes_the_songs(measured: float, rms_bpm: float, tempo: float) -> None:
    assert song_tempo(measured, rms_bpm) == pytest.approx(tempo, abs=1e-9)


@pytest.mark.parametrize("typed", [92.86, 120.0, 59.94, 87.3, 174.01, 33.33, 127.999, 999.0])
def test_links_tempo_is_the_one_that_was_typed(typed: float) -> None:
    here = session()
    arrived = 60e6 / round(60e6 / typed)  # Link sends whole microseconds a beat
    here.anchor = Anchor(0.0, 0.0, arrived, True, "link")
    assert here.bpm == typed
    assert here.generate("drums")["bpm"] == str(typed)


def test_a_pad_without_clock_asks_for_the_files_defaults() -> None:
    mapping = parse_mapping({"request": {"bars": 4, "bpm": "93.5", "style": "funk"}})
    keys = session(mapping).generate("bass")
    assert keys["bpm"] == "93.5"
    assert keys["style"] == "funk"
    request = parse_request(keys)
    assert request.generate == ("bass",)
    assert request.length_beats == 16
    assert request.seed == 7


def test_the_clock_gives_tempo_and_bar_line() -> None:
    here = session()
    here.anchor = Anchor(0.0, 9.5, 127.94, True, "clock", rms_bpm=0.05)
    request = parse_request(here.generate("drums"))
    assert request.bpm == 128
    assert request.start_beats == 12


def test_a_rough_tempo_is_not_taken() -> None:
    here = session()
    here.anchor = Anchor(0.0, 0.0, 140.0, False, "clock", settled=False)
    assert parse_request(here.generate("drums")).bpm == 120


def test_chords_and_kept_stems_go_along() -> None:
    here = session()
    here.chords = "Am F C G"
    here.context = {"drums": "/kept/drums.wav", "bass": "/old/bass.wav"}
    request = parse_request(here.generate("bass"))
    assert [span.symbol for span in request.chords][:4] == ["Am", "F", "C", "G"]
    assert [(clip.stem, clip.path) for clip in request.context] == [("drums", "/kept/drums.wav")]


def test_more_chords_than_bars_leave_the_latest() -> None:
    here = session(parse_mapping({"request": {"bars": 2}}))
    here.chords = "Am F C G"
    assert [s.symbol for s in parse_request(here.generate("bass")).chords] == ["C", "G"]
    here.chords = "Am@0 F@4 C@8"
    assert [s.symbol for s in parse_request(here.generate("bass")).chords] == ["Am", "F"]


def test_reroll_changes_only_the_seed() -> None:
    here = session()
    with pytest.raises(NotNowError):
        here.reroll()
    first = here.generate("bass")
    assert here.reroll() == first | {"seed": 8}
    assert here.reroll()["seed"] == 9


def test_takes_go_round() -> None:
    here = session()
    with pytest.raises(NotNowError):
        here.current()
    here.add_takes([take("a", 0), take("a", 1)])
    here.add_takes([take("b")])
    assert here.current().request_id == "b"
    assert here.step(1).request_id == "a"
    assert here.step(-1).request_id == "b"
    for n in range(MAX_TAKES):
        here.add_takes([take(str(n))])
    assert len(here.takes) == MAX_TAKES
    assert here.current().request_id == str(MAX_TAKES - 1)


def test_keeping_makes_context() -> None:
    here = session()
    here.add_takes([take()])
    asyncio.run(here.keep_current())
    request = parse_request(here.generate("bass"))
    assert request.context_stems == ("piano",)


def test_what_sounds_together() -> None:
    assert take().sounds() == (("/b.wav", 1.0), ("/p.wav", 1.0))
    assert take().sounds("piano") == (("/p.wav", 1.0),)
    # The guitar begins later than the take: it cannot simply be played from its start.
    assert take().sounds("bass", context=True) == (("/b.wav", 1.0), ("/d.wav", 0.5))
    with pytest.raises(UnknownIdError):
        take().sounds("drums")


def test_receipts_become_takes(tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.json"
    request = request_to_mapping(take().request)
    receipt.write_text(json.dumps({"receipt_format": 1, "request": request}))
    stems = [
        Stem(name, variation, f"/{name}{variation}.wav", "", 1, 1, "{}")
        for variation in (0, 1)
        for name in ("bass", "piano")
    ]
    made = takes_of("r", stems, Done(str(tmp_path), str(receipt)))
    assert [one.variation for one in made] == [0, 1]
    assert made[1].files == (("bass", "/bass1.wav"), ("piano", "/piano1.wav"))
    assert made[0].request == replace(take().request, request_id="r")
    receipt.write_text("{}")
    with pytest.raises(BadAudioError):
        takes_of("r", stems, Done(str(tmp_path), str(receipt)))
