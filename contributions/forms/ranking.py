"""The calculator on the page about ranking: made-up evidence in, its score out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms

from contributions.ranking import Evidence, Voice

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST, OLDEST = 1000, 3650


def _number(label: str, *, most: int = MOST) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=most)


class CalculatorForm(forms.Form):
    """Each field is a count; `days` is how old all the reports are."""

    production = _number("Organisations in production")
    staging = _number("in staging")
    lab = _number("in the lab")
    broken = _number("It is broken for, in production")
    days = _number("Their reports are so many days old", most=OLDEST)
    up = _number("Votes up")
    down = _number("Votes down")
    passes = _number("Builds that pass")
    breaks = _number("Builds that it broke")

    EXAMPLE: Mapping[str, int] = {"production": 2, "lab": 1, "days": 30, "up": 6, "down": 1, "passes": 1}

    def __init__(self, data: Mapping[str, Any]) -> None:
        asked = {name: data[name] for name in self.base_fields if name in data}
        super().__init__(asked or dict(self.EXAMPLE))

    @property
    def evidence(self) -> Evidence | None:
        """What was filled in; None if it is no evidence that there could be."""
        if not self.is_valid():
            return None
        given: dict[str, int] = {name: value or 0 for name, value in self.cleaned_data.items()}
        age = timedelta(days=given["days"])
        works = [(stage, given[stage]) for stage in ("production", "staging", "lab")]
        voices = [Voice(works=True, stage=stage, age=age) for stage, count in works for _ in range(count)]
        voices += [Voice(works=False, stage="production", age=age)] * given["broken"]
        return Evidence(given["up"], given["down"], tuple(voices), given["passes"], given["breaks"])
