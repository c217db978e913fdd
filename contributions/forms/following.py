"""Saved searches, and how often there is mail about what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contributions.models.following import QUERY_LENGTH
from contributions.models.news import About, Rhythm, rules_of

from .recalls import MailForm

if TYPE_CHECKING:
    from contributions.models import Person


class NameForm(forms.Form):
    name = forms.CharField(max_length=200)


class SearchForm(NameForm):
    query = forms.CharField(label=_("Search"), max_length=QUERY_LENGTH)
    is_followed = forms.BooleanField(label=_("Tell me of new matches"), required=False, initial=True)


class NoticesForm(MailForm):
    """What a letter can be about, each with its rhythm; what is not sent stays as it is."""

    def __init__(self, sent: Any, *, person: Person) -> None:
        super().__init__(sent, initial={"recall_mail": person.recall_mail, **rules_of(person)})
        for about in About:
            if about != About.FLAGS or person.is_staff:
                choices = [("now", "At once"), ("never", "Never")] if about == About.QUESTIONS else Rhythm.choices
                self.fields[about.value] = forms.ChoiceField(choices=choices, label=about.label, required=False)

    def rules(self) -> dict[str, str]:
        """What was chosen."""
        return {name: value for name, value in self.cleaned_data.items() if value and name in About.values}

    @property
    def rhythms(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name in About.values]
