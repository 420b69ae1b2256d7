"""Ableton Live without Max: context and placement through AbletonOSC, stems from the daemon.

    stembridge serve                                 # in another terminal
    python examples/abletonosc_stem.py --make bass   # Live is open, AbletonOSC is installed

AbletonOSC is a free Remote Script, so this works in every edition of Live. The tracks' names say
what they play; the playing session clips (or the first ones) are listened to. Stock AbletonOSC
cannot place audio clips; where /live/track/create_audio_clip exists the stem is placed at the loop
brace, elsewhere you are shown the file to drag in.
"""

from __future__ import annotations

import argparse
import socket
from typing import Any

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from stembridge.client import Client, Stem
from stembridge.roles import role_of

SEND_PORT, REPLY_PORT = 11000, 11001
ANSWER_S, TRIES = 0.5, 3


class Live:
    """Ableton Live as AbletonOSC shows it."""

    def __init__(self, send_port: int = SEND_PORT, reply_port: int = REPLY_PORT) -> None:
        self._peer = ("127.0.0.1", send_port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", reply_port))
        self._socket.settimeout(ANSWER_S)

    def close(self) -> None:
        self._socket.close()

    def send(self, address: str, *values: Any) -> None:
        builder = OscMessageBuilder(address)
        for value in values:
            builder.add_arg(value)
        self._socket.sendto(builder.build().dgram, self._peer)

    def ask(self, address: str, *ids: int) -> list[Any] | None:
        """The values of an answer after its ids; None if none comes."""
        for _ in range(TRIES):
            self.send(address, *ids)
            try:
                while True:
                    answer = OscMessage(self._socket.recv(65_536))
                    if answer.address == address and tuple(answer.params[: len(ids)]) == ids:
                        return list(answer.params[len(ids) :])
            except TimeoutError:
                continue
        return None

    def get(self, address: str, *ids: int, default: Any = None) -> Any:
        values = self.ask(address, *ids)
        return values[0] if values else default


def context(live: Live, making: list[str], bpm: float) -> list[dict[str, Any]]:
    """One clip per track that plays a stem we do not make."""
    clips = []
    for index, name in enumerate(live.ask("/live/song/get/track_names") or []):
        stem = role_of(str(name))
        if stem is None or stem in making or stem in {clip["stem"] for clip in clips}:
            continue
        if not live.get("/live/track/get/has_audio_input", index, default=0):
            print(f"{name} is a MIDI track: freeze and flatten it, then it can be heard.")
            continue
        slot = max(0, int(live.get("/live/track/get/playing_slot_index", index, default=0)))
        path = live.get("/live/clip/get/file_path", index, slot)
        if not path:
            print(f"{name} has no session clip: not listened to.")
            continue
        clips.append({"stem": stem, "path": str(path), **_geometry(live, index, slot, bpm)})
    return clips


def _geometry(live: Live, index: int, slot: int, bpm: float) -> dict[str, Any]:
    """Where in its file a clip starts and repeats.

    Warp markers cannot be read this way: a warped file is taken to run at the set's tempo.
    """

    def seconds(name: str) -> str:
        value = float(live.get(f"/live/clip/get/{name}", index, slot, default=0.0))
        return f"{value * 60 / bpm if is_warped else value:.6f}"

    is_warped = bool(live.get("/live/clip/get/warping", index, slot, default=0))
    found = {"file_start_s": seconds("start_marker")}
    if is_warped and live.get("/live/clip/get/looping", index, slot, default=0):
        found |= {
            "loop": "1", "loop_start_s": seconds("loop_start"), "loop_end_s": seconds("loop_end"),
        }  # fmt: skip
    return found


def place(live: Live, stem: Stem, start_beats: float) -> bool:
    """Place a stem on a new track; False where this AbletonOSC cannot."""
    before = int(live.get("/live/song/get/num_tracks", default=0))
    live.send("/live/song/create_audio_track", -1)
    if int(live.get("/live/song/get/num_tracks", default=0)) <= before:
        return False
    live.send("/live/track/create_audio_clip", before, stem.path, float(start_beats))
    starts = live.ask("/live/track/get/arrangement_clips/start_time", before) or []
    if not any(abs(float(one) - start_beats) < 1e-3 for one in starts):
        live.send("/live/song/delete_track", before)
        return False
    live.send("/live/track/set/name", before, f"{stem.stem.capitalize()} (stembridge)")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Make stems for the loop brace of a Live set.")
    parser.add_argument("--make", default="bass", help="stems, with commas")
    parser.add_argument("--seed", type=int, help="another take for each run if left out")
    parser.add_argument("--loop", action="store_true", help="the end flows into the start")
    parser.add_argument("--port", type=int, default=9420, help="the daemon's port")
    parser.add_argument("--live-port", type=int, default=SEND_PORT)
    parser.add_argument("--live-reply-port", type=int, default=REPLY_PORT)
    options = parser.parse_args()
    live = Live(options.live_port, options.live_reply_port)
    try:
        if live.ask("/live/test") is None:
            print("Live does not answer: is AbletonOSC chosen as a control surface?")
            return 1
        return make(live, options)
    finally:
        live.close()


def make(live: Live, options: argparse.Namespace) -> int:
    bpm = float(f"{float(live.get('/live/song/get/tempo')):.6g}")
    numerator = int(live.get("/live/song/get/signature_numerator", default=4))
    denominator = int(live.get("/live/song/get/signature_denominator", default=4))
    start_beats = float(live.get("/live/song/get/loop_start", default=0.0))
    clips = context(live, options.make.split(","), bpm)
    with Client(port=options.port) as client:
        job = client.generate(
            generate=options.make,
            bpm=str(bpm),
            length_beats=str(float(live.get("/live/song/get/loop_length", default=16.0))),
            time_signature=f"{numerator}/{denominator}",
            start_beats=str(start_beats),
            loop=str(int(options.loop)),
            clips=clips,
            **({} if options.seed is None else {"seed": options.seed}),
        )
        stems = job.wait()
    for stem in stems:
        placed = place(live, stem, start_beats)
        print(f"{stem.stem}: {'placed' if placed else 'drag it in from'} {stem.path}")
        print(f"  {'; '.join(stem.said)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
