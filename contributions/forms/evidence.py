"""Where things run: which field reports are shown by it, and what one's own organisation runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .voices import add_traits, traits_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contributions.models import Component, Trait

LIKE_OURS = "ours"


class ReportFilter(forms.Form):
    """A field for each trait, and one for “like ours” where it is known what ours is; nonsense narrows nothing."""

    def __init__(self, data: Mapping[str, Any], *, traits: Sequence[Trait], environment: dict[str, str]) -> None:
        super().__init__(data)
        self.environment = environment
        self.slugs = [trait.slug for trait in traits]
        if environment:
            choices = [("", "Any organisation"), (LIKE_OURS, "Like ours")]
            self.fields["like"] = forms.ChoiceField(required=False, label=_("From"), choices=choices)
        for trait in traits:
            choices = [("", "Any"), *((choice, choice) for choice in trait.choices)]
            self.fields[f"on-{trait.slug}"] = forms.ChoiceField(required=False, label=trait.name, choices=choices)

    def applied(self, rows: Any) -> Any:
        self.full_clean()
        if self.cleaned_data.get("like") == LIKE_OURS:
            rows = rows.like(self.environment)
        for slug in self.slugs:
            if choice := self.cleaned_data.get(f"on-{slug}"):
                rows = rows.telling(slug, choice)
        return rows

    @property
    def narrows(self) -> bool:
        return any(self.cleaned_data.values())


class EnvironmentForm(forms.Form):
    """What one component is run on: a field for each of its traits."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, component: Component, traits: Mapping[str, str] | None = None
    ) -> None:
        initial = {f"trait-{slug}": choice for slug, choice in (traits or {}).items()}
        super().__init__(data, initial=initial, auto_id=f"id_{component.slug}_%s")
        self.component = component
        add_traits(self, component.traits.all())

    @property
    def chosen(self) -> dict[str, str]:
        return traits_of(self)
