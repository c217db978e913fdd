"""A fork to take apart, and what is decided about its patches."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contributions.models import Carried, Component


class ForkForm(forms.Form):
    component = forms.ModelChoiceField(Component.objects.all(), to_field_name="slug", empty_label="Choose a component")
    git_url = forms.CharField(required=False, max_length=500, label=_("Git address"))
    git_ref = forms.CharField(required=False, max_length=255, label=_("Branch"))
    bundle = forms.FileField(required=False, label=_("or a git bundle"), allow_empty_file=True)
    once = forms.CharField(required=False, widget=forms.HiddenInput, max_length=100, initial=uuid.uuid4)


class TitleForm(forms.Form):
    title = forms.CharField(max_length=1000, required=False)


class ChosenForm(forms.Form):
    """Which patches, by their places; `all` stands for every draft."""

    patch = forms.TypedMultipleChoiceField(required=False, coerce=int)
    all = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        places = self.data.getlist("patch") if hasattr(self.data, "getlist") else []
        self.fields["patch"].choices = [(place, place) for place in places if place.isascii() and place.isdigit()]  # type: ignore[attr-defined] # it takes any


STATES = [("", _("all")), *Carried.State.choices]
