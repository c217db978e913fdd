"""What a query string may say: checked like a body, and refused with the name of the parameter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime
from rest_framework import serializers

from contributions.asking import LONGEST
from contributions.models import Advisory, Build, Carried, Contribution, Event, Flag, Publication, Release
from contributions.models.finding import ORDERS
from contributions.patches.places import LONGEST_PATH
from contributions.signing.keys import ROLES

from .fields import BIGGEST_KEY
from .paging import LARGEST_SIZE, LONGEST_CURSOR, USUAL_SIZE

NAME_LENGTH = 160
FURTHEST_OFFSET = 2**40  # no log is that long, and no file system is asked to go further
LONGEST_MOMENT = 40
NO_MOMENT = "Give a time such as 2026-01-31T12:00:00Z, or the id of an entry."


def _name(what: str) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, max_length=NAME_LENGTH, help_text=what)


class PageQuery(serializers.Serializer[Any]):
    cursor = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_CURSOR, help_text="From `next` or `previous`; opaque."
    )
    page_size = serializers.IntegerField(
        required=False,
        min_value=1,
        help_text=f"{USUAL_SIZE} unless asked; more than {LARGEST_SIZE} gives {LARGEST_SIZE}.",
    )


class CarriedQuery(PageQuery):
    state = serializers.ChoiceField(required=False, allow_blank=True, choices=Carried.State.choices)


class LinesQuery(serializers.Serializer[Any]):
    space = serializers.ChoiceField(
        required=False,
        allow_blank=True,
        choices=["show", "ignore"],
        help_text="`ignore` shows lines that differ in blanks alone as context.",
    )
    hunk = serializers.IntegerField(
        required=False, min_value=0, max_value=BIGGEST_KEY, help_text="From which hunk on; `next` names the one."
    )


class ReleaseQuery(PageQuery):
    state = serializers.ChoiceField(required=False, allow_blank=True, choices=Release.State.choices)


class ContributionQuery(PageQuery):
    component = _name("The slug of a component.")
    release = _name("The name or slug of a release: what was judged on it or made for it.")
    kind = serializers.ChoiceField(required=False, allow_blank=True, choices=Contribution.Kind.choices)
    state = serializers.ChoiceField(required=False, allow_blank=True, choices=Contribution.State.choices)
    q = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST,
        help_text='The search language: words, "phrases", -without, OR, filters such as `fits:2.36.0`.',
    )
    order = serializers.ChoiceField(
        required=False,
        allow_blank=True,
        choices=list(ORDERS),
        help_text="`newest` unless asked; `best` with `release` ranks by the evidence on that release.",
    )


class MatrixTableQuery(serializers.Serializer[Any]):
    q = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST,
        help_text="The search language: `conflicts:2.36.0`, `is:carried`, words.",
    )
    kind = serializers.ChoiceField(required=False, allow_blank=True, choices=Contribution.Kind.choices)
    state = serializers.ChoiceField(required=False, allow_blank=True, choices=Contribution.State.choices)
    order = serializers.ChoiceField(
        required=False, allow_blank=True, choices=list(ORDERS), help_text="`best` unless asked."
    )


class MatrixQuery(MatrixTableQuery, PageQuery):
    pass


class ForecastQuery(serializers.Serializer[Any]):
    release = _name("The slug or name of a supported release; the newest unless asked.")


class ReportQuery(PageQuery):
    like = serializers.ChoiceField(
        required=False, allow_blank=True, choices=["mine"], help_text="From where it is as your organisation runs it."
    )
    trait = serializers.CharField(
        required=False, allow_blank=True, max_length=NAME_LENGTH, help_text="A trait and a choice: `hypervisor:kvm`."
    )


class CompletionQuery(serializers.Serializer[Any]):
    q = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, max_length=LONGEST, help_text="What was typed so far."
    )


class FilesQuery(serializers.Serializer[Any]):
    path = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_PATH, help_text="A folder; the top one unless asked."
    )
    after = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_PATH, help_text="From `next`: the names after this one."
    )


class OneFitQuery(serializers.Serializer[Any]):
    revision = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_KEY, help_text="A number; the current revision unless asked."
    )


class FitQuery(PageQuery):
    revision = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_KEY, help_text="A number; the current revision unless asked."
    )


class BuildQuery(PageQuery):
    component = _name("The slug of a component.")
    release = _name("The name or slug of a release.")
    contribution = serializers.IntegerField(required=False, min_value=1, max_value=BIGGEST_KEY)
    state = serializers.ChoiceField(required=False, allow_blank=True, choices=Build.State.choices)


class CheckQuery(serializers.Serializer[Any]):
    release = _name("The name or slug of a release: what the stack will cost there.")


class StackCheckQuery(CheckQuery):
    stack = serializers.IntegerField(min_value=1, max_value=BIGGEST_KEY, help_text="Its number.")
    lock = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_KEY, help_text="Of the stack; the newest unless asked."
    )


class RemarkQuery(PageQuery):
    revision = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_KEY, help_text="The number of the one that it was said of."
    )
    path = serializers.CharField(required=False, allow_blank=True, max_length=1000, help_text="Of a file.")
    open = serializers.BooleanField(required=False, help_text="Only what is said in threads that nobody resolved.")


class LogQuery(serializers.Serializer[Any]):
    offset = serializers.IntegerField(
        required=False, min_value=0, max_value=FURTHEST_OFFSET, default=0, help_text="In bytes; 0 unless asked."
    )


class KeyQuery(PageQuery):
    role = serializers.ChoiceField(
        required=False, allow_blank=True, choices=ROLES, help_text="`builds` signs provenance, `history` the seals."
    )


class PublicationQuery(PageQuery):
    component = _name("The slug of a component.")
    release = _name("The name or slug of a release.")
    contribution = serializers.IntegerField(required=False, min_value=1, max_value=BIGGEST_KEY)
    state = serializers.ChoiceField(required=False, allow_blank=True, choices=Publication.State.choices)


class FlagQuery(PageQuery):
    state = serializers.ChoiceField(required=False, allow_blank=True, choices=Flag.State.choices)


class AdvisoryQuery(PageQuery):
    component = _name("The slug of a component.")
    severity = serializers.ChoiceField(required=False, allow_blank=True, choices=Advisory.Severity.choices)
    state = serializers.ChoiceField(required=False, allow_blank=True, choices=Advisory.State.choices)


class Moment(serializers.CharField):
    """An ISO 8601 time (UTC where it names no zone) or day, or the id of a feed entry."""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        if len(text) > LONGEST_MOMENT:
            raise serializers.ValidationError(NO_MOMENT)
        if text.isascii() and text.isdigit() and int(text) <= BIGGEST_KEY:
            return int(text)
        try:
            when = parse_datetime(text.replace(" ", "+") if "T" in text else text)
            day = None if when else parse_date(text)
        except ValueError:
            when = day = None
        if day:
            when = datetime(day.year, day.month, day.day, tzinfo=UTC)
        if when is None:
            raise serializers.ValidationError(NO_MOMENT)
        return when if when.tzinfo else when.replace(tzinfo=UTC)


class Time(Moment):
    """An ISO 8601 time or day; no number."""

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if not isinstance(found, datetime):
            raise serializers.ValidationError("Give a time such as 2026-01-31T12:00:00Z.")
        return found


class NotificationQuery(PageQuery):
    unread = serializers.BooleanField(required=False, help_text="Only what you have not read.")


class AuditQuery(PageQuery):
    verb = serializers.ChoiceField(required=False, allow_blank=True, choices=Event.Verb.choices)
    actor = _name("A username.")
    component = _name("The slug of a component.")
    contribution = serializers.IntegerField(required=False, min_value=1, max_value=BIGGEST_KEY)
    since = Time(required=False, allow_blank=True, help_text="At or after a time.")
    until = Time(required=False, allow_blank=True, help_text="Before a time.")


class FeedQuery(PageQuery):
    component = _name("The slug of a component.")
    release = _name("The name or slug of a release.")
    since = Moment(
        required=False,
        allow_blank=True,
        help_text="Entries at or after a time (`2026-01-31T12:00:00Z`), or after the entry of that id.",
    )
