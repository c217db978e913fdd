"""What bodies and queries about stacks may say."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.actions.stacking import DOWN, UP
from contributions.models.stack import MOST_PICKS

from .fields import BIGGEST_KEY, Text, WholeNumber
from .inputs import Input
from .queries import NAME_LENGTH, PageQuery

NUMBER: dict[str, Any] = {"min_value": 1, "max_value": BIGGEST_KEY}
WHO = "The slug of one of your organisations; you alone if it is empty."


class StacksQuery(PageQuery):
    show = serializers.ChoiceField(
        required=False,
        allow_blank=True,
        choices=["carried", "public", "archived", "all"],
        help_text="`all` that you may see unless asked; `carried` by you or your organisations, or archived by them.",
    )
    component = serializers.CharField(required=False, allow_blank=True, max_length=NAME_LENGTH, help_text="Its slug.")


class NumbersField(serializers.ListField):
    child = WholeNumber(**NUMBER)

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"max_length": MOST_PICKS, **given})


class StackInput(Input):
    component = Text(help_text="The slug of the component.")
    release = Text(help_text="The name or slug of the release that it is laid onto.")
    name = Text()
    note = Text(required=False, allow_blank=True)
    organisation = Text(required=False, allow_blank=True, help_text=WHO)
    public = serializers.BooleanField(required=False, help_text="Whether everybody may see it; not unless asked.")
    contributions = NumbersField(required=False, help_text="What is in it, in this order.")


class StackChangeInput(Input):
    name = Text(required=False)
    note = Text(required=False, allow_blank=True)
    release = Text(required=False, help_text="The name or slug of another release of the component.")
    public = serializers.BooleanField(required=False)
    archived = serializers.BooleanField(required=False, help_text="Put it away, or take it back.")


class PicksInput(Input):
    contributions = NumbersField(help_text="They come behind what is in it.")
    revision = WholeNumber(**NUMBER, required=False, help_text="Of one contribution: pin this revision.")


class RepickInput(Input):
    revision = WholeNumber(
        **NUMBER, required=False, allow_null=True, help_text="Pin this one; null follows the current one, or a port."
    )
    move = serializers.ChoiceField(required=False, choices=[UP, DOWN], help_text="One place in the order asked for.")


class CopyInput(Input):
    name = Text(required=False, allow_blank=True)
    organisation = Text(required=False, allow_blank=True, help_text=WHO)


class AssembleInput(Input):
    build = serializers.BooleanField(required=False, help_text="Build it when it is whole; so unless asked otherwise.")


class DependenciesInput(Input):
    depends_on = NumbersField(help_text="The numbers of contributions; none for nothing.")
