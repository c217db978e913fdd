"""Which lines of the history somebody wants to see."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contributions.models import Event

BIGGEST_KEY = 2**63 - 1  # a bigint
FURTHEST_DAY = datetime(9999, 12, 30, tzinfo=UTC).date()  # a day later there is still a day


class AuditForm(forms.Form):
    verb = forms.ChoiceField(choices=[("", "any"), *sorted(Event.Verb.choices)], required=False)
    actor = forms.CharField(required=False, max_length=150)
    component = forms.CharField(required=False, max_length=60)
    contribution = forms.IntegerField(required=False, min_value=1, max_value=BIGGEST_KEY)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}), label=_("From"))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}), label=_("To"))

    def asked(self) -> dict[str, Any]:
        """What was given, as the history takes it; `until` includes its day."""
        given = {name: value for name, value in self.cleaned_data.items() if value}
        if "since" in given:
            given["since"] = datetime.combine(given["since"], time.min, UTC)
        if "until" in given:
            day = min(given["until"], FURTHEST_DAY) + timedelta(days=1)
            given["until"] = datetime.combine(day, time.min, UTC)
        return given
