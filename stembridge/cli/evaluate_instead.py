"""What `stembridge evaluate` may measure instead of takes for songs, such as `--prompts 100`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stembridge.errors import BadArgsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stembridge.cli.evaluate_tables import TablesAsked
    from stembridge.evaluation.songs import Songs
    from stembridge.runtime.manifest import Manifest
    from stembridge.runtime.model import StemModel


@dataclass(frozen=True)
class Instead:
    """The fields are the command's options."""

    closed_forms: bool
    prompts: int
    edges: str
    ears: bool
    basic_pitch: Path | None
    ratings: Path | None
    coherence: bool
    beside: list[Path] | None
    steps: int | None

    @property
    def asked(self) -> list[str]:
        """What of it is wanted."""
        options = {
            "--ratings": self.ratings, "--closed-forms": self.closed_forms,
            "--prompts": self.prompts, "--edges": self.edges, "--coherence": self.coherence,
            "--ears": self.ears,
        }  # fmt: skip
        return [option for option, value in options.items() if value]

    def check(self, tables: TablesAsked) -> None:
        """Nothing is passed over in silence.

        Raises:
            BadArgsError: two reports are asked for, or something that the one does not take.
        """
        reports = [*self.asked, *tables.asked[:1]]
        if len(reports) > 1:
            raise BadArgsError(
                f"{reports[0]} and {reports[1]} are two reports: ask for one after the other."
            )
        for option, value, report, there in (
            ("--basic-pitch", self.basic_pitch, "--ears", self.ears),
            ("--beside", self.beside, "--coherence", self.coherence),
            ("--embedding", tables.embedding, "--subsets", tables.subsets),
        ):
            if value and not there:
                raise BadArgsError(f"{option} goes with {report}. Add that, or leave it out.")

    def measure(
        self,
        out: Path,
        seed: int,
        opened: Callable[[], StemModel],
        songs_for: Callable[[Manifest], Songs],
        facts_of: Callable[[Manifest, Songs, str], dict[str, Any]],
    ) -> None:
        """The one that is asked for."""
        from stembridge.cli.evaluate_closed_forms import tell_closed_forms
        from stembridge.cli.evaluate_coherence import judge_coherence
        from stembridge.cli.evaluate_ears import judge_ears
        from stembridge.cli.evaluate_edges import measure_edges
        from stembridge.cli.evaluate_listening import tell_ratings
        from stembridge.cli.evaluate_prompts import judge_prompts

        if self.ratings is not None:
            return tell_ratings(out, self.ratings)
        if self.closed_forms:
            return tell_closed_forms(out, seed)
        model = opened()
        if self.prompts:
            return judge_prompts(out, self.prompts, seed, model)
        if self.edges:
            return measure_edges(out, self.edges, model)
        heard = songs_for(model.manifest)
        facts = facts_of(model.manifest, heard, "coherence" if self.coherence else "ears")
        if self.coherence:
            beside = self.beside or ()
            return judge_coherence(
                out, model, heard, facts=facts, seed=seed, steps=self.steps, beside=beside
            )
        return judge_ears(out, model, heard, seed, facts, self.basic_pitch)
