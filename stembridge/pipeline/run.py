"""One request from clips to finished files, with its receipt.

Files are named `<out>/<take folder>/<bars>bars_<bpm>bpm_<stem>_seed<seed>_take<k>.wav`; the take
folder carries a piece of the request id's hash, so that two requests never share one, while the
same request made twice overwrites only itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.files import ensure_room, write_atomically, write_stem
from stembridge.chords import progression_text
from stembridge.context import Context, load_context
from stembridge.musical_time import beats_to_samples
from stembridge.parts import Part
from stembridge.parts.midi import midi_file
from stembridge.pipeline.events import OnEvent, Reporter, StemFile, ignore
from stembridge.pipeline.generate import Take, generate
from stembridge.pipeline.performance import parts_of, played
from stembridge.pipeline.receipt import build_receipt, write_receipt
from stembridge.pipeline.render import render
from stembridge.pipeline.settings import settings_for
from stembridge.pipeline.verdict import judge
from stembridge.request import GenerationRequest
from stembridge.runtime.model import StemModel

BYTES_PER_SAMPLE = {"pcm24": 3, "float": 4}


def arrange(
    request: GenerationRequest,
    model: StemModel,
    out_dir: Path,
    on_event: OnEvent = ignore,
    roots: AllowedRoots | None = None,
) -> list[StemFile]:
    """Make all takes of a request and write them.

    Args:
        request: what is asked for.
        model: an open model.
        out_dir: the folder take folders go into.
        on_event: told about progress and each finished stem; may raise CancelledError.
        roots: the folders context may come from; None allows every place.

    Returns:
        The stem files, in the order in which they were finished.

    Raises:
        StembridgeError: whatever went wrong, in words; finished stem files stay.
    """
    report = Reporter(on_event, request.variations)
    settings = settings_for(request, model.manifest)  # refuses what the model does not have
    ensure_room(out_dir, 2 * expected_bytes(request))
    folder = out_dir / take_folder(request)
    context = load_context(
        request, model.manifest, roots or AllowedRoots.anywhere(), partial(report, "read", 0.0),
        model.chord_chances,
    )  # fmt: skip
    finished: list[StemFile] = []
    for take in generate(context.pace.heard(request), settings, context, model, report):
        for stem in _write_take(take, request, context, model, folder, report):
            finished.append(stem)
            report.stem(stem)
    report("write", 1.0, request.variations - 1)
    receipt = build_receipt(request, settings, model, context, finished, report.seconds())
    write_receipt(folder, receipt)
    return finished


def expected_bytes(request: GenerationRequest) -> int:
    """Size of all stem files of a request."""
    n_samples = beats_to_samples(request.length_beats, request.bpm, request.session_rate)
    n_files = len(request.generate) * request.variations
    stereo = 1 if request.sound == "model" else 2
    return n_files * (stereo * n_samples * BYTES_PER_SAMPLE[request.sample_format] + 1024)


def take_folder(request: GenerationRequest) -> str:
    """Name of the folder of a request's takes, such as `bass_for_drums_piano_3f2a9c01b7`."""
    given = request.context_stems
    made = "_".join(request.generate) + ("_for_" + "_".join(given) if given else "")
    tag = hashlib.sha256(request.request_id.encode()).hexdigest()[:10]
    return f"{request.name or made}_{tag}"


def stem_file_name(request: GenerationRequest, stem: str, variation: int) -> str:
    """Name of a stem file, such as `8bars_87.3bpm_bass_seed1_take1.wav`."""
    bars = request.length_beats / request.time_signature.beats_per_bar
    return f"{bars:.6g}bars_{request.bpm:.6g}bpm_{stem}_seed{request.seed}_take{variation + 1}.wav"


def take_file_name(request: GenerationRequest, variation: int) -> str:
    """Name of the take's MIDI file with all its parts, such as `8bars_87.3bpm_seed1_take1.mid`."""
    return stem_file_name(request, "", variation).replace("__", "_").replace(".wav", ".mid")


def _write_midi(
    parts: Mapping[str, Part], take: Take, request: GenerationRequest, folder: Path
) -> dict[str, Path]:
    """A file per part and one of them all; stem -> its file."""
    if not request.midi or not parts:
        return {}
    timbres = take.choice.timbres
    files = {s: folder / stem_file_name(request, s, take.variation) for s in parts}
    files = {stem: path.with_suffix(".mid") for stem, path in files.items()}
    for stem, path in files.items():
        data = midi_file([parts[stem]], request.bpm, request.time_signature, timbres)
        write_atomically(path, data)
    whole = midi_file(list(parts.values()), request.bpm, request.time_signature, timbres)
    write_atomically(folder / take_file_name(request, take.variation), whole)
    return files


def _write_take(
    take: Take,
    request: GenerationRequest,
    context: Context,
    model: StemModel,
    folder: Path,
    report: Reporter,
) -> Iterator[StemFile]:
    composed = progression_text(take.choice.chords) if take.choice.composed else None
    manifest, timbres, pace = model.manifest, take.choice.timbres, context.pace
    parts = parts_of(take, pace.heard(request), model)
    own = {
        stem: played(parts[stem], pace.tuned_request(request), manifest, timbres)
        for stem in request.generate
        if stem not in take.stems
    }
    gain = None if context.loudness_lufs is None else context.gain
    rendered = render(take.stems, manifest.sample_rate, gain, request, own, pace)
    midi = _write_midi(parts, take, request, folder)
    for i, stem in enumerate(request.generate):
        audio = rendered[stem]
        report("write", i / len(rendered), take.variation)
        verdict = judge(audio, request, context.loudness_lufs, context.remarks)
        path = folder / stem_file_name(request, stem, take.variation)
        written = write_stem(path, audio, request.session_rate, request.sample_format)
        yield StemFile(
            stem, take.variation, path, written.sha256, audio.shape[-1], request.session_rate,
            verdict, take.choice.style, timbres.get(stem), composed,
            "played" if stem in own else "model", midi.get(stem),
            parts[stem].sha256 if stem in parts else None,
        )  # fmt: skip
