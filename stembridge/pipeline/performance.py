"""What a take plays, as notes, and how it sounds on instruments.

A stem is *played* where the model reads its notes, unless the request asks for the sound that the
model itself makes. Stems whose notes the model cannot read are transcribed, where that is possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude, integrated_loudness
from stembridge.errors import BadArgsError
from stembridge.musical_time import seconds_to_beats
from stembridge.parts import Note, Part, ReaderFacts, read_part
from stembridge.parts.groove import STEP_BEATS, snapped
from stembridge.parts.harmony import in_harmony
from stembridge.parts.loop_start import with_even_start
from stembridge.parts.part import DRUMS
from stembridge.parts.playing import AS_PLAYED, as_told
from stembridge.pipeline.generate import Take
from stembridge.pipeline.settings import is_played
from stembridge.players import instrument_path, own_instrument, play, shipped, touched
from stembridge.pool.threads import side_by_side
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest
from stembridge.roles import is_pitched
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel
from stembridge.transcription import TRANSCRIBED, transcribe

SNAP = 0.5
"""How near to the grid notes are drawn unless the request says otherwise, 0 to 1."""

USUAL_LUFS = -26.0
AROUND_S = 4.0
"""Of a loop that is read again on both sides, so that nothing begins or ends at its seam."""

EARLY_BEATS = 0.07


def check_instruments(request: GenerationRequest, manifest: Manifest, roots: AllowedRoots) -> None:
    """Refuses the user's own instruments that cannot play, or lie where nothing may be read.

    Raises:
        PathDeniedError, NoSuchFileError, BadAudioError, BadArgsError: saying which.
    """
    for stem, text in request.instruments:
        if stem not in request.generate or not is_played(request, manifest, stem):
            why = "it sounds as the model makes it" if stem in request.generate else "none is made"
            raise BadArgsError(f"An instrument is named for the {stem}, but {why}. Leave it out.")
        roots.check(str(instrument_path(text)))
        own_instrument(stem, text, roots)


def parts_of(take: Take, request: GenerationRequest, model: StemModel) -> dict[str, Part]:
    """The parts of all stems that were made and whose notes can be read."""
    bar = request.time_signature.beats_per_bar

    def part_of(stem: str) -> Part | None:
        part = _part(stem, take, request, model)
        if part is None or stem in take.sounds:  # the model's own sound stays as it is
            return part
        return as_told(part, take.choice.playing.get(stem, AS_PLAYED), bar)

    parts = zip(request.generate, side_by_side(part_of, request.generate), strict=True)
    return {stem: part for stem, part in parts if part is not None}


def _part(stem: str, take: Take, request: GenerationRequest, model: StemModel) -> Part | None:
    if stem in model.manifest.note_readers:
        part = _read(stem, take, request, model)
        # The grid begins on the session's bar line, the part where the take does.
        part = _on_grid(part, request) if request.use_grid else part
        return _begun(part) if request.loop else _over(part)
    heard = take.stems.get(stem)
    return None if heard is None else transcribed(stem, heard, request, model.manifest.sample_rate)


def transcribed(
    stem: str, audio: NDArray[np.float32], request: GenerationRequest, rate: int
) -> Part | None:
    """The notes in a stem's sound `[n]`; None where nobody can tell them."""
    if stem not in TRANSCRIBED:
        return None
    beats = partial(seconds_to_beats, bpm=request.bpm)
    notes = (
        Note(beats(n.start_s), beats(n.length_s), n.pitch, n.velocity)
        for n in transcribe(stem, audio, rate)
    )
    inside = (note for note in notes if note.start_beats < request.length_beats)
    return Part(stem, tuple(inside), request.length_beats)


def heard_notes(
    stem: str, take: Take, bpm: float, model: StemModel, *, loop: bool = False
) -> tuple[NDArray[np.float32], ReaderFacts]:
    """What the model's reader says of a made stem, in the take's chords, `[4, P, F]`."""
    manifest = model.manifest
    reader, latents = manifest.note_readers[stem], take.latents[None, manifest.stem_index(stem)]
    threshold = reader.made_threshold or reader.threshold
    facts = ReaderFacts(reader.lowest, threshold, manifest.hop / manifest.sample_rate)
    around, circle = _circle(latents.shape[-1], facts) if loop else (0, slice(None))
    answer = model.read_notes(stem, np.ascontiguousarray(latents[..., circle]))[0]
    answer = answer[..., around : around + latents.shape[-1]]
    if not is_pitched(stem):
        return answer, facts
    return in_harmony(answer, facts, take.choice.chords, bpm), facts


