"""What each filter of the search language means, in rows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Never

from django.db.models import Q, Value
from django.db.models.functions import Upper
from django.utils import timezone

from contributions.errors import Invalid

from .advisory import Advisory
from .build import Build
from .component import Component
from .contribution import PRECEDENCE, Contribution
from .fit import Fit
from .following import Follow
from .holdings import carries, runs
from .judging import Claim, reported_like
from .patience import in_time
from .person import Organisation, Person
from .publication import Publication
from .release import Release
from .standing import Standing
from .stranded import needing_port
from .tag import Tag
from .touch import Touch
from .voices import FieldReport, Review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.contrib.auth.models import AnonymousUser

FOLLOWED = {
    "contribution": "pk",
    "component": "component",
    "release": "release",
    "whom": "author",
    "organisation": "organisation",
}
FITTING = (Fit.State.APPLIES, Fit.State.MERGES)
UPSTREAM = (Fit.State.UPSTREAM, Fit.State.PROBABLY_UPSTREAM)
AGO = re.compile(r"([0-9]{1,4})([dwmy])")
DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
PLACE = re.compile(r"(.+?):([0-9]{1,7})(?:-([0-9]{1,7}))?")
GLOB = re.compile(r"\*\*|\*|\?|[^*?]+")
GLOBBED = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
MOST_STARS = 6
MOST_TAGS_NAMED = 1000
FEW_HUNKS = 3000
SHORTEST_PATH = 2  # letters; with fewer every path would do


def _unknown(what: str, value: str, known: Iterable[str] = ()) -> Never:
    near = get_close_matches(value.lower(), list(known), 1, 0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise Invalid(f"There is no {what} “{value[:60]}”.{hint}", field="q")


def _one_of(what: str, value: str, known: Iterable[str]) -> str:
    word, known = value.lower(), list(known)
    if word in known:
        return word
    near = get_close_matches(word, known, 1, 0.6)
    hint = f"Did you mean {what}:{near[0]}?" if near else f"It is one of {', '.join(known)}."
    raise Invalid(f"There is no {what}:{value[:60]}. {hint}", field="q")


def releases_called(value: str) -> list[Release]:
    """The releases of that slug or, on any component, of that name; raises Invalid when there is none."""
    found = list(Release.objects.filter(Q(slug=value) | Q(name=value)).order_by("pk"))
    if not found:
        _unknown("release", value, Release.objects.values_list("name", flat=True).distinct())
    return [release for release in found if release.slug == value] or found


class Filters:
    """The filters as one person means them. Each method raises Invalid for what there is not."""

    def __init__(self, person: Person | AnonymousUser) -> None:
        self.person = person

    def meaning(self, key: str, value: str) -> Q:
        mean: Callable[[str], Q] = getattr(self, f"_{key}")
        return mean(value)

    def _me(self, filter_text: str) -> Person:
        if not isinstance(self.person, Person):
            raise Invalid(f"Sign in first: {filter_text} asks for what is yours.", field="q")
        return self.person

    def our_organisation(self, filter_text: str) -> Organisation:
        ours = self._me(filter_text).organisation
        if ours is None:
            raise Invalid(f"You speak for no organisation: {filter_text} asks for what is its own.", field="q")
        return ours

    def _component(self, value: str) -> Q:
        key = Component.objects.filter(slug=value.lower()).values_list("pk", flat=True).first()
        if key is None:
            _unknown("component", value, Component.objects.values_list("slug", flat=True))
        return Q(component=key)

    def _release(self, value: str) -> Q:
        """What was judged on it; what was made for it, once it is retired."""
        releases = releases_called(value)
        judged = _standing(release__in=[release.pk for release in releases if release.is_supported])
        return judged | Q(release__in=[release.pk for release in releases if not release.is_supported])

    def _kind(self, value: str) -> Q:
        return Q(kind=_one_of("kind", value, Contribution.Kind.values))

    def _state(self, value: str) -> Q:
        return _in_state(_one_of("state", value, Contribution.State.values))

    def _author(self, value: str) -> Q:
        if value.lower() in {"me", "@me"}:
            return Q(author=self._me("author:me").pk)
        name = value.removeprefix("@")
        people = Person.objects.filter(username=name) or Person.objects.filter(username__iexact=name)
        key = people.values_list("pk", flat=True).first()
        return _unknown("person", value) if key is None else Q(author=key)

    def _org(self, value: str) -> Q:
        key = Organisation.objects.filter(slug=value.lower()).values_list("pk", flat=True).first()
        if key is None:
            _unknown("organisation", value, Organisation.objects.values_list("slug", flat=True)[:1000])
        return Q(organisation=key)

    def _file(self, value: str) -> Q:
        return _of(_touching(value))

    def _touches(self, value: str) -> Q:
        place = PLACE.fullmatch(value)
        if place is None:
            return self._file(value)
        first, last = int(place[2]), int(place[3] or place[2])
        return _of(_touching(place[1]).filter(start__lte=last, end__gte=first))

    def _fits(self, value: str) -> Q:
        return _standing(release__in=_keys(value), fit__in=FITTING)

    def _conflicts(self, value: str) -> Q:
        return _standing(release__in=_keys(value), fit=Fit.State.CONFLICTS)

    def _upstream(self, value: str) -> Q:
        return _standing(release__in=_keys(value), fit__in=UPSTREAM)

    def _builds(self, value: str) -> Q:
        return _standing(release__in=_keys(value), build_state=Build.State.PASSED)

    def _needs(self, value: str) -> Q:
        _one_of("needs", value, ["port"])
        return needing_port()

    def _has(self, value: str) -> Q:
        one = re.sub("s$", "", re.sub("ies$", "y", value.lower()))  # reports and advisories are meant as well
        return HAVING[_one_of("has", one, HAVING)]()

    def _is(self, value: str) -> Q:
        word = _one_of("is", value, [*BEING, *Contribution.State.values])
        return BEING[word](self) if word in BEING else _in_state(word)

    def _like(self, value: str) -> Q:
        """What others report on from where it is as one's own organisation runs it."""
        _one_of("like", value, ["mine"])
        ours = self._me("like:mine").organisation
        if ours is None or not ours.environments.exists():
            raise Invalid("Say first what your organisation runs, on its page: like:mine goes by that.", field="q")
        return reported_like(ours)

    def followed(self) -> Q:
        mine = Follow.objects.filter(person=self._me("is:following"))
        muted = mine.filter(is_muted=True, contribution__isnull=False)
        followed = Q()
        for thing, column in FOLLOWED.items():
            chosen = mine.filter(is_muted=False, **{f"{thing}__isnull": False})
            followed |= Q(**{f"{column}__in": chosen.order_by().values(thing)})
        return followed & ~Q(pk__in=muted.order_by().values("contribution"))

    def _tag(self, value: str) -> Q:
        key = Tag.objects.filter(name=value.lower()).values_list("pk", flat=True).first()
        if key is None or not Contribution.objects.visible_to(self.person).filter(tags=key).exists():
            hidden = Contribution.objects.hidden_from(self.person)
            _unknown("tag", value, [name for name, _ in Tag.objects.counted(MOST_TAGS_NAMED, without=hidden)])
        return _with(Contribution.tags.through.objects.filter(tag=key))

    def _since(self, value: str) -> Q:
        return Q(created_at__gte=_moment("since", value))

    def _before(self, value: str) -> Q:
        return Q(created_at__lt=_moment("before", value))


