"""What an engine is told of a stem: the request as a line of words."""

from __future__ import annotations

from stembridge.request import GenerationRequest
from stembridge.roles import is_pitched, members


def words_for(stem: str, request: GenerationRequest, key: str | None) -> str:
    """Such as "solo slap bass, funk, dark and dry, 100 bpm, 4/4, A minor".

    Args:
        stem: that is to sound, alone.
        request: for style, timbre, words and tempo.
        key: of the music, such as "Am"; None where it is not known.
    """
    timbre = dict(request.timbres).get(stem, "").replace("_", " ")
    name = " and ".join(members(stem))
    said = [
        f"solo {timbre} {name}" if timbre else f"solo {name}",
        (request.style or "").replace("_", " "),
        (request.prompt or "").strip(" ,."),
        dict(request.prompts).get(stem, "").strip(" ,."),
        f"{request.bpm:.5g} bpm",
        str(request.time_signature),
        _spelt(key) if key and is_pitched(stem) else "",
    ]
    return ", ".join(word for word in said if word)


def _spelt(key: str) -> str:
    return f"{key[:-1]} minor" if key.endswith("m") else f"{key} major"
