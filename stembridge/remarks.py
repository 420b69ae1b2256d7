"""What a musician should know of a request, though it is no error: typed, in words, in one table.

Whatever is ignored, repaired, guessed or chosen for lack of better becomes a `Remark`. It travels
with the take: printed by the command line, in `--json`, in the receipt, in the stem message and
the log of OSC, and through them in the device, the watch folder and REAPER.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WORDS = {
    "silent": "the {stem} context is silent in these bars",
    "ends_early": "{stem} ends after bar {bar:.3g} of {bars:.3g}: silence from there on",
    "ends_early_can_loop": "{stem} ends after bar {bar:.3g} of {bars:.3g}: silence from there on "
    "(it is {whole:g} whole bars long: --loop-context repeats it)",
    "looped": "{stem} lasts {whole:g} bars and is repeated",
    "not_looped": "{stem} lasts {bar:.3g} bars, which is not a whole number: it is not repeated",
    "header_damaged": "the header of {stem}'s file is damaged; {seconds:.2f} s were read all the "
    "same. Export it again if that is wrong",
    "cut_short": "{stem}'s file is cut short: {seconds:.2f} s of {promised:.2f} s are there. "
    "Export it again",
    "length_counted": "the header of {stem}'s file tells another length than "
    "the {seconds:.2f} s that are there",
    "out_of_phase": "the channels of {stem} cancel each other in mono; heard so that they do not",
    "clipped": "{stem} is clipped: {times} of its peaks are cut off flat ({file}, {db:.1f} dB from "
    "full scale). Record or export it softer, unless it is meant to sound so",
    "chords_unsure": "the chords are heard with {sure:.0%} certainty only: name them (--chords) "
    "where they are wrong",
    "chords_of_melody": "one note at a time is heard: the chords to it are guessed, and {sure:.0%} "
    "certain. Name them (--chords) where they are wrong",
    "off_beat": "what is given lies about {ms} ms {side} the eighths: trim it so that it starts on "
    "a bar line, unless it is meant to lie there",
    "chords_repeated": "chords were heard in bars {first:g} to {last:g} only, and are repeated",
    "pitch_unheard": "{stem} sounds like notes with a pitch, and is heard for its beat alone: call "
    "it guitar, piano, bass or mix if it is one",
    "tuning": "the context is tuned {cents:+.0f} cents from A = 440 Hz; the take follows",
    "tuning_unclear": "{stem} is tuned {cents:+.0f} cents from A = 440 Hz and other stems are not: "
    "the take stays at 440",
    "take_silent": "silent: nothing is played in these bars. Another seed may play",
    "take_starts_late": "starts only after {bars:.1f} bars of silence",
    "take_off_grid": "only {share:.0%} of the notes are on the grid",
    "take_offset": "the notes are {ms} ms {side}",
    "take_quiet": "{lu} LU quieter than the context",
    "take_loud": "{lu} LU louder than the context",
    "held_down": "the whole take is {db:g} dB softer than it was to be, so that its peaks do not "
    "clip",
    "loop_evened": "{stem} was brighter where the loop begins than at any other bar line: {db} dB "
    "of its treble were taken away there",
    "loop_crash": "a crash on the loop's first beat alone would be heard each time round: it is "
    "{what}",
    "loop_begun_twice": "the drums strike on the loop's first beat and on no other bar's: that is "
    "repeated on bar {bar}",
    "turned_down": "the whole take is {db:g} dB softer than the one before it, so that nothing "
    "clips",
    "context_gone": "what was given ({stems}) is not there any more: levels stay, and cannot be "
    "compared with it",
    "made_loop": "bar {bar} was made anew, so that the end flows into the start",
    "best_of": "try {kept} of {of} was kept; their scores: {scores}",
    "prompt_read": "the prompt is read as: {read}",
    "prompt_meant": "{reader} reads {pairs}, which may be wrong",
    "prompt_idle": "of the prompt changes nothing: {idle}",
    "prompt_unmade": "what is said of {stems} alone changes nothing: it is not made",
    "prompt_unknown": "of the prompt was not understood: {unknown}",
    "like_heard": "{file} is heard as {as_what}: {heard}",
    "like_unclear": "{file} is heard as {as_what}, and nothing in it is clear enough to follow",
    "like_told": "the model is told how {file} sounds as a whole, by the encoder it learned from: "
    "no style, instrument or density is picked out",
    "like_and_words": "the model is told what lies half-way between the sound of {file} and the "
    "words: neither is followed alone",
    "like_silent": "{file} is silent: there is nothing to be like",
    "like_idle": "of {file} changes nothing: {idle}",
    "prompt_nothing": "nothing of the prompt was understood: {unknown}. Known are words such as "
    "{known}",
    "mix_apart": "the mix was taken apart first; heard of it: {heard}. Left out of it: {out}",
    "mix_without": "hardly anything in the mix sounds like {stem}: none is heard",
    "mix_silent": "nothing sounds in the mix: every stem is silent",
    "mix_short": "the mix lasts only {seconds:g} s: there is little to tell the stems apart by",
    "mix_mono": "the mix is mono, and so are its stems",
    "mix_low_rate": "the mix holds nothing above {khz:g} kHz, which helps to tell stems apart",
    "mix_clipped": "the mix is clipped ({share:.2%} of its samples); expect dirt in the stems",
    "stem_absent": "hardly anything in the mix sounds like {stem}: the file holds what leaked",
    "stem_unsure": "{bleed:.0%} of what sounds in {stem} may be other stems' bleed",
    "stem_runaway": "{stem} is {times} times as strong as the mix: sampling did not settle. More "
    "--steps may help",
    "stem_over": "{stem} reaches {db:.1f} dB above full scale, where a 24-bit file ends: what is "
    "above it is in rest (float files keep it)",
    "condition_open": "this model can be told {what}; here it is told nothing of it, and plays as "
    "it likes",
    "grid_untold": "this model knows no tempo and no bars: whether the take fits is measured, not "
    "made",
    "chords_untold": "this model cannot be told chords: those of the request change nothing",
    "chains_told": "made by chains of diffusion side by side, each told what is in it: {chains}",
    "words_told": "the model is told {chains}, by a text encoder",
    "chains_words": "this model can be told only which stems sound; nothing comes of: {words}",
    "chains_unguided": "at guidance 1 nothing leads away from {words}: --guidance 3 would",
    "chains_few": "{steps} steps are few for chains, which overshoot each other: 150 settle",
    "chains_sampler": "chains know the samplers euler, ancestral and adpm2: {sampler} is taken as "
    "euler",
    "engine_told": '{engine} was told "{told}"',
    "engine_deaf": "{engine} hears nothing of what is given and knows no grid: whether the take "
    "fits is measured, not made",
    "engine_melody": "of what is given, and of what it made before, {engine} hears the melody "
    "alone, and it knows no grid: whether the take fits is measured, not made",
    "engine_cut": "the first {ms} ms of the sound were cut off, so that it is on the grid",
    "engine_idle": "{engine} has no use for: {what}",
    "engine_wanders": "{engine} was trained on {seconds:g} s: what is longer may wander",
    "engine_licence": "licence of what made it: {licence}",
    "in_threes": "what is given sounds like bars of three quarter notes, the request says {told}: "
    "tell the time signature (3/4, or 6/8) if it is one of these",
    "tempo": "what is given sounds like {heard:.1f} bpm, the request says {told:g}",
}
"""Code -> words, filled in from the remark's data. Codes are stable: programs may look for them."""


@dataclass(frozen=True)
class Remark:
    """One thing to know.

    Attributes:
        code: a key of `WORDS`.
        data: what the words are filled with; JSON-ready.
    """

    code: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """For a human, without a full stop."""
        return WORDS[self.code].format(**self.data)

    def to_mapping(self) -> dict[str, Any]:
        """For programs, JSON-ready; the words travel beside."""
        return {"code": self.code, **self.data}
