"""Completing what somebody types into a search box: the filters, what they may say, and the first results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contributions.asking import ALIASES, KEYS, filter_text, read
from contributions.errors import Invalid

from .component import Component
from .contribution import Contribution
from .filters import BEING, HAVING
from .finding import ORDERS, Search
from .person import Organisation, Person
from .release import Release
from .tag import Tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.contrib.auth.models import AnonymousUser

MOST, RESULTS = 8, 5
SHORTEST = 2  # letters of a word that results are shown for
LAST = re.compile(r'(?P<minus>-?)(?P<typed>(?:(?P<key>[A-Za-z]+):)?(?P<begun>"[^"]*|[^\s"]*))\Z')
RELEASED = frozenset({"release", "fits", "conflicts", "upstream", "builds"})


@dataclass(frozen=True)
class Completion:
    """The whole text when this is chosen, what is shown of it, and a word of explanation."""

    text: str
    label: str
    note: str = ""


class Completer:
    """What may stand at the end of `text`, for one person."""

    def __init__(self, text: str, person: Person | AnonymousUser) -> None:
        self.text, self.person = text, person
        last = LAST.search(text)
        self.minus, self.typed = (last["minus"], last["typed"]) if last else ("", "")
        key = ((last and last["key"]) or "").lower()
        self.key = ALIASES.get(key, key)
        self.begun = (last["begun"] if last else "").lstrip('"').lower()
        self.before = text[: last.start()] if last else text

    def completions(self) -> list[Completion]:
        if self.key:
            return [self._value(value, note) for value, note in self._values()][:MOST]
        keys = ((key, example) for key, example in KEYS.items() if self.begun and key.startswith(self.begun))
        return [self._whole(f"{key}:", f"such as {key}:{example}", end="") for key, example in keys][:MOST]

    def results(self) -> list[dict[str, Any]]:
        """The best that match what was typed, its last word being taken for the begin of one."""
        begins = not self.key and not self.minus and len(self.begun) >= SHORTEST and self.begun[-1].isalnum()
        try:
            question = read(f"{self.text}*" if begins and '"' not in self.typed else self.text)
            if not question.groups:
                return []
            search = Search(question, self.person)
            rows = search.rows.order_by(*Contribution.ORDERS["best"])
            with search.in_time():
                return [dict(row) for row in rows.values("pk", "title", "state", "component__name")[:RESULTS]]
        except Invalid:
            return []

    def _value(self, value: str, note: str) -> Completion:
        return self._whole(filter_text(self.key, value), note)

    def _whole(self, piece: str, note: str, end: str = " ") -> Completion:
        return Completion(f"{self.before}{self.minus}{piece}{end}", f"{self.minus}{piece}", note)

    def _values(self) -> Iterable[tuple[str, str]]:
        fixed = {
            "kind": Contribution.Kind.values,
            "state": Contribution.State.values,
            "has": HAVING,
            "is": [*BEING, *Contribution.State.values],
            "needs": ["port"],
            "order": ORDERS,
        }
        if self.key in fixed:
            return ((value, "") for value in fixed[self.key] if value.startswith(self.begun))
        if self.key in RELEASED:
            return self._releases()
        named = {"component": self._components, "author": self._people, "org": self._organisations, "tag": self._tags}
        return named[self.key]() if self.key in named else ()

    def _components(self) -> Iterator[tuple[str, str]]:
        yield from Component.objects.filter(slug__startswith=self.begun).values_list("slug", "name")[:MOST]

    def _releases(self) -> Iterator[tuple[str, str]]:
        """The newest first, on the component that is asked for if one is; each name once."""
        rows = Release.objects.filter(name__istartswith=self.begun)
        component = re.search(r"(?:^|\s)component:(\S+)", self.before)
        if component:
            rows = rows.filter(component__slug=component[1].lower())
        names: dict[str, str] = {}
        for name, of in rows.order_by("-position", "pk").values_list("name", "component__name")[: MOST * 4]:
            names[name] = f"{names[name]}, {of}" if name in names else of
        yield from names.items()

    def _people(self) -> Iterator[tuple[str, str]]:
        rows = Person.objects.filter(is_active=True, username__startswith=self.begun.removeprefix("@"))
        yield from rows.order_by("username").values_list("username", "name")[:MOST]

    def _organisations(self) -> Iterator[tuple[str, str]]:
        rows = Organisation.objects.filter(slug__startswith=self.begun)
        yield from rows.order_by("slug").values_list("slug", "name")[:MOST]

    def _tags(self) -> Iterator[tuple[str, str]]:
        """Those of something that this person may see."""
        seen = Contribution.objects.visible_to(self.person)
        rows = Tag.objects.filter(name__startswith=self.begun, contributions__in=seen).distinct()
        yield from ((name, "") for name in rows.order_by("name").values_list("name", flat=True)[:MOST])
