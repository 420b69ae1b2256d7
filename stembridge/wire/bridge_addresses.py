"""The part of the address table that the MIDI and audio bridge answers.

The daemon itself touches neither MIDI nor sound: it hands these messages on. What clients ask goes
to the bridge (`stembridge bridge`), which announces `preview`, `capture` and `bridge.ask`; what the
bridge reports goes to clients that announced `bridge` (and `tempo`, for the tempo alone).
"""

from __future__ import annotations

from stembridge.wire.schema import AddressRow, Arg, from_bridge, to_bridge

_ID = Arg("request_id", "s", "the job whose take it is")
_CAPTURE = Arg("capture_id", "s", "chosen by the client")

BRIDGE_ROWS: tuple[AddressRow, ...] = (
    to_bridge(
        "/stembridge/preview/play",
        "preview",
        (
            _ID,
            Arg("gain", "f", "linear gain, after matching loudness; 1 is unchanged", optional=True),
            Arg("stem", "s", "only this stem; empty for all", optional=True),
            Arg("variation", "i", "which of the takes; 0 is the first", optional=True),
            Arg("context", "i", "1: together with the context it was made for", optional=True),
        ),
        "Play a finished take, looped, in time with MIDI clock or Link while they run.",
    ),
    to_bridge(
        "/stembridge/preview/stop",
        "preview",
        (_ID,),
        "Stop playing it.",
    ),
    from_bridge(
        "/stembridge/preview/state",
        (
            _ID,
            Arg("state", "s", "playing, stopped or ended"),
            Arg("position_s", "f", "seconds into the loop"),
        ),
        "What the player does, four times a second while it plays.",
    ),
    to_bridge(
        "/stembridge/capture/start",
        "capture",
        (
            _CAPTURE,
            Arg("stem", "s", "what it will be context for"),
            Arg("bars", "f", "how many bars"),
            Arg("bpm", "f", "tempo, if no clock runs", optional=True),
            Arg("count_in_bars", "i", "clicks before it, if no clock runs", optional=True),
        ),
        "Record the input as a context stem, from the next bar line on.",
    ),
    to_bridge(
        "/stembridge/capture/cancel",
        "capture",
        (_CAPTURE,),
        "Forget a capture that has not ended.",
    ),
    from_bridge(
        "/stembridge/capture/done",
        (
            _CAPTURE,
            Arg("stem", "s", "as asked"),
            Arg("path", "s", "the WAV file; its frame 0 is on the bar line"),
            Arg("sha256", "s", "of the file"),
            Arg("frames", "i", "length in samples"),
            Arg("rate", "i", "sample rate, in Hz"),
            Arg("bpm", "f", "tempo it was recorded at"),
            Arg("start_beats", "f", "where it starts on the session's timeline"),
        ),
        "A capture is on the disk, compensated for the device's latency.",
    ),
    to_bridge(
        "/stembridge/latency/measure",
        "capture",
        (),
        "Play a sweep and find it in the input: wire output to input first.",
    ),
    from_bridge(
        "/stembridge/latency/measured",
        (
            Arg("frames", "i", "round trip"),
            Arg("rate", "i", "sample rate, in Hz"),
            Arg("clarity", "f", "0 to 1; below 0.3 nothing was heard"),
        ),
        "The round trip from output to input; captures are compensated by it from now on.",
    ),
    from_bridge(
        "/stembridge/midi/tempo",
        (
            Arg("bpm", "f", "measured tempo"),
            Arg("rms", "f", "its uncertainty, in bpm"),
            Arg("running", "i", "1 while the transport plays"),
            Arg("song_position_beats", "f", "where it is, in beats"),
        ),
        "The tempo heard on MIDI clock or Ableton Link.",
        capability="tempo",
    ),
    from_bridge(
        "/stembridge/midi/chords",
        (Arg("progression", "s", 'chords played, such as "Am F C G"; empty for none'),),
        "The chords the next request from a pad will follow.",
    ),
    to_bridge(
        "/stembridge/midi/pad",
        "bridge.ask",
        (
            Arg("action", "s", "as in the mapping file: generate, reroll, cancel, keep, next, …"),
            Arg("stem", "s", "or empty"),
        ),
        "Press a pad from afar: the same as on the controller.",
    ),
    to_bridge(
        "/stembridge/bridge/ask",
        "bridge.ask",
        (),
        "Which ports and devices are open?",
    ),
    from_bridge(
        "/stembridge/bridge/state",
        (
            Arg("part", "s", "midi, audio or link"),
            Arg("state", "s", "off, waiting or ready"),
            Arg("text", "s", "the open port or device, or what is missing"),
        ),
        "Sent when asked, and at every change.",
    ),
    from_bridge(
        "/stembridge/bridge/error",
        (
            Arg("about", "s", "request, capture or part"),
            Arg("code", "i", "see the table of errors"),
            Arg("symbol", "s", "the same as a word, such as DEVICE_LOST"),
            Arg("sentence", "s", "what happened"),
        ),
        "Something the bridge could not do, or lost.",
    ),
)
