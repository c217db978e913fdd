"""What a component asks of contributions, as its maintainers set it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contributions.actions.vocabulary import Wanted, traits_in
from contributions.errors import Invalid
from contributions.models import Component

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from contributions.models import Trait

MOST_LETTERS = 2000
SEPARATORS = re.compile(r"[,\n]+")


class RulesForm(forms.Form):
    """A field for each of Component.RULES; licences are typed one a line or with commas between them.

    `seen` is the digest of the rules that are shown, and comes back with the form.
    """

    approvals_needed = forms.IntegerField(label=_("Approvals of a patch or note"))
    executable_approvals_needed = forms.IntegerField(label=_("Approvals of an executable"))
    cool_down_days = forms.IntegerField(label=_("Days that newcomers and strange hands wait"))
    green_build_needed = forms.BooleanField(required=False)
    sign_off_needed = forms.BooleanField(required=False)
    accepted_licences = forms.CharField(
        required=False, max_length=MOST_LETTERS, widget=forms.Textarea(attrs={"rows": 3}), label=_("Accepted licences")
    )
    seen = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None, *, component: Component) -> None:
        shown = {name: getattr(component, name) for name in Component.RULES}
        shown |= {"accepted_licences": "\n".join(component.accepted_licences), "seen": component.rules_digest}
        super().__init__(data, initial=shown)

    def clean_accepted_licences(self) -> list[str]:
        names = (" ".join(name.split()) for name in SEPARATORS.split(self.cleaned_data["accepted_licences"]))
        return list(dict.fromkeys(name for name in names if name))

    @property
    def rules(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in Component.RULES}


class TraitsForm(forms.Form):
    """What reports on the component tell of where it runs, one trait a line."""

    traits = forms.CharField(
        required=False, max_length=MOST_LETTERS, widget=forms.Textarea(attrs={"rows": 5}), label=_("Traits")
    )
    vocabulary: list[Wanted]

    def clean_traits(self) -> str:
        text: str = self.cleaned_data["traits"]
        try:
            self.vocabulary = traits_in(text)
        except Invalid as refusal:
            raise forms.ValidationError(refusal.sentence) from None
        return text


def written_out(traits: Iterable[Trait]) -> str:
    """The traits as TraitsForm reads them."""
    return "\n".join(f"{trait.name}: {', '.join(trait.choices)}" for trait in traits)
