"""Whom a text speaks to."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, strategies

from contributions.mentions import MOST, mentioned

SPOKEN_TO = {
    "@anna": ["anna"],
    "Ask @anna, @bob.b and @c-d_e+f. Or @anna again": ["anna", "bob.b", "c-d_e+f"],
    "(@anna) **@bob** _see_ @carl!": ["anna", "bob", "carl"],
    "write to anna@example.org, see https://code.example/@anna/x": [],
    "`@anna` and `` `@bob` `` but @carl": ["carl"],
    "an odd ` tick @anna": ["anna"],
    "```\n@anna\n```\n@bob": ["bob"],
    "~~~ text\n@anna\n```\n@carl\n~~~\n@bob": ["bob"],
    "A log:\n\n    @anna did it\n\n@bob": ["bob"],
    "- a point\n\n    @anna goes on": ["anna"],
    "> @anna said\n\nYes, @bob": ["bob"],
    "@ anna, @-x, @@anna": [],
}


@pytest.mark.parametrize("text", SPOKEN_TO)
def test_names_are_found_where_they_speak_to_somebody(text: str) -> None:
    assert mentioned(text) == SPOKEN_TO[text]


def test_a_quotation_speaks_only_when_it_is_asked_for() -> None:
    assert mentioned("> @anna said\n\nYes, @bob", quoted=True) == ["anna", "bob"]


def test_one_text_speaks_to_few() -> None:
    assert len(mentioned(" ".join(f"@p{number}" for number in range(1000)))) == MOST


@given(strategies.text(alphabet="@ab`~> \n\t-.:/"))
def test_any_text_is_read(text: str) -> None:
    assert all(name and name in text for name in mentioned(text, quoted=True))


@pytest.mark.parametrize("piece", ["@a ", "`@", "```a\n", "`` ` @x", "> ", "    @\n\n", "~~~\n~~~~\n", "@a.", "- \n"])
def test_no_text_takes_long(piece: str) -> None:
    before = time.process_time()
    mentioned((piece * 65_536)[:65_536])
    assert time.process_time() - before < 1
