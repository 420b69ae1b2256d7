"""Do prompts move a take to where they ask? Pairs of takes of one seed, with the words and without.

Prompts are drawn from the lexicon over styles, instruments, moods, density, dynamics and register;
what each of them asks for is known from the draw, not from how it was read. Judges are the
project's own: the style classifier and a diffusion classifier of timbres on the made latents, the
key, number, velocity and pitch of the notes. A sign test says what chance would do: takes that
moved in the asked direction, of those that moved at all. As a control every pair is judged by what
another prompt asked for as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.chords.key import minor_lead
from stembridge.context import context_of
from stembridge.musical_time import beats_to_samples
from stembridge.parts import Part
from stembridge.pipeline.events import Reporter, ignore
from stembridge.pipeline.generate import Take, generate
from stembridge.pipeline.likeness import timbre_errors
from stembridge.pipeline.performance import parts_of
from stembridge.pipeline.settings import settings_for
from stembridge.pipeline.wording import wording_of
from stembridge.request import GenerationRequest, parse_request
from stembridge.roles import is_pitched
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel
from stembridge.words.lexicon import TABLE

KINDS = ("style", "instrument", "mood", "density", "dynamics", "register")
_SIGNS = {"more": 1, "less": -1, "hard": 1, "soft": -1, "higher": 1, "lower": -1}


@dataclass(frozen=True)
class Asked:
    """One thing that a prompt asks for.

    Attributes:
        kind: of `KINDS`.
        value: a style, timbres by "/", a mode, or a direction.
        stem: that it is asked of; "" for all.
        words: in which.
    """

    kind: str
    value: str
    stem: str
    words: str


@dataclass(frozen=True)
class Made:
    """A take and its notes."""

    take: Take
    parts: Mapping[str, Part]


Judge = Callable[[Made, Asked], float]


def draw_prompts(manifest: Manifest, count: int, seed: int) -> Iterator[tuple[Asked, ...]]:
    """Prompts of one to six things each, in words of the lexicon."""
    rows = {kind: list(_rows(kind, manifest)) for kind in KINDS}
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        kinds = [kind for kind in KINDS if rows[kind] and rng.random() < 0.45]
        usable = [kind for kind in KINDS if rows[kind]]
        kinds = kinds or [usable[number % len(usable)]]
        yield tuple(_drawn(kind, rows[kind], manifest, rng) for kind in kinds)


def _rows(kind: str, manifest: Manifest) -> Iterator[tuple[str, str, list[str]]]:
    """(value, stem, phrases) of the lexicon's rows that mean one thing of this kind."""
    heads = {"mood": "mode:", "density": "density:", "dynamics": "force:", "register": "register:"}
    for meaning, row in TABLE.items():
        phrases = [phrase.strip() for phrase in row.split(",")]
        head, _, value = meaning.partition("=" if kind == "instrument" else ":")
        if " " in meaning or (kind in heads and not meaning.startswith(heads[kind])):
            continue
        if kind == "style" and not (head == "style" and value in manifest.styles):
            continue
        if kind == "instrument" and not set(value.split("/")) & set(manifest.timbres.get(head, ())):
            continue
        yield value, head if kind == "instrument" else "", phrases


def _drawn(
    kind: str, rows: Sequence[tuple[str, str, list[str]]], manifest: Manifest, rng: Any
) -> Asked:
    value, stem, phrases = rows[rng.integers(len(rows))]
    words = str(rng.choice(phrases))
    stems = [s for s in manifest.stems if kind != "register" or is_pitched(s)]
    if kind in ("density", "dynamics", "register") and rng.random() < 0.5:
        stem = str(rng.choice(stems))
        words = f"{words} {stem}"
    return Asked(kind, value, stem, words)


