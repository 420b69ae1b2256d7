"""Takes of an engine (`stembridge.engines`): a sound to words for each stem, cut to the bar.

An engine knows no bar line. Its sound begins a beat early, and of that beat is cut what lets the
most onsets fall on the grid. What is made then goes the way of every take: the session's rate and
exact length, the level of its role, a verdict that says how far it hits the grid, and a receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import is_silent
from stembridge.audio.onsets import detect_onsets
from stembridge.audio.resample import fit_length
from stembridge.chords.key import key_of
from stembridge.context import Context, load_context
from stembridge.engines import SoundEngine, SoundWish, words_for
from stembridge.errors import BadArgsError, StembridgeError
from stembridge.inference.level import levelled, role_gain_db
from stembridge.musical_time import beats_to_samples, beats_to_seconds, seconds_to_samples
from stembridge.parts import Part
from stembridge.pipeline.choice import Choice
from stembridge.pipeline.events import Reporter
from stembridge.pipeline.performance import check_instruments, transcribed
from stembridge.pipeline.render import conformed
from stembridge.pipeline.take_files import MadeTake, SoundedTake, measured
from stembridge.pipeline.take_state import TakeState
from stembridge.pipeline.wording import unmade
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest
from stembridge.roles import MIX, check_apart, is_pitched
from stembridge.runtime.failures import device_failure

SEAM_S = 0.05  # of a loop: what goes on behind its end fades into its start


@dataclass(frozen=True)
class EnginePlan:
    """A request for an engine, before anything is made.

    Attributes:
        engine: that makes it.
        request: as the engine's session has it.
        asked: as the musician's session has it.
        context: what is given.
        told: stem -> the words.
        seconds: of each sound, with what is cut off.
        lead: samples at its start of which some may be cut off.
    """

    engine: SoundEngine
    request: GenerationRequest
    asked: GenerationRequest
    context: Context
    told: dict[str, str]
    seconds: float
    lead: int

    @property
    def steps(self) -> int:
        """Of diffusion; 0 where the engine has none."""
        return self.request.steps or self.engine.facts.steps or 0

    @property
    def guidance(self) -> float:
        """Pull of the words."""
        told = self.request.guidance
        return self.engine.facts.guidance if told is None else told

    def to_mapping(self) -> dict[str, object]:
        """For the receipt."""
        facts = self.engine.facts
        avoided = {stem: _avoided(self, stem) for stem in self.told}
        told = {"kind": facts.kind, "told": self.told, "avoided": avoided}
        sampling = {"sampler": "engine", "steps": self.steps, "guidance": self.guidance}
        melody = _melody(self, {}) is not None
        return {
            "engine": told | {"heard": "melody" if melody else "nothing"},
            "sampling": sampling | {"seed": self.asked.seed},
        }


def engine_plan(
    request: GenerationRequest, engine: SoundEngine, places: AllowedRoots, report: Reporter
) -> EnginePlan:
    """What the engine is to make.

    Raises:
        StembridgeError: what is given cannot be read, or the engine cannot do what is asked.
    """
    manifest, facts = engine.manifest, engine.facts
    if request.sound == "played":
        raise BadArgsError(
            f"{facts.title} writes no notes that could be played. Leave --sound out."
        )
    if MIX in request.context_stems:
        raise BadArgsError(
            f"{facts.title} takes no mix apart. Give it as other=FILE, or take it apart first with "
            "stembridge separate."
        )
    check_instruments(request, manifest, places)
    context = load_context(request, manifest, places, partial(report, "read", 0.0))
    given = {s for s, is_given in zip(manifest.stems, context.given, strict=True) if is_given}
    check_apart(request.generate, given)
    heard = context.pace.heard(request)
    seconds, lead = _length(heard, engine)
    key = key_of(request.chords or context.chords, request.length_beats)
    told = {stem: words_for(stem, heard, key) for stem in request.generate}
    plan = EnginePlan(engine, heard, request, context, told, seconds, lead)
    return replace(plan, context=replace(context, remarks=(*context.remarks, *_remarks(plan))))


def engine_takes(plan: EnginePlan, report: Reporter) -> Iterator[SoundedTake]:
    """Every take that is asked for, and those that others are chosen from."""
    asked = plan.asked
    for number in range(asked.variations * asked.best):
        take = _take(plan, number, report)
        yield replace(take, take=replace(take.take, variation=number // asked.best))


def _length(request: GenerationRequest, engine: SoundEngine) -> tuple[float, int]:
    """Seconds to make, and samples that may be cut off at their start."""
    manifest = engine.manifest
    longest_s = manifest.window_frames * manifest.hop / manifest.sample_rate
    needed_s = request.duration_s + (SEAM_S if request.loop else 0.0)
    if needed_s > longest_s:
        bar_s = beats_to_seconds(request.time_signature.beats_per_bar, request.bpm)
        raise BadArgsError(
            f"{engine.facts.title} makes at most {longest_s:.3g} s in one piece, and this is "
            f"{request.duration_s:.3g} s. Ask for {max(1, int(longest_s / bar_s))} bars or fewer."
        )
    lead_s = min(beats_to_seconds(1.0, request.bpm), longest_s - needed_s)
    return needed_s + lead_s, seconds_to_samples(lead_s, manifest.sample_rate)


def _take(plan: EnginePlan, variation: int, report: Reporter) -> SoundedTake:
    request, rate = plan.request, plan.engine.manifest.sample_rate
    sounds: dict[str, FloatArray] = {}
    said: dict[str, tuple[Remark, ...]] = {}
    parts: dict[str, Part] = {}
    for i, stem in enumerate(request.generate):
        sounds[stem], cut_s = _sound(plan, stem, variation, sounds, report)
        told = {"engine": plan.engine.facts.title, "told": plan.told[stem]}
        said[stem] = (Remark("engine_told", told),)
        said[stem] += (Remark("engine_cut", {"ms": round(cut_s * 1e3)}),) if cut_s else ()
        if (part := transcribed(stem, sounds[stem].mean(axis=0), request, rate)) is not None:
            parts[stem] = part
        report("decode", (i + 1) / len(request.generate), variation)
    choice = Choice(request.style, dict(request.timbres), request.chords or plan.context.chords)
    nothing = np.zeros((len(plan.engine.manifest.stems), 1, 0), np.float32)
    made = MadeTake(
        variation, {s: a.mean(axis=0) for s, a in sounds.items()},
        TakeState(nothing, parts, choice),
    )  # fmt: skip
    return measured(made, _conformed(plan, sounds), plan.asked, plan.context, said)


def _conformed(plan: EnginePlan, sounds: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Stem -> `[n]` or `[2, n]` at the session's rate."""
    rate, pace = plan.engine.manifest.sample_rate, plan.context.pace
    sides = [
        conformed({s: a[min(i, len(a) - 1)] for s, a in sounds.items()}, rate, plan.asked, {}, pace)
        for i in range(2)
    ]
    return {
        stem: sides[0][stem] if len(sound) == 1 else np.stack([side[stem] for side in sides])
        for stem, sound in sounds.items()
    }


