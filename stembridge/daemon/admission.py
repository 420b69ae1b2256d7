"""From /stembridge/clip and /stembridge/generate to a payload the journal can keep.

One datagram holds at most 8 kB, a Live set can have dozens of clips: so clips travel one by one
before their request, wait here in memory, and become part of its payload when it is accepted. If
one was lost on the way, the request is refused with `retry_after_ms`, and the client sends all of
it again. What comes late, for a request that was accepted already, is not kept: with every fifth
datagram lost, such clips filled the table for a minute and jammed everybody.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stembridge.daemon.records import ModelFacts
from stembridge.errors import BadArgsError
from stembridge.request import GenerationRequest, parse_request
from stembridge.roles import check_known, members
from stembridge.wire.schema import MAX_SENT_CLIPS

CLIP_LIFE_S = 60.0
MAX_HELD = 128
MAX_HELD_PER_CLIENT = 16
_RETRY_MS = 200


@dataclass
class _Held:
    born_s: float
    clips: dict[int, dict[str, Any]] = field(default_factory=dict)


class ClipTable:
    """Clips whose request has not come yet: bounded in number, in all and per client, and time.

    Nobody is refused: the request that waited longest makes room, and its client, told what is
    missing, sends it again.
    """

    def __init__(
        self,
        life_s: float = CLIP_LIFE_S,
        most: int = MAX_HELD,
        most_per_client: int = MAX_HELD_PER_CLIENT,
    ) -> None:
        self._life_s = life_s
        self._most, self._most_per_client = most, most_per_client
        self._held: dict[tuple[str, str], _Held] = {}  # whose last clip is oldest comes first

    def hold(self, request_id: str, client: str, index: int, clip: dict[str, Any]) -> None:
        """Keep one clip.

        Raises:
            BadArgsError: the index is out of range.
        """
        if not 0 <= index < MAX_SENT_CLIPS:
            raise BadArgsError(f"A clip's index must be 0 to {MAX_SENT_CLIPS - 1}; it was {index}.")
        self._expire()
        key = request_id, client
        held = self._held.pop(key, None) or _Held(time.monotonic())
        self._make_room(client)
        held.born_s = time.monotonic()
        held.clips[index] = clip
        self._held[key] = held

    def take(
        self,
        request_id: str,
        client: str,
        count: int,
        known: Sequence[dict[str, Any]] = (),
    ) -> list[dict[str, Any]]:
        """The clips 0 … count - 1 of a request; they stay held until `drop`.

        Args:
            request_id: the request.
            client: who asks.
            count: how many clips it says it has.
            known: clips of the job that has this id already; what is held goes before them.

        Raises:
            BadArgsError: some are missing; the sentence names them.
        """
        if not 0 <= count <= MAX_SENT_CLIPS:
            raise BadArgsError(f"A request can have 0 to {MAX_SENT_CLIPS} clips; it named {count}.")
        self._expire()
        held = self._held.get((request_id, client))
        clips = dict(enumerate(known)) | (held.clips if held else {})
        missing = [index for index in range(count) if index not in clips]
        if missing:
            raise BadArgsError(
                f"Of {count} clips, these have not arrived: {', '.join(map(str, missing))}. "
                "Send them and the request again.",
                retry_after_ms=_RETRY_MS,
            )
        return [clips[index] for index in range(count)]

    def _make_room(self, client: str) -> None:
        own = [key for key in self._held if key[1] == client]
        if len(own) >= self._most_per_client:
            del self._held[own[0]]
        elif len(self._held) >= self._most:
            del self._held[next(iter(self._held))]

    def drop(self, request_id: str, client: str) -> None:
        """The request was accepted."""
        self._held.pop((request_id, client), None)

    def _expire(self) -> None:
        oldest_s = time.monotonic() - self._life_s
        self._held = {key: held for key, held in self._held.items() if held.born_s > oldest_s}


def check_stems(stems: Iterable[str], facts: ModelFacts | None) -> None:
    """Refuse at once the stems that the loaded model does not know.

    Raises:
        BadArgsError: there is one. While no model is loaded (no `facts`), the worker will say it.
    """
    if facts is not None:
        # Whether it makes several as one ("bass+drums"), the worker will say.
        check_known([one for stem in stems for one in members(stem)], facts.stems, facts.name)


def payload_of(pairs: Mapping[str, Any], clips: list[dict[str, Any]]) -> dict[str, Any]:
    """What arrived, less where to answer: another one with the same id must equal it.

    The journal keeps it with the `request` that was read from it, which nobody reads again.
    """
    wire = {key: value for key, value in pairs.items() if key not in {"reply_port", "clips"}}
    return {"pairs": wire, "clips": clips}


def request_of(request_id: str, payload: Mapping[str, Any]) -> GenerationRequest:
    """The request a payload stands for.

    Raises:
        BadArgsError: it is not a valid one.
    """
    clips = {"clips": payload["clips"]} if payload["clips"] else {}
    return parse_request({"request_id": request_id, **payload["pairs"], **clips})