def _circle(n_frames: int, facts: ReaderFacts) -> tuple[int, NDArray[np.intp]]:
    """Frames of a loop with some of its end before it and of its start behind it; how many."""
    around = min(n_frames, round(AROUND_S / facts.frame_s))
    return around, np.arange(-around, n_frames + around) % n_frames


def with_even_drums(
    parts: Mapping[str, Part], request: GenerationRequest
) -> tuple[dict[str, Part], tuple[Remark, ...]]:
    """A loop's parts without what the drums' first beat alone has, and what that changed."""
    metre = request.time_signature
    on_bar_line = request.start_beats % metre.beats_per_bar == 0
    if not (request.loop and on_bar_line and DRUMS in parts):
        return dict(parts), ()
    lines = metre.inner_bar_lines(request.start_beats, request.length_beats)
    drums, crash, line = with_even_start(parts[DRUMS], lines)
    said = [Remark("loop_crash", {"what": crash})] if crash else []
    said += [] if line is None else [Remark("loop_begun_twice", {"bar": line + 2})]
    return {**parts, DRUMS: drums}, tuple(said)


def _read(stem: str, take: Take, request: GenerationRequest, model: StemModel) -> Part:
    """The notes in a take's latents.

    A loop is read as it goes round: what sounds over its end is one note, and notes may begin up to
    half a step of the grid before it.
    """
    bpm, length_beats = request.bpm, request.length_beats
    answer, facts = heard_notes(stem, take, bpm, model, loop=request.loop)
    if not request.loop:
        return read_part(answer, stem, facts, bpm, length_beats)
    around, circle = _circle(answer.shape[-1], facts)
    lead = seconds_to_beats(around * facts.frame_s, bpm)
    part = read_part(answer[..., circle], stem, facts, bpm, length_beats + 2 * lead)
    notes = (replace(note, start_beats=note.start_beats - lead) for note in part.notes)
    first, last = -STEP_BEATS / 2, length_beats - STEP_BEATS / 2
    turn = (note for note in notes if first <= note.start_beats < last)
    longest = (replace(n, length_beats=min(n.length_beats, length_beats)) for n in turn)
    return Part(stem, tuple(longest), length_beats)


def _on_grid(part: Part, request: GenerationRequest) -> Part:
    strength = SNAP if request.snap is None else request.snap
    ahead = request.start_beats % 1.0 + (1.0 if request.loop else 0.0)
    if not ahead:
        return snapped(part, strength)
    first = -ahead if request.loop else 0.0
    moved = (replace(note, start_beats=note.start_beats + ahead) for note in part.notes)
    whole = snapped(Part(part.stem, tuple(moved), part.length_beats + ahead), strength)
    return part.with_notes(
        replace(note, start_beats=max(first, note.start_beats - ahead)) for note in whole.notes
    )


def _over(part: Part) -> Part:
    """A take's notes without a next bar's downbeat that was heard early: it would be a click."""
    last = part.length_beats - EARLY_BEATS
    return part.with_notes(note for note in part.notes if note.start_beats < last)


def _begun(part: Part) -> Part:
    """A loop's notes from its start on: a downbeat a touch early begins with it, whole."""

    def begun(start: float) -> float:
        early = -start > EARLY_BEATS
        return start % part.length_beats if early else max(0.0, start)

    return part.with_notes(replace(n, start_beats=begun(n.start_beats)) for n in part.notes)


def played(
    part: Part,
    request: GenerationRequest,
    manifest: Manifest,
    timbres: Mapping[str, str],
    roots: AllowedRoots | None = None,
) -> FloatArray:
    """A part on its instrument, `[2, n_samples]` at the session's rate and the model's level.

    Raises:
        NoSuchFileError, BadAudioError, BadArgsError: the user's own instrument is no such.
    """
    return in_place(dry(part, request, timbres, roots), part.stem, request, manifest)


def dry(
    part: Part,
    request: GenerationRequest,
    timbres: Mapping[str, str],
    roots: AllowedRoots | None = None,
) -> FloatArray:
    """The first half of `played`: the instrument alone, at its own level."""
    stem, rate = part.stem, request.session_rate
    own = dict(request.instruments).get(stem)
    instrument = own_instrument(stem, own, roots) if own else shipped(stem, timbres.get(stem))
    return play(part, instrument, request.bpm, rate, loop=request.loop)


def in_place(
    sound: FloatArray, stem: str, request: GenerationRequest, manifest: Manifest
) -> FloatArray:
    """The other half: tone, room, width and level of its role."""
    rate = request.session_rate
    sound = touched(sound, stem, rate, loop=request.loop)
    measured = integrated_loudness(sound.mean(axis=0), rate)
    if measured is None:
        return sound
    wanted = manifest.stem_lufs.get(stem, USUAL_LUFS)
    return sound * np.float32(amplitude(wanted - measured))
