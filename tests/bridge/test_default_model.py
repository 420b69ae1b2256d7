"""Chords played on the keyboard, through the recorder and the default model: does the bass follow?

Held-out synthetic songs; the model hears only the drums, so all it can know of the harmony is what
was played. The measure is the evaluation's own (`stembridge.evaluation.harmony`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge import paths
from stembridge.bridge.session import PadSession
from stembridge.children.messages import Anchor
from stembridge.chords import ChordSpan
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.synthetic import make_song
from stembridge.errors import MissingExtraError
from stembridge.evaluation.harmony import Harmony, harmony
from stembridge.midi.chord_recorder import ChordRecorder
from stembridge.midi.mapping import parse_mapping
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.runtime.load import load_model
from stembridge.runtime.model import StemModel

pytestmark = [pytest.mark.slow, pytest.mark.weights]
N_SONGS, BARS = 3, 4


def play(chords: tuple[ChordSpan, ...], bpm: float, beats_per_bar: float) -> str:
    """Press each chord (close position, root lowest) on its beat, 20 ms late; the progression."""
    recorder = ChordRecorder(beats_per_bar)
    anchor = Anchor(0.0, 0.0, bpm, True, "clock")
    for span in chords:
        at_s = span.start_beats * 60 / bpm + 0.02
        root = span.pitch_classes[0] if span.root is None else span.root
        keys = [48 + root + (pc - root) % 12 for pc in span.pitch_classes]
        for key in keys:
            recorder.keyboard.strike(key, at_s)
        recorder.turn(at_s + 0.1, anchor)
        for key in keys:
            recorder.keyboard.release(key, at_s + 0.1)
    return recorder.progression


def bass_for(
    model: StemModel, song: AnnotatedSong, progression: str, folder: Path, seed: int
) -> Harmony | None:
    """Agreement of a generated bass with the song's chords."""
    session = PadSession(parse_mapping({"request": {"bpm": str(song.bpm), "bars": BARS}}))
    session.chords = progression
    drums = folder / f"{song.name}.wav"
    soundfile.write(drums, song.audio[1], song.rate)
    session.context = {"drums": str(drums)}
    keys = session.generate("bass") | {
        "seed": seed,
        "time_signature": str(song.time_signature),
        "request_id": f"{song.name}-{bool(progression)}",
    }
    stem = arrange(parse_request(keys), model, folder / "out")[0]
    played, rate = soundfile.read(stem.path, dtype="float32", always_2d=True)
    audio = played.mean(1)  # takes are played in stereo
    limit = len(audio) / rate * (song.bpm or 0.0) / 60
    chords = [span for span in song.chords if span.start_beats < limit]
    return harmony(audio, rate, song.bpm or 0.0, chords, "bass")


def test_the_bass_follows_the_chords_that_were_played(tmp_path: Path) -> None:
    if not (paths.pretrained_dir() / "manifest.json").is_file():
        pytest.skip(reason="the default model is not built yet (README, training)")
    with_chords, without, model = [], [], load_model(None, "cpu")
    for index in range(N_SONGS):
        try:
            song = make_song("test", index, length_s=20.0)
        except MissingExtraError as error:
            pytest.skip(reason=str(error))
        metre = song.time_signature.beats_per_bar
        chords = tuple(span for span in song.chords if span.start_beats < BARS * metre)
        played = play(chords, song.bpm or 0.0, metre)
        for progression, found in ((played, with_chords), ("", without)):
            agreement = bass_for(model, song, progression, tmp_path, index)
            if agreement is not None:
                found.append((agreement.root, agreement.in_chord, agreement.chroma))
    told, alone = (np.mean(rows, axis=0) for rows in (with_chords, without))
    print(f"root, in chord, chroma: told {told.round(2)}, alone {alone.round(2)}")
    assert told[1] > alone[1] + 0.15
    assert told[2] > alone[2] + 0.1
