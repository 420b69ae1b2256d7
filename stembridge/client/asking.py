"""The verbs that begin a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stembridge.client.job import Job
from stembridge.wire import osc


class Asking:
    """What a client can ask to be made."""

    async def generate(
        self,
        *,
        context: Mapping[str, str] | None = None,
        clips: Sequence[Mapping[str, osc.Value]] = (),
        request_id: str = "",
        **keys: osc.Value,
    ) -> Job:
        """Ask for stems; returns when the daemon has the job on disk.

        Args:
            context: stem -> file that starts at frame 0 (the short form).
            clips: context clips with geometry; keys of /stembridge/clip.
            request_id: the same id and content is the same job; default: a new one.
            keys: keys of /stembridge/generate.

        Raises:
            StembridgeError: the daemon refuses it.
        """
        pairs = keys | {f"context.{stem}": path for stem, path in (context or {}).items()}
        if clips:
            pairs["clips"] = len(clips)
        return await self._begin("generate", request_id, pairs, clips)

    async def rework(self, parent: str, *, request_id: str = "", **keys: osc.Value) -> Job:
        """Ask for a new take of a finished one; returns when the daemon has the job on disk.

        Args:
            parent: the take's folder, its receipt, or the id of the job that made it.
            request_id: as for `generate`.
            keys: keys of /stembridge/rework.

        Raises:
            StembridgeError: the daemon refuses it.
        """
        return await self._begin("rework", request_id, {"parent": parent, **keys})

    async def separate(self, mix: str, *, request_id: str = "", **keys: osc.Value) -> Job:
        """Take a mix apart; returns when the daemon has the job on disk.

        Args:
            mix: the recording's path.
            request_id: as for `generate`.
            keys: keys of /stembridge/separate.

        Raises:
            StembridgeError: the daemon refuses it.
        """
        return await self._begin("separate", request_id, {"mix": mix, **keys})

    async def _begin(
        self,
        verb: str,
        request_id: str,
        pairs: Mapping[str, osc.Value],
        clips: Sequence[Mapping[str, osc.Value]] = (),
    ) -> Job:
        """Send the verb until the job is accepted."""
        raise NotImplementedError