def evaluate_prompts(
    model: StemModel,
    count: int,
    seed: int = 0,
    bars: int = 4,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Pairs of takes, judged.

    Returns:
        Of each kind: how many were asked for, moved as asked, moved otherwise, the sign test's
        one-sided p, the same share for what another prompt asked for, and how many styles and
        instruments were chosen; and all trials.
    """
    prompts = list(draw_prompts(model.manifest, count, seed))
    judge = judge_of(model)
    trials: list[dict[str, Any]] = []
    for number, prompt in enumerate(prompts):
        words = ", ".join(asked.words for asked in prompt)
        rng = np.random.default_rng([seed, number, 1])
        plain = parse_request({
            "generate": ",".join(model.manifest.stems), "bars": bars, "seed": number,
            "bpm": int(rng.integers(84, 132)),
        })  # fmt: skip
        pair = [make(plain, model), make(replace(plain, prompt=words), model)]
        others = prompts[(number + 1) % count]
        for control, asks in ((False, prompt), (True, others)):
            trials += [
                {"prompt": words, "control": control, **vars(asked),
                 "chosen": _is_chosen(pair[1], asked),
                 "before": judge(pair[0], asked), "after": judge(pair[1], asked)}
                for asked in asks
            ]  # fmt: skip
        say(f"{number + 1} of {count}: {words}")
    return {"figures": figures(trials), "trials": trials}


def make(request: GenerationRequest, model: StemModel) -> Made:
    """A take from nothing, its notes as they would be played."""
    manifest = model.manifest
    n_samples = beats_to_samples(request.length_beats, request.bpm, manifest.sample_rate)
    nothing = np.zeros((manifest.n_stems, n_samples), np.float32)
    context = context_of(nothing, [False] * manifest.n_stems, request, manifest)
    wording = wording_of(request, manifest, context)
    settings = settings_for(request, manifest)
    report = Reporter(ignore, 1)
    take = next(generate(request, settings, context, model, report, wording))
    return Made(take, parts_of(take, request, model))


def judge_of(model: StemModel) -> Judge:
    """How much a take is as asked for: more is more."""

    def style(made: Made, asked: Asked) -> float:
        latents = made.take.latents[None]
        given = np.ones((1, latents.shape[1], latents.shape[-1]), np.float32)
        frames = made.take.conditions.frames.copy()
        at = model.manifest.layout.slices()
        for block in ("style", "timbre", "chords"):  # what it was told is not to be heard from it
            if block in at:
                frames[:, at[block]] = 0.0
        chances = model.style_chances(latents, given, frames)
        return (
            0.0 if chances is None else float(chances[0][model.manifest.styles.index(asked.value)])
        )

    def instrument(made: Made, asked: Asked) -> float:
        own = made.take.latents[model.manifest.stem_index(asked.stem)]
        errors = timbre_errors(model, asked.stem, own)
        wanted = asked.value.split("/")
        inside = [error for name, error in errors.items() if name in wanted]
        outside = [error for name, error in errors.items() if name not in wanted]
        return min(outside, default=0.0) - min(inside, default=0.0)

    def mood(made: Made, asked: Asked) -> float:
        minor = minor_lead(_durations(made.parts))
        return minor if asked.value == "minor" else -minor

    def notes(made: Made, asked: Asked) -> float:
        stems = [asked.stem] if asked.stem else list(made.parts)
        if asked.kind == "register":
            stems = [stem for stem in stems if is_pitched(stem)]
        found = [note for stem in stems if stem in made.parts for note in made.parts[stem].notes]
        if asked.kind == "density":
            return _SIGNS[asked.value] * float(len(found))
        values = [note.velocity if asked.kind == "dynamics" else note.pitch for note in found]
        return _SIGNS[asked.value] * float(np.mean(values)) if values else 0.0

    by_kind: dict[str, Judge] = {"style": style, "instrument": instrument, "mood": mood}
    return lambda made, asked: by_kind.get(asked.kind, notes)(made, asked)


def _is_chosen(made: Made, asked: Asked) -> bool:
    """Whether the take has the style, or is played by the instrument, that was asked for."""
    choice = made.take.choice
    if asked.kind == "style":
        return choice.style == asked.value
    return asked.kind == "instrument" and choice.timbres.get(asked.stem) in asked.value.split("/")


def _durations(parts: Mapping[str, Part]) -> NDArray[np.float64]:
    """Beats of each pitch class [12] in all parts with a pitch."""
    total = np.zeros(12)
    for stem, part in parts.items():
        for note in part.notes if is_pitched(stem) else ():
            total[note.pitch % 12] += note.length_beats
    return total


def figures(trials: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each kind, and of all."""
    found = {}
    for kind in (*KINDS, "all"):
        own = [t for t in trials if kind in ("all", t["kind"]) and not t["control"]]
        control = [t for t in trials if kind in ("all", t["kind"]) and t["control"]]
        if own:
            moved, against = _moved(own)
            chance, not_chance = _moved(control)
            found[kind] = {
                "asked": len(own),
                "moved": moved,
                "against": against,
                "p": sign_test(moved, moved + against),
                "control": chance / max(1, chance + not_chance),
                "chosen": sum(bool(trial.get("chosen")) for trial in own),
            }
    return found


def _moved(trials: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    changes = np.array([trial["after"] - trial["before"] for trial in trials])
    return int((changes > 1e-9).sum()), int((changes < -1e-9).sum())


def sign_test(successes: int, count: int) -> float:
    """One-sided p: the chance of so many heads, or more, of a fair coin."""
    return sum(comb(count, k) for k in range(successes, count + 1)) / 2**count
