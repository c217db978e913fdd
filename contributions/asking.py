"""The search language, read into a small tree: words, "phrases", filters such as state:open, -without, and OR."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from contributions.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LONGEST = 300  # characters; more words than that find nothing and cost much
MOST_TERMS = 20
KEYS = {  # every filter, and a value that shows what it takes
    "component": "swift",
    "release": "2.36.0",
    "kind": "refinement",
    "state": "approved",
    "author": "ada",
    "org": "example-telecom",
    "file": "swift/proxy/*.py",
    "touches": "swift/common/utils.py:1200",
    "fits": "2.36.0",
    "conflicts": "2.36.0",
    "upstream": "2.36.0",
    "builds": "2.36.0",
    "needs": "port",
    "has": "report",
    "is": "unreviewed",
    "like": "mine",
    "tag": "performance",
    "since": "2026-01-31",
    "before": "30d",
    "order": "newest",
}
ALIASES = {"organisation": "org", "organization": "org", "path": "file", "after": "since", "by": "author"}
FIELDS = {  # of forms and addresses, beside `q`: the filter that each writes
    "component": "component",
    "release": "release",
    "kind": "kind",
    "state": "state",
    "organisation": "org",
    "author": "author",
}
LONGEST_VALUE = 160  # of such a field
WHOLE = frozenset({"file", "touches"})  # a comma in these is a comma; elsewhere it stands between alternatives
TERM = re.compile(
    r'(?P<minus>-?)(?:(?P<key>[A-Za-z][A-Za-z-]+):(?=[^\s:/]|/(?!/)))?(?:"(?P<phrase>[^"]*)(?:"|\Z)|(?P<word>\S+))'
)
PLAIN = re.compile(r'[^\s"]+')


@dataclass(frozen=True)
class Term:
    """A word, a phrase or a filter; a filter holds when one of its values does."""

    text: str
    values: tuple[str, ...]
    key: str = ""
    is_negated: bool = False
    is_exact: bool = False

    @property
    def value(self) -> str:
        return self.values[0]


Group = tuple[Term, ...]  # of which one is enough


@dataclass(frozen=True)
class Question:
    """Groups that all must hold, and the order that was asked for, if any."""

    groups: tuple[Group, ...] = ()
    order: str = ""

    @property
    def terms(self) -> Iterator[Term]:
        return (term for group in self.groups for term in group)

    @property
    def words(self) -> list[Term]:
        """What is looked for in texts and not to be left out."""
        return [term for term in self.terms if not term.key and not term.is_negated]

    @property
    def text(self) -> str:
        """The question as it would be typed, without its order."""
        return " ".join(written(group) for group in self.groups)

    def alone(self, key: str) -> Term | None:
        """The one plain filter of that key with one value, as a field of a form can show it."""
        found = [group for group in self.groups if any(term.key == key for term in group)]
        if len(found) != 1 or len(found[0]) != 1:
            return None
        [term] = found[0]
        return None if term.is_negated or len(term.values) > 1 else term

    def without(self, groups: Iterable[Group | None]) -> Question:
        gone = [group for group in groups if group]
        return replace(self, groups=tuple(group for group in self.groups if group not in gone))


def written(group: Group) -> str:
    return " OR ".join(term.text for term in group)


def filter_text(key: str, value: str) -> str:
    """A filter as it is typed; a value that is more than a word stands in quotes."""
    value = value.replace('"', "")
    return f"{key}:{value}" if PLAIN.fullmatch(value) and "," not in value else f'{key}:"{value}"'


def gathered(given: Mapping[str, str]) -> Question:
    """The question of an address: what `q` says, and its other fields as if they stood there.

    Raises Invalid as `read` does.
    """
    typed = given.get("q", "").strip()
    read(typed[: LONGEST + 1])  # what is too long is refused without the fields
    text = whole_text(given)
    return read(text, most=len(text))


def whole_text(given: Mapping[str, str]) -> str:
    fields = ((key, given.get(name, "").strip()[:LONGEST_VALUE]) for name, key in FIELDS.items())
    written_fields = (filter_text(key, value) for key, value in fields if value)
    return " ".join(filter(None, [given.get("q", "").strip(), *written_fields]))


def read(text: str, *, most: int = LONGEST) -> Question:
    """Raises Invalid, with a sentence, for what cannot be meant."""
    if len(text) > most:
        raise Invalid(f"Search for {LONGEST} characters at most.", field="q")
    groups: list[Group] = []
    order, joins = "", False
    for match in TERM.finditer(text):
        if match[0] == "OR":
            _refuse_lonely_or(known=bool(groups) and not joins)
            joins = True
            continue
        term = _term(match)
        if term is None:
            continue
        if term.key == "order":
            order = _order(term)
        elif joins:
            groups[-1] = (*groups[-1], term)
        else:
            groups.append((term,))
        joins = False
    _refuse_lonely_or(known=not joins)
    if sum(len(term.values) for group in groups for term in group) > MOST_TERMS:
        raise Invalid(f"Search for {MOST_TERMS} words and filters at most.", field="q")
    return Question(tuple(groups), order)


def _term(match: re.Match[str]) -> Term | None:
    """None for signs alone, in which there is nothing to look for."""
    typed, negated = match[0], bool(match["minus"])
    phrase, word = match["phrase"], match["word"] or ""
    if phrase is not None and not typed.endswith(f'{phrase}"'):
        typed += '"'
    value = word if phrase is None else phrase.strip()
    if match["key"]:
        return Term(typed, _values(match["key"], word, value), _key(match["key"], typed), negated)
    _refuse_empty_filter(word)
    if not any(letter.isalnum() for letter in value):
        return None
    if value.startswith("-"):  # --force is a word that begins so, and no word to leave out
        negated = False
    return Term(typed, (value,), "", negated, is_exact=phrase is not None)


def _key(typed: str, term: str) -> str:
    key = ALIASES.get(typed.lower(), typed.lower())
    if key in KEYS:
        return key
    near = get_close_matches(key, [*KEYS, *ALIASES], 1, 0.6)
    hint = f"Did you mean {near[0]}:?" if near else f"To look for these words, put them in quotes: “{term[:60]}”."
    raise Invalid(f"There is no filter “{typed[:40]}:”. {hint}", field="q")


def _values(key: str, word: str, value: str) -> tuple[str, ...]:
    if word and ALIASES.get(key.lower(), key.lower()) not in WHOLE:
        several = tuple(part for part in word.split(",") if part)
        return several or (value,)
    return (value,)


def _order(term: Term) -> str:
    if term.is_negated or len(term.values) > 1:
        raise Invalid("Ask for one order, such as order:newest.", field="q")
    return term.value.lower()


def _refuse_empty_filter(word: str) -> None:
    key = word.removeprefix("-").removesuffix(":").lower()
    key = ALIASES.get(key, key)
    if word.endswith(":") and key in KEYS:
        raise Invalid(f"Write a value close behind {key}:, such as {key}:{KEYS[key]}.", field="q")


def _refuse_lonely_or(*, known: bool) -> None:
    if not known:
        raise Invalid("OR stands between two words or filters; to look for the word itself, write “or”.", field="q")
