"""Takes that instruments play: from what the model writes to stereo files and MIDI."""

from __future__ import annotations

import hashlib
from itertools import combinations, cycle
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.dataset.soundfonts import HELD_OUT, find_soundfont
from stembridge.errors import BadArgsError, NoSuchFileError, PathDeniedError
from stembridge.pipeline.receipt_reading import read_receipt, request_of
from stembridge.pipeline.run import arrange
from stembridge.request import GenerationRequest, parse_request
from stembridge.runtime.manifest import NoteReaderEntry
from stembridge.testing import FakeModel, fake_manifest

READERS = {
    stem: NoteReaderEntry(file="fake", lowest=pitch, threshold=0.5)
    for stem, pitch in (("bass", 40), ("drums", 36), ("guitar", 57), ("piano", 60))
}
STEMS = "bass,drums,guitar,piano"


def reading_model() -> FakeModel:
    return FakeModel(fake_manifest(note_readers=READERS))


def request_for(**values: Any) -> GenerationRequest:
    base = {
        "generate": STEMS,
        "bpm": "120",
        "bars": 2,
        "steps": 4,
        "request_id": "job-1",
        "seed": 0,
    }
    return parse_request(base | values)


@pytest.mark.parametrize(
    ("metre", "bpm", "rate"), [("4/4", "87.3", 44100), ("7/8", "180", 48000), ("3/4", "60", 96000)]
)
def test_played_files_are_stereo_exact_and_reproducible(
    metre: str, bpm: str, rate: int, tmp_path: Path
) -> None:
    request = request_for(time_signature=metre, bpm=bpm, session_rate=rate, midi=True)
    stems = arrange(request, reading_model(), tmp_path / "a")
    n_samples = round(request.length_beats * 60 / float(bpm) * rate)
    for stem in stems:
        audio, found_rate = soundfile.read(stem.path)
        assert (audio.shape, found_rate, stem.frames) == ((n_samples, 2), rate, n_samples)
        assert 0.01 < np.abs(audio).max() <= 10 ** (-1 / 20) + 1e-6
        assert np.abs(audio[-1]).max() < 1e-3  # no click at the end
        assert (stem.sound, stem.verdict.silent) == ("played", False)
        assert stem.verdict.on_grid_share is None or stem.verdict.on_grid_share > 0.9
    again = arrange(request, reading_model(), tmp_path / "b")
    assert [s.sha256 for s in again] == [s.sha256 for s in stems]
    folder = stems[0].path.parent
    told = read_receipt(folder)["stems"]
    assert {item["sound"] for item in told} == {"played"}
    assert all(len(item["part_sha256"]) == 64 for item in told)
    assert request_of(read_receipt(folder)).instruments == ()


def test_midi_of_every_stem_and_of_the_take(tmp_path: Path) -> None:
    stems = arrange(request_for(midi=True, timbres={"bass": "slap"}), timbral(), tmp_path)
    for stem in stems:
        assert stem.midi is not None
        file = mido.MidiFile(stem.midi)
        notes = [m for m in file.tracks[0] if m.type == "note_on"]
        assert notes, stem.stem
        assert file.length == pytest.approx(4.0)
    (whole,) = tmp_path.glob("*/2bars_120bpm_seed0_take1.mid")
    tracks = mido.MidiFile(whole).tracks
    assert [track.name for track in tracks] == STEMS.split(",")
    assert not list(Path(stems[0].path.parent).glob("*__*"))


def timbral() -> FakeModel:
    return FakeModel(fake_manifest(note_readers=READERS, timbres={"bass": ("slap", "finger")}))


def test_the_models_own_sound_is_one_word_away(tmp_path: Path) -> None:
    (stem,) = arrange(request_for(generate="piano", sound="model"), reading_model(), tmp_path)
    assert soundfile.info(stem.path).channels == 1
    assert stem.sound == "model"
    with pytest.raises(BadArgsError, match="--sound model"):
        arrange(request_for(generate="piano", sound="played"), FakeModel(), tmp_path / "b")


def test_an_own_instrument_plays(tmp_path: Path) -> None:
    font = find_soundfont(HELD_OUT)
    one, other, usual = (
        arrange(request_for(generate="bass", **more), reading_model(), tmp_path / str(i))[0]
        for i, more in enumerate(
            ({"instrument.bass": f"{font}:33"}, {"instrument.bass": f"{font}:38"}, {})
        )
    )
    hashes = {hashlib.sha256(s.path.read_bytes()).hexdigest() for s in (one, other, usual)}
    assert len(hashes) == 3
    assert one.part_sha256 == other.part_sha256 == usual.part_sha256
    with pytest.raises(NoSuchFileError, match=r"lost\.sfz"):
        arrange(
            request_for(generate="bass", instruments={"bass": "/nowhere/lost.sfz"}),
            reading_model(), tmp_path / "c",
        )  # fmt: skip


def test_snap_draws_notes_to_the_grid(tmp_path: Path) -> None:
    offsets = []
    for snap in (0.0, 1.0):
        request = request_for(generate="piano", midi=True, snap=snap)
        (stem,) = arrange(request, reading_model(), tmp_path / str(snap))
        ticks, at = [], 0
        for message in mido.MidiFile(stem.midi).tracks[0]:
            at += message.time
            if message.type == "note_on":
                ticks.append(at)
        offsets.append(max(abs(t - 120 * round(t / 120)) for t in ticks))
    assert offsets[1] == 0 < offsets[0]


def test_an_instrument_must_lie_where_files_may_be_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.sfz").write_text("<region> sample=x.wav")
    request = request_for(generate="bass", instruments={"bass": str(tmp_path / "secret.sfz")})
    with pytest.raises(PathDeniedError):
        arrange(request, reading_model(), tmp_path / "o", roots=AllowedRoots.of([tmp_path / "in"]))
    for more in ({"sound": "model"}, {"generate": "piano"}):
        told = {"generate": "bass", "instrument.bass": "/x.sfz"} | more
        with pytest.raises(BadArgsError, match="An instrument is named"):
            arrange(request_for(**told), reading_model(), tmp_path / "p")


def test_every_subset_metre_tempo_and_rate_is_exact_and_ends_in_silence(tmp_path: Path) -> None:
    stems = STEMS.split(",")
    subsets = [s for n in range(1, 5) for s in combinations(stems, n)]
    metres, tempos, rates = ("4/4", "3/4", "7/8"), (60, 87.3, 120, 180), (44_100, 48_000, 96_000)
    settings = zip(cycle(metres), cycle(tempos), cycle(rates[::-1] + rates), strict=False)
    model = reading_model()
    for subset, (metre, bpm, rate) in zip(subsets, settings, strict=False):
        request = request_for(
            generate=",".join(subset), time_signature=metre, bpm=str(bpm), session_rate=rate, bars=1
        )
        n_samples = round(request.length_beats * 60 / bpm * rate)
        made = arrange(request, model, tmp_path)
        assert [stem.stem for stem in made] == list(subset)
        for stem in made:
            audio, found = soundfile.read(stem.path)
            assert (audio.shape, found) == ((n_samples, 2), rate), (subset, metre, bpm)
            assert np.abs(audio[-1]).max() < 1e-3
