"""Everything that travels between the bridge and its children.

Conventions: times (`at_s`) are s of the machine's monotonic clock, which all processes share;
beats are quarter notes; positions of frames are ints at the device's rate; gains are in dB.
"""

from __future__ import annotations

from dataclasses import dataclass

from stembridge.children.ranges import MAX_CAPTURE_S, check

# -- every child ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Alive:
    """A sign of life from the child's main loop."""

    n: int


@dataclass(frozen=True)
class Failed:
    """Something went wrong; the symbol is one of `stembridge.errors`.

    Attributes:
        about: id of the take, capture or port concerned; "" for the child itself.
        symbol: of the error.
        sentence: for the human.
    """

    about: str
    symbol: str
    sentence: str


@dataclass(frozen=True)
class Quit:
    """End now."""


@dataclass(frozen=True)
class Anchor:
    """Where the session is: from MIDI clock, Ableton Link, or nobody (`source` is "").

    Attributes:
        at_s: moment this holds for.
        beat: position on the session's timeline at that moment.
        bpm: tempo.
        running: whether the transport moves.
        source: "clock", "link" or "".
        rms_bpm: uncertainty of the tempo.
        settled: whether the tempo can be relied on.
    """

    at_s: float
    beat: float
    bpm: float
    running: bool
    source: str
    rms_bpm: float = 0.0
    settled: bool = True

    def beat_at(self, time_s: float) -> float:
        """Position at another moment, at unchanged tempo."""
        return self.beat + (time_s - self.at_s) * self.bpm / 60.0 if self.running else self.beat

    def time_at(self, beat: float) -> float:
        """Moment at which the running transport reaches a beat."""
        return self.at_s + (beat - self.beat) * 60.0 / self.bpm


# -- MIDI -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WatchMidi:
    """Ask for every message as it comes (`midi learn`, `midi monitor`)."""

    on: bool


@dataclass(frozen=True)
class MidiHeard:
    """One message as bytes; clock ticks are left out."""

    at_s: float
    data: tuple[int, ...]


@dataclass(frozen=True)
class MidiPorts:
    """What is open now ("" where nothing is), sent at every change."""

    input: str
    output: str


@dataclass(frozen=True)
class PadPressed:
    """A mapped note, controller or program change."""

    action: str
    stem: str
    at_s: float


@dataclass(frozen=True)
class ChordsPlayed:
    """The chords recorded so far, in the text form of `stembridge.chords` ("" for none)."""

    progression: str


@dataclass(frozen=True)
class ClearChords:
    """Start a new recording of chords with the next one played."""


@dataclass(frozen=True)
class ShowState:
    """Light the lamps mapped to a state: idle, queued, working, done or failed.

    Attributes:
        state: what to show.
        stem: the stem it is about; "" for all.
        fraction: progress, 0..1.
    """

    state: str
    stem: str
    fraction: float


# -- audio ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OpenAudio:
    """Open (and keep open, over losses) a device.

    Attributes:
        output: part of the output's name; "" for the default; "none" for none.
        input: part of the input's name; "" for the default; "none" for none.
        rate: Hz; 0: the device's own.
        block: frames per callback; 0: the device's own.
        latency_frames: round trip measured before, or -1 for what the driver says.
    """

    output: str
    input: str
    rate: int
    block: int
    latency_frames: int


@dataclass(frozen=True)
class AudioReady:
    """The device is open."""

    output: str
    input: str
    rate: int
    output_latency_s: float
    input_latency_s: float


@dataclass(frozen=True)
class Play:
    """Play files together.

    Attributes:
        take_id: comes back in PlayState.
        files: (path, linear gain) of each.
        gain_db: common gain.
        match: bring the sum to the house's listening level first.
        loop: repeat until stopped.
        bpm: tempo of the files; 0 where unknown.
        length_beats: loop length; 0: the longest file.
        start_beats: where the files' first sample lies on the session's timeline.
        follow: keep to the session's transport while it runs.
    """

    take_id: str
    files: tuple[tuple[str, float], ...]
    gain_db: float = 0.0
    match: bool = True
    loop: bool = True
    bpm: float = 0.0
    length_beats: float = 0.0
    start_beats: float = 0.0
    follow: bool = True


@dataclass(frozen=True)
class StopPlay:
    """Silence within 5 ms."""

    take_id: str = ""


@dataclass(frozen=True)
class PlayState:
    """What the player does: "playing", "stopped" or "ended"."""

    take_id: str
    state: str
    position_s: float


@dataclass(frozen=True)
class Capture:
    """Record from the input.

    Attributes:
        capture_id: comes back in Captured.
        path: WAV file to write.
        bpm: tempo, where no transport runs.
        length_beats: how much to record.
        beats_per_bar: bar length.
        count_in_bars: clicks before the start, where no transport runs.
        follow: start at the transport's next bar line.
        channel: input channel, from 1; 0: the mean of all.

    Raises:
        BadArgsError: a value is out of range.
    """

    capture_id: str
    path: str
    bpm: float
    length_beats: float
    beats_per_bar: float = 4.0
    count_in_bars: int = 1
    follow: bool = True
    channel: int = 0

    def __post_init__(self) -> None:
        check("tempo", self.bpm, 20, 999, "beats per minute")
        check("bar length", self.beats_per_bar, 0.125, 99, "quarter notes")
        check("length", self.length_beats / self.beats_per_bar, 0.01, 512, "bars")
        check("length", self.length_beats * 60 / self.bpm, 0.01, MAX_CAPTURE_S, "seconds")
        check("count-in", self.count_in_bars, 0, 16, "bars")
        check("input channel", self.channel, 0, 1024, "(0: all of them, mixed)")


@dataclass(frozen=True)
class Captured:
    """A recording is on the disk.

    Attributes:
        start_beats: where it starts on the session's timeline (0 after a count-in).
        peak: largest absolute sample.
    """

    capture_id: str
    path: str
    sha256: str
    frames: int
    rate: int
    bpm: float
    start_beats: float
    peak: float


@dataclass(frozen=True)
class CancelCapture:
    """Forget a recording that has not ended."""

    capture_id: str


@dataclass(frozen=True)
class MeasureLatency:
    """Play a sweep and look for it in the input (output wired to input)."""


@dataclass(frozen=True)
class LatencyMeasured:
    """The round trip from output to input, and how clearly it was heard (0..1)."""

    frames: int
    rate: int
    clarity: float


# -- Link -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LinkPeers:
    """How many other programs share the Link session."""

    count: int
