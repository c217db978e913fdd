"""Flagging abuse and deciding about it."""

from __future__ import annotations

from typing import Any

from django import forms

from contributions.models import Flag


class FlagForm(forms.Form):
    reason = forms.ChoiceField(choices=Flag.Reason, widget=forms.RadioSelect)
    text = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 5}), strip=False)


class DecisionForm(forms.Form):
    act = forms.ChoiceField(widget=forms.RadioSelect)
    reason = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 4}), strip=False)

    def __init__(self, *args: Any, flag: Flag, **given: Any) -> None:
        super().__init__(*args, **given)
        self.fields["act"].choices = [(act, Flag.Act(act).label) for act in flag.acts]  # type: ignore[attr-defined]
