"""What the names of files and tracks say, and the other columns of the table of roles."""

from __future__ import annotations

import pytest
from role_names import NAMES

from stembridge import roles
from stembridge.dataset.styles import PROGRAMS
from stembridge.errors import BadArgsError
from stembridge.request import parse_request
from stembridge.roles import ROLES, Role, check_apart, in_order, role, role_of


@pytest.mark.parametrize(("name", "stem"), NAMES)
def test_a_name_tells_the_role(name: str, stem: str | None) -> None:
    assert role_of(name) == stem


def test_no_word_stands_for_two_roles() -> None:
    words = [word for row in ROLES.values() for word in row.words]
    assert len(set(words)) == len(words)
    assert all(word == word.lower() for word in words)


def test_what_is_no_row_is_served_with_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert role("kazoo") == Role() and roles.is_pitched("kazoo") and not roles.is_pitched("drums")
    assert in_order(["zither", "piano", "kazoo", "bass", "piano"]) == (
        "bass", "piano", "kazoo", "zither",
    )  # fmt: skip
    monkeypatch.setitem(ROLES, "vocals", Role(words=("vocals", "vox")))
    assert in_order(["kazoo", "vocals", "piano"]) == ("piano", "vocals", "kazoo")
    assert role_of("Lead Vox") == "vocals" and role_of("Backing Voxs 2") == "vocals"
    assert role_of("Vox Bass") == "bass"


def test_a_stem_is_given_or_made() -> None:
    check_apart(["bass"], ["drums"])
    with pytest.raises(BadArgsError, match="Drums is given as context and asked for"):
        check_apart(["piano", "drums"], ["guitar", "drums"])


def test_which_stems_there_are_is_the_models_affair() -> None:
    """The door looks at the shape of a name only."""
    told = {"generate": "Vocals,bass", "context.other": "o.wav", "timbre.vocals": "choir"}
    request = parse_request({"bpm": "120", "bars": 8, **told})
    assert request.generate == ("bass", "vocals")
    assert (request.context_stems, request.timbres) == (("other",), (("vocals", "choir"),))
    with pytest.raises(BadArgsError, match="more than 16 stems to generate"):
        parse_request({"bpm": "120", "bars": 8, "generate": [f"s{n}" for n in range(17)]})


def test_what_the_composer_plays_lies_in_the_roles_ranges() -> None:
    for stem, timbres in PROGRAMS.items():
        programs = [program for choices in timbres.values() for program in choices]
        range_ = role(stem).programs
        if range_ is None:
            assert {bank for bank, _ in programs} == {128}
        else:
            assert all(bank == 0 and range_[0] <= n <= range_[1] for bank, n in programs)
            assert range_[0] <= role(stem).program <= range_[1]
