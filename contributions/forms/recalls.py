"""Advisories, webhooks, and which mail somebody wants."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contributions.models import Advisory, Contribution, Person, Revision, Webhook

NAMED = re.compile(r"#?(\d{1,9})\s*v(\d{1,6})")


class RevisionsField(forms.CharField):
    """Revisions of any contribution to the component, written as `#12 v3`."""

    def clean(self, value: Any) -> list[Revision]:
        text = str(super().clean(value))
        found = []
        for number, version in NAMED.findall(text):
            row = Revision.objects.select_related("contribution").filter(contribution=number, number=version).first()
            if row is None:
                raise forms.ValidationError(f"There is no #{number} v{version}.")
            found.append(row)
        if NAMED.sub("", text).strip(" ,;\n\r\t"):
            raise forms.ValidationError("Write revisions as #12 v3, with commas between them.")
        return found


class AdvisoryForm(forms.Form):
    title = forms.CharField(max_length=200)
    severity = forms.ChoiceField(choices=Advisory.Severity, widget=forms.RadioSelect)
    alias = forms.CharField(required=False, max_length=100, label=_("Its name elsewhere"))
    description = forms.CharField(widget=forms.Textarea(attrs={"rows": 8}), strip=False)
    affected = forms.ModelMultipleChoiceField(Revision.objects.none(), required=False)
    fixed = forms.ModelMultipleChoiceField(Revision.objects.none(), required=False)
    also_affected = RevisionsField(required=False)
    also_fixed = RevisionsField(required=False)
    withdraw = forms.BooleanField(required=False)

    def __init__(self, *args: Any, contribution: Contribution, **given: Any) -> None:
        super().__init__(*args, **given)
        rows = contribution.revisions.filter(state=Revision.State.RECEIVED).select_related("contribution")
        for name in ("affected", "fixed"):
            self.fields[name].queryset = rows  # type: ignore[attr-defined]

    def as_given(self) -> dict[str, Any]:
        """The arguments of the action: what was ticked and what was typed are one list."""
        given = dict(self.cleaned_data)
        for name in ("affected", "fixed"):
            given[name] = [*given[name], *given.pop(f"also_{name}")]
        return given


class WebhookForm(forms.Form):
    url = forms.CharField(label=_("Address"), max_length=600)
    topics = forms.MultipleChoiceField(
        choices=Webhook.Topic, widget=forms.CheckboxSelectMultiple, required=False, initial=[Webhook.Topic.RECALLS]
    )


class MailForm(forms.Form):
    recall_mail = forms.ChoiceField(choices=Person.RecallMail, widget=forms.RadioSelect, label=_("Mail about recalls"))
