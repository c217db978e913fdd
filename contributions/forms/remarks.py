"""Remarking on lines, publishing what was remarked, and taking suggestions in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contributions.models import LineComment, Review

ROWS = forms.Textarea(attrs={"rows": 4})


class RemarkForm(forms.Form):
    revision = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    path = forms.CharField(widget=forms.HiddenInput, strip=False)
    side = forms.ChoiceField(choices=LineComment.Side, label=_("Of the file"), required=False)
    start = forms.IntegerField(label=_("From line"), min_value=0, required=False)
    end = forms.IntegerField(label=_("to line"), min_value=0, required=False)
    text = forms.CharField(label=_("Remark"), widget=ROWS, strip=False, required=False)
    suggests = forms.BooleanField(label=_("Suggest these lines instead"), required=False)
    suggestion = forms.CharField(label=_("Suggested lines"), widget=ROWS, strip=False, required=False)

    def clean(self) -> dict[str, Any]:
        """Of a range the end may be left out, and lines may be left out altogether: it is the whole file then."""
        given: dict[str, Any] = super().clean() or {}
        given["start"] = given.get("start") or 0
        given["end"] = given.get("end") or given["start"]
        given["side"] = given.get("side") or LineComment.Side.NEW
        return given


class AnswerForm(forms.Form):
    text = forms.CharField(label=_("Answer"), widget=ROWS, strip=False, required=False)


class RemarkEditForm(forms.Form):
    text = forms.CharField(label=_("Remark"), widget=ROWS, strip=False, required=False)
    suggestion = forms.CharField(label=_("Suggested lines"), widget=ROWS, strip=False, required=False)


class RoundForm(forms.Form):
    words = forms.CharField(label=_("Cover words"), widget=ROWS, strip=False, required=False)
    verdict = forms.ChoiceField(choices=[("", "No verdict"), *Review.Verdict.choices], required=False)
    revision = forms.IntegerField(min_value=1, required=False)
