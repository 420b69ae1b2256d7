"""What is ordered, read and checked at once: the canonical form that the journal keeps.

Whatever needs neither the model's networks nor much time is refused before a job is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.daemon.admission import check_stems, request_of
from stembridge.daemon.files_gate import TakesFolder, check_context
from stembridge.daemon.jobs import Journal
from stembridge.daemon.records import ModelFacts
from stembridge.errors import BadArgsError, NotNowError
from stembridge.request import (
    parse_rework,
    parse_separation,
    request_to_mapping,
    rework_to_mapping,
    separation_to_mapping,
)
from stembridge.request.tag import receipt_of
from stembridge.roles import MIX, OTHER, in_order


class Orders:
    """Reads the payloads of verbs that begin a job."""

    def __init__(
        self,
        takes: TakesFolder,
        roots: AllowedRoots,
        model: Callable[[], ModelFacts | None],
        journal: Journal,
    ) -> None:
        """Take note of what orders are held against."""
        self._takes, self._roots, self._model, self._journal = takes, roots, model, journal
        self._readers: dict[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]] = {
            "generate": self._generate,
            "rework": self._rework,
            "separate": self._separate,
        }

    def read(self, verb: str, request_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """What is ordered, JSON-ready.

        Raises:
            StembridgeError: it cannot be done, in words.
        """
        return self._readers[verb](request_id, payload)

    def _generate(self, request_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        request = request_of(request_id, payload)
        given = set(request.context_stems) - {MIX, OTHER}
        check_stems((*request.generate, *in_order(given)), self._model())
        check_context(request, self._roots)
        self._takes.check_room(request)
        return request_to_mapping(request)

    def _rework(self, request_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        wish = parse_rework({"request_id": request_id, **payload["pairs"]})
        receipt = self._receipt_of_job(wish.parent)
        wish = replace(wish, parent=receipt or str(receipt_of(wish.parent)))
        self._roots.check(wish.parent)
        self._takes.check()
        return rework_to_mapping(wish)

    def _separate(self, request_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        request = parse_separation({"request_id": request_id, **payload["pairs"]})
        check_stems(request.stems, self._model())
        self._roots.check(request.mix)
        self._takes.check()
        return separation_to_mapping(request)

    def _receipt_of_job(self, request_id: str) -> str | None:
        """The receipt that a job ended with; None for an id that no job has."""
        job = self._journal.get(request_id)
        if job is None:
            return None
        if job.state != "done":
            open_ = not job.is_final
            raise (NotNowError if open_ else BadArgsError)(
                f"The job {request_id} has made no take{' yet' if open_ else ''}.",
                retry_after_ms=500 if open_ else 0,
            )
        return str(job.result["receipt"])
