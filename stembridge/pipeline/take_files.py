"""A made take as files: stems, MIDI, and the state that can be worked on later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import stembridge
from stembridge.audio.buffer import FloatArray
from stembridge.audio.files import write_atomically, write_stem
from stembridge.audio.wav_chunks import LoopFacts
from stembridge.chords import progression_text
from stembridge.chords.key import key_of, tonic_of
from stembridge.context import Context
from stembridge.parts.midi import midi_file
from stembridge.pipeline.events import Reporter, StemFile
from stembridge.pipeline.level import levelled
from stembridge.pipeline.performance import dry, in_place
from stembridge.pipeline.render import conformed
from stembridge.pipeline.take_state import TakeState, save_state
from stembridge.pipeline.verdict import Verdict, judge
from stembridge.pool.threads import in_turns, side_by_side
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest
from stembridge.request.tag import take_tag
from stembridge.runtime.manifest import Manifest


def take_folder(request: GenerationRequest) -> str:
    """Name of the folder of a request's takes, such as `bass_for_drums_piano_3f2a9c01b7`."""
    given = request.context_stems
    made = "_".join(request.generate) + ("_for_" + "_".join(given) if given else "")
    return f"{request.name or made}_{take_tag(request.request_id)}"


def stem_file_name(
    request: GenerationRequest, stem: str, variation: int, key: str | None = None
) -> str:
    """Name of a stem file, such as `song_8bars_87.3bpm_Am_bass_seed1_take1.wav`."""
    bars = request.length_beats / request.time_signature.beats_per_bar
    words = (request.name, f"{bars:.6g}bars", f"{request.bpm:.6g}bpm", key, stem)
    known = "_".join(word for word in words if word)
    return f"{known}_seed{request.seed}_take{variation + 1}.wav"


def take_file_name(request: GenerationRequest, variation: int, key: str | None = None) -> str:
    """Name of the take's MIDI file with all its parts, such as `8bars_87.3bpm_seed1_take1.mid`."""
    return stem_file_name(request, "", variation, key).replace(".wav", ".mid")


def loop_facts(request: GenerationRequest, stem: str, key: str | None) -> LoopFacts:
    """What a stem's file tells of itself."""
    metre = request.time_signature
    return LoopFacts(
        bpm=request.bpm,
        beats=request.length_beats,
        numerator=metre.numerator,
        denominator=metre.denominator,
        tonic=None if key is None else tonic_of(key),
        name=f"{request.name} {stem}" if request.name else stem,
        made_by=f"stembridge {stembridge.__version__}",
        comment=f"{request.bpm:g} bpm, {metre}{f', {key}' if key else ''}, seed {request.seed}",
    )


@dataclass(frozen=True)
class MadeTake:
    """A take before it is files.

    Attributes:
        variation: which, from 0.
        decoded: stem -> the model's own sound [n_samples], at its rate and level; the other stems
            are played.
        state: what it is made of; with a gain, that is kept: the take is another's in part.
    """

    variation: int
    decoded: Mapping[str, FloatArray]
    state: TakeState


@dataclass(frozen=True)
class SoundedTake:
    """A take as it will lie in its files.

    Attributes:
        take: what it is.
        audio: stem -> [n_samples] or [2, n_samples], in the order asked for.
        verdicts: stem -> what was measured.
        gain: that brought it to its level.
    """

    take: MadeTake
    audio: Mapping[str, FloatArray]
    verdicts: Mapping[str, Verdict]
    gain: float


def sounded(
    take: MadeTake, request: GenerationRequest, context: Context, manifest: Manifest
) -> SoundedTake:
    """A take played, brought to the session's rate and level, and measured."""
    parts, choice = take.state.parts, take.state.choice
    tuned = context.pace.tuned_request(request)
    stems = [stem for stem in request.generate if stem not in take.decoded]

    def alone(stem: str) -> FloatArray:
        return dry(parts[stem], tuned, choice.timbres, context.roots)

    def together(stem: str, sound: FloatArray) -> FloatArray:
        return in_place(sound, stem, tuned, manifest)

    # Playing is a thousand small steps, which two threads would only hinder each other in.
    own = dict(zip(stems, in_turns(alone, together, stems), strict=True))
    full = conformed(take.decoded, manifest.sample_rate, request, own, context.pace)
    return measured(take, full, request, context, {})


def measured(
    take: MadeTake,
    full: Mapping[str, FloatArray],
    request: GenerationRequest,
    context: Context,
    said_of: Mapping[str, tuple[Remark, ...]],
) -> SoundedTake:
    """A take brought to its level and measured.

    Args:
        take: what it is.
        full: stem -> audio at the session's rate, with its edges, at the model's level.
        request: what is asked for.
        context: what is given.
        said_of: stem -> what is known of it alone.
    """
    heard = None if context.loudness_lufs is None else context.gain
    level = levelled(full, request, heard, take.state.gain)

    def judged(stem: str) -> Verdict:
        said = (*context.remarks, *level.remarks, *level.own.get(stem, ()))
        said += said_of.get(stem, ())
        return judge(level.audio[stem], request, context.loudness_lufs, said)

    verdicts = dict(zip(request.generate, side_by_side(judged, request.generate), strict=True))
    audio = {stem: level.audio[stem] for stem in request.generate}
    return SoundedTake(take, audio, verdicts, level.gain)


def write_take(
    made: SoundedTake, request: GenerationRequest, folder: Path, report: Reporter
) -> Iterator[StemFile]:
    """Writes everything of a take but the receipt; tells each stem once its file is complete."""
    take, choice, parts = made.take, made.take.state.choice, made.take.state.parts
    source = "chosen" if choice.composed else "told" if request.chords else "heard"
    key = key_of(choice.chords, request.length_beats)
    midi = _write_midi(take, request, folder, key)
    if take.state.latents.size:  # an engine's sound has none, and cannot be worked on
        save_state(folder, take.variation, replace(take.state, gain=made.gain))
    for i, (stem, audio) in enumerate(made.audio.items()):
        report("write", i / len(made.audio), take.variation)
        path = folder / stem_file_name(request, stem, take.variation, key)
        facts = loop_facts(request, stem, key)
        written = write_stem(path, audio, request.session_rate, request.sample_format, facts)
        yield StemFile(
            stem, take.variation, path, written.sha256, audio.shape[-1], request.session_rate,
            made.verdicts[stem], choice.style, choice.timbres.get(stem),
            progression_text(choice.chords) or None,
            "model" if stem in take.decoded else "played", midi.get(stem),
            parts[stem].sha256 if stem in parts else None,
            source if choice.chords else None, key, request.seed, midi.get(""),
        )  # fmt: skip


def _write_midi(
    take: MadeTake, request: GenerationRequest, folder: Path, key: str | None
) -> dict[str, Path]:
    """A file per part and one of them all; stem -> its file, "" -> that of them all."""
    parts, timbres = take.state.parts, take.state.choice.timbres
    if not request.midi or not parts:
        return {}
    files = {s: folder / stem_file_name(request, s, take.variation, key) for s in parts}
    files = {stem: path.with_suffix(".mid") for stem, path in files.items()}
    for stem, path in files.items():
        data = midi_file([parts[stem]], request.bpm, request.time_signature, timbres)
        write_atomically(path, data)
    whole = midi_file(list(parts.values()), request.bpm, request.time_signature, timbres)
    path = folder / take_file_name(request, take.variation, key)
    write_atomically(path, whole)
    return files | {"": path}
