"""The search language as text: what is read, what is told, and that nothing typed is lost or slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings, strategies as st

from contributions.asking import KEYS, LONGEST, MOST_TERMS, filter_text, read, written
from contributions.errors import Invalid
from contributions.wording import added_lines, kept, sought, words_of

WORDS = st.text("abcxyz_./", min_size=1, max_size=8).filter(lambda text: any(c.isalpha() for c in text))
VALUES = st.text("abc019 .,*/-", min_size=1, max_size=8).filter(lambda text: any(c.isalnum() for c in text))
FILTERS = st.builds(filter_text, st.sampled_from([key for key in KEYS if key != "order"]), VALUES)
PHRASES = st.builds('"{}"'.format, st.text("abc -:", min_size=1, max_size=12).filter(lambda text: "a" in text))
TERMS = st.builds("{}{}".format, st.sampled_from(["", "-"]), st.one_of(WORDS, FILTERS, PHRASES))
ALPHABET = st.sampled_from(
    ['"', "-", ":", "OR", " ", "a", "state:open", ",", "\u0301", "\u200b", "component", "\\", "'"]
)


def terms(text: str) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(term.key, term.values, term.is_negated) for term in read(text).terms]


def test_words_phrases_filters_and_alternatives() -> None:
    assert terms('retry "two words" -proxy Component:Swift -state:open,rejected file:a,b.py') == [
        ("", ("retry",), False),
        ("", ("two words",), False),
        ("", ("proxy",), True),
        ("component", ("Swift",), False),
        ("state", ("open", "rejected"), True),
        ("file", ("a,b.py",), False),
    ]
    assert [written(group) for group in read("a b OR c OR -d e").groups] == ["a", "b OR c OR -d", "e"]
    assert read("a order:newest b").order == "newest"
    assert read("a order:newest b").text == "a b"


def test_what_looks_like_a_filter_and_is_none_is_a_word() -> None:
    for text in ("https://example.org/x", "std::vector", "swift:", "12:30", "a:b", "--force", "or", "and"):
        assert [term.key for term in read(text).terms] == [""], text
    assert [term.is_negated for term in read("--force").terms] == [False]
    assert list(read("- -- :: ??? \u0301").terms) == []


def test_an_open_quote_is_closed() -> None:
    assert read('a "b c').text == 'a "b c"'
    assert read('author:"a b').text == 'author:"a b"'


@given(st.lists(TERMS, max_size=MOST_TERMS // 3))
def test_what_is_written_is_read_alike(pieces: list[str]) -> None:
    text = " ".join(pieces)
    try:
        question = read(text)
    except Invalid:
        return
    again = read(question.text, most=2 * LONGEST)
    assert again.groups == question.groups
    assert again.text == question.text


@given(st.lists(TERMS, min_size=1, max_size=5))
def test_taking_a_term_away_leaves_the_others(pieces: list[str]) -> None:
    try:
        question = read(" ".join(pieces))
    except Invalid:
        return
    for group in question.groups:
        rest = question.without([group])
        assert rest.groups == tuple(other for other in question.groups if other != group)


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=LONGEST), st.lists(ALPHABET, max_size=120).map("".join)))
def test_whatever_is_typed_is_read_or_told_in_a_sentence(text: str) -> None:
    begun, said, values = time.process_time(), "", 0
    try:
        values = sum(len(term.values) for term in read(text).terms)
    except Invalid as refusal:
        said = refusal.sentence
    assert values <= MOST_TERMS
    assert not said or said.endswith((".", "?"))
    assert time.process_time() - begun < 0.2


@given(st.text(max_size=60))
def test_what_is_looked_for_holds_no_syntax_of_the_typist(text: str) -> None:
    words = sought(text)
    assert all(word.isalnum() for word in words_of(text))
    bare = words.replace(" <-> ", "").replace(":*", "").replace("'", "")
    assert bare == "".join(words_of(text))


def test_names_are_kept_whole_and_in_parts() -> None:
    assert kept(["getObject HTTPServer get_object"], 10) == "getobject httpserver get object get object http server"
    assert kept(["a b c d", "e"], 3) == "a b c"
    assert sought("get_object") == "'get' <-> 'object'"
    assert (sought("multi*"), sought("multi", begins=True)) == ("'multi':*", "'multi':*")
    assert (sought("4f2c9e1"), sought("defaced"), sought("...")) == ("'4f2c9e1':*", "'defaced'", "")


def test_only_added_lines_are_kept_once() -> None:
    diff = [b"+++ b/x\n", b"+new\n", b"-old\n", b" same\n", b"+new\n", b"+\xff\n"]
    assert list(added_lines(diff, 100)) == ["new\n", "\N{REPLACEMENT CHARACTER}\n"]
    assert list(added_lines(diff, 2)) == ["new\n"]


@pytest.mark.parametrize("value", ["swift", "two words", "a,b", 'quo"te'])
def test_a_filter_is_written_as_it_is_read(value: str) -> None:
    [term] = read(filter_text("component", value)).terms
    assert term.values == (value.replace('"', ""),)