def _sound(
    plan: EnginePlan, stem: str, variation: int, before: dict[str, FloatArray], report: Reporter
) -> tuple[FloatArray, float]:
    """A stem `[channels, n]` at the engine's rate and its role's level; seconds cut off before."""
    request, manifest = plan.request, plan.engine.manifest
    index = request.generate.index(stem)
    wish = SoundWish(
        plan.told[stem], _avoided(plan, stem), plan.seconds,
        request.seed + (variation << 32) + (index << 40),
        plan.guidance, plan.steps, _melody(plan, before),
    )  # fmt: skip

    def on_share(share: float) -> None:
        report("sample", (index + share) / len(request.generate), variation)

    made = _made(plan.engine, wish, on_share)[:2]
    rate = manifest.sample_rate
    n_samples = beats_to_samples(request.length_beats, request.bpm, rate)
    fade = seconds_to_samples(SEAM_S, rate) if request.loop else 0
    first = _first(made, plan, n_samples)
    sound = fit_length(made[:, first:], n_samples + fade)
    if fade:
        up = np.sqrt(np.linspace(0, 1, fade, dtype=np.float32))
        sound[:, :fade] = sound[:, :fade] * up + sound[:, n_samples:] * up[::-1]
    sound = np.ascontiguousarray(sound[:, :n_samples])
    return levelled(sound, role_gain_db(sound.mean(axis=0), stem, manifest)), first / rate


