"""What people fill in to make a stack, to change it, and to put something into it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contributions.models import Organisation, Release
from contributions.models.stack import MOST_PICKS

if TYPE_CHECKING:
    from contributions.models import Component, Person

ALONE = ("", _("Only me"))
NUMBER = re.compile(r"#?(\d{1,9})")
MOST_RELEASES = 200


class ChangeForm(forms.Form):
    """What is told of a stack, and the release that it is for."""

    name = forms.CharField(max_length=200)
    release = forms.ChoiceField(choices=())
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    is_public = forms.BooleanField(required=False, label=_("Everybody may see it"))

    def __init__(self, *args: Any, component: Component, **given: Any) -> None:
        super().__init__(*args, **given)
        rows = Release.objects.filter(component=component).newest_first()[:MOST_RELEASES]
        self._releases = {row.slug: row for row in rows}
        words = {True: "{0.called}", False: "{0.called} · retired"}
        choices = [(slug, words[row.is_supported].format(row)) for slug, row in self._releases.items()]
        self.fields["release"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField

    def clean_release(self) -> Release:
        return self._releases[self.cleaned_data["release"]]


class CarrierForm(forms.Form):
    """Who carries a stack: one of a person's organisations, or the person alone."""

    organisation = forms.ChoiceField(choices=(), required=False, label=_("Who carries it"))

    def __init__(self, *args: Any, person: Person, **given: Any) -> None:
        super().__init__(*args, **given)
        rows = Organisation.objects.filter(memberships__person=person).order_by("name")
        self._organisations = {row.slug: row for row in rows}
        choices = [*((slug, row.name) for slug, row in self._organisations.items()), ALONE]
        self.fields["organisation"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField

    def clean_organisation(self) -> Organisation | None:
        return self._organisations.get(self.cleaned_data["organisation"])


class StackForm(CarrierForm, ChangeForm):
    """A new one."""

    field_order = ("name", "release", "organisation", "note", "is_public")


class CopyForm(CarrierForm):
    """A name for the copy; empty for the usual one."""

    name = forms.CharField(max_length=200, required=False)


def numbers_in(text: str) -> list[int]:
    """Numbers of contributions, as people write them: #5 #7, or 5, 7."""
    found = [NUMBER.fullmatch(word) for word in text.replace(",", " ").split()]
    if not all(found) or len(found) > MOST_PICKS:
        raise forms.ValidationError(_("Write numbers, such as #5 #7."))
    return [int(one[1]) for one in found if one]


class PickForm(forms.Form):
    contribution = forms.CharField(max_length=4000, label=_("Add contributions"))

    def clean_contribution(self) -> list[int]:
        return numbers_in(self.cleaned_data["contribution"])


class DependsForm(forms.Form):
    """What a contribution depends on; empty for nothing."""

    on = forms.CharField(max_length=400, required=False, label=_("Depends on"))

    def clean_on(self) -> list[int]:
        return numbers_in(self.cleaned_data["on"])
