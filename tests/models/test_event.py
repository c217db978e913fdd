"""A line of the history, in words."""

from __future__ import annotations

import pytest

from contributions.models import Event, Person

BY_SOMEBODY = {"approved": "approved it", "voted": "voted on it", "unpublished": "took it out of the feed"}


@pytest.mark.parametrize(("verb", "words"), BY_SOMEBODY.items())
def test_what_somebody_did_reads_as_a_sentence(verb: str, words: str) -> None:
    assert Event(verb=verb, actor=Person(pk=1)).phrase == words


def test_what_the_portal_did_reads_as_a_sentence() -> None:
    assert Event(verb="received").phrase == "was received"
