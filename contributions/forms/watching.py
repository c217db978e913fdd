"""How a component's upstream is watched, as its maintainers set it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contributions.models import Component
from contributions.patterns import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.forms import Widget


def _typed() -> Widget:
    return forms.TextInput(attrs={"class": "code", "autocomplete": "off", "spellcheck": "false"})


class WatchingForm(forms.Form):
    """A field for each of Component.WATCHING. `seen` is the digest of what is shown, and comes back with the form."""

    release_pattern = forms.CharField(max_length=LONGEST, label=_("Release pattern"), widget=_typed())
    candidate_pattern = forms.CharField(
        max_length=LONGEST, required=False, label=_("Candidate pattern"), widget=_typed()
    )
    watch_minutes = forms.IntegerField(label=_("Minutes between pulls"), min_value=0)
    seen = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None, *, component: Component) -> None:
        shown = {name: getattr(component, name) for name in Component.WATCHING}
        super().__init__(data, initial={**shown, "seen": component.watching_digest})

    @property
    def watching(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in Component.WATCHING}

    @property
    def patterns(self) -> dict[str, str]:
        given = self.cleaned_data if self.is_bound else self.initial
        return {name: given.get(name, "") for name in ("release_pattern", "candidate_pattern")}