def _in_state(state: str) -> Q:
    """The index of the best begins with what every state comes to."""
    return Q(precedence=PRECEDENCE[state])


def _keys(value: str) -> list[int]:
    return [release.pk for release in releases_called(value)]


def _standing(**wanted: Any) -> Q:
    return _with(Standing.objects.filter(**wanted))


def _with(rows: Any) -> Q:
    return Q(pk__in=rows.order_by().values("contribution"))


def _published() -> Q:
    return Q(pk__in=Publication.objects.live().order_by().values("revision__contribution"))


def _touching(value: str) -> Any:
    """Hunks in files of that path, of a path that ends or begins so, or that a pattern with stars describes."""
    path = value.strip("/")
    if len(path) < SHORTEST_PATH or not any(letter.isalnum() for letter in path):
        raise Invalid("Name more of the file, such as file:swift/proxy/*.py.", field="q")
    if path.count("*") > MOST_STARS:
        raise Invalid(f"A pattern of files has at most {MOST_STARS} stars.", field="q")
    pieces = GLOB.findall(path)
    pattern = "".join(GLOBBED.get(piece) or re.sub(r"([^\w/])", r"\\\1", piece) for piece in pieces)
    hunks = Touch.objects.order_by().alias(upper_path=Upper("path"))
    return hunks.filter(upper_path__regex=Upper(Value(f"(^|/){pattern}(/|$)")))


def _of(hunks: Any) -> Q:
    """The contributions of these hunks: by their keys when there are few, which the database could only guess."""
    with in_time():
        keys = list(hunks.values_list("contribution", flat=True)[: FEW_HUNKS + 1])
    return Q(pk__in=sorted(set(keys))) if len(keys) <= FEW_HUNKS else _with(hunks)


def _moment(key: str, value: str) -> datetime:
    ago = AGO.fullmatch(value.lower())
    if ago:
        return timezone.now() - timedelta(days=int(ago[1]) * DAYS[ago[2]])
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid(f"Write {key}:2026-01-31, or {key}:30d for thirty days ago.", field="q") from None


BEING: dict[str, Callable[[Filters], Q]] = {
    "mine": lambda filters: filters.meaning("author", "me"),
    "draft": lambda _: Q(is_draft=True),
    "following": lambda filters: filters.followed(),
    "ours": lambda filters: Q(organisation=filters.our_organisation("is:ours").pk),
    "running": lambda filters: runs(filters.our_organisation("is:running")),
    "carried": lambda filters: carries(filters.our_organisation("is:carried")),
    "unreviewed": lambda _: _in_state("open") & Q(state="open", waits_since__isnull=False),
    "published": lambda _: _published(),
    "applied": lambda _: Q(upstream_status=Contribution.UpstreamStatus.APPLIED),
}
HAVING: dict[str, Callable[[], Q]] = {
    "report": lambda: _with(FieldReport.objects.all()),
    "review": lambda: Q(current__in=Review.objects.order_by().values("revision")),
    "build": lambda: Q(green_count__gt=0) | Q(red_count__gt=0),
    "comment": lambda: Q(comment_count__gt=0),
    "advisory": lambda: Q(current__in=Advisory.objects.standing().order_by().values("affected")),
    "claim": lambda: _with(Claim.objects.filter(removed_at=None)),
    "tag": lambda: _with(Contribution.tags.through.objects.all()),
    "publication": _published,
}