def _made(engine: SoundEngine, wish: SoundWish, on_share: Callable[[float], None]) -> FloatArray:
    """What the engine makes `[channels, n]`; its libraries raise what they like."""
    title = engine.facts.title
    try:
        made = engine.sound(wish, on_share)
    except StembridgeError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0][:160]
        raise device_failure(error, engine.device) or StembridgeError(
            f"{title} could not make this sound ({said}). Try other words or fewer bars."
        ) from error
    if not np.isfinite(made).all():
        raise StembridgeError(f"{title} gave no sound (not a number). Try another seed.")
    return made


def _first(made: FloatArray, plan: EnginePlan, n_samples: int) -> int:
    """The sample that goes on the bar line: the start, or an onset of the first beat."""
    bpm, rate = plan.request.bpm, plan.engine.manifest.sample_rate
    times = detect_onsets(made.mean(axis=0), rate)

    def fits(first: int) -> float:
        """How near onsets lie to beats, eighths and sixteenths, -1 to 1."""
        from_there = times - first / rate
        heard = from_there[(from_there > -1e-3) & (from_there < n_samples / rate)]
        beats = heard * (bpm / 60)
        return float(np.mean([np.cos(2 * np.pi * beats * each) for each in (1, 2, 4)]))

    starts = [0, *(round(float(time) * rate) for time in times)]
    return max((s for s in starts if s <= plan.lead), key=fits) if times.size else 0


def _melody(plan: EnginePlan, before: dict[str, FloatArray]) -> FloatArray | None:
    """What has a pitch of what is given, and was made of this take before; None if none sounds."""
    if not plan.engine.facts.hears_melody:
        return None
    context, stems = plan.context, plan.engine.manifest.stems
    heard = np.zeros(context.samples.shape[-1], np.float32)
    for stem, row in zip(stems, context.samples, strict=True):
        heard += row if is_pitched(stem) else np.float32(0)
    heard += 0 if context.other is None else context.other
    for stem, sound in before.items():
        heard += fit_length(sound.mean(axis=0), heard.size) if is_pitched(stem) else np.float32(0)
    return None if is_silent(heard) else heard


def _avoided(plan: EnginePlan, stem: str) -> str:
    """What a stem is not to be; without guidance nothing leads away from it."""
    words = (plan.request.negative_prompt, dict(plan.request.negative_prompts).get(stem))
    leads = plan.engine.facts.takes_negative and plan.guidance > 1
    return ", ".join(word for word in words if word) if leads else ""


def _remarks(plan: EnginePlan) -> Iterator[Remark]:
    """What an engine has no ears and no use for."""
    facts, request = plan.engine.facts, plan.asked
    melody = _melody(plan, {}) is not None or len(request.generate) > 1
    heard = facts.hears_melody and melody
    yield Remark("engine_melody" if heard else "engine_deaf", {"engine": facts.title})
    unused = {
        "sampler": request.sampler, "snap": request.snap, "like": request.like,
        "steps": request.steps if facts.steps is None else None,
        "negative prompt": None if any(_avoided(plan, stem) for stem in plan.told) else
        request.negative_prompt or request.negative_prompts or None,
    }  # fmt: skip
    if idle := [name for name, value in unused.items() if value is not None]:
        yield Remark("engine_idle", {"engine": facts.title, "what": ", ".join(idle)})
    yield from unmade(request)
    if plan.seconds > facts.trained_s:
        yield Remark("engine_wanders", {"engine": facts.title, "seconds": facts.trained_s})
    yield Remark("engine_licence", {"licence": plan.engine.manifest.licence})
