"""What is asked of whoever settles conflicts: one choice a place, and a text of their own where a page can take one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contributions.checkout.weaving import OURS, OURS_FIRST, REMEMBERED, TEXT, THEIRS, THEIRS_FIRST, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_ROWS, LEAST_ROWS = 30, 3
ASKED = re.compile(r"choice-([0-9a-f]{20})")
WORDS = {
    REMEMBERED: _("As it is remembered from a port"),
    OURS: _("What %(release)s has"),
    THEIRS: _("What the patch does"),
    OURS_FIRST: _("Both, the lines of %(release)s first"),
    THEIRS_FIRST: _("Both, the lines of the patch first"),
    TEXT: _("A text of your own"),
}
WHOLE = {
    ("gone-here", OURS): _("Leave it out, as %(release)s does"),
    ("gone-here", THEIRS): _("Bring it back, as the patch has it"),
    ("gone-there", THEIRS): _("Remove it, as the patch does"),
}


class SettleForm(forms.Form):
    """Fields `choice-ID` and `text-ID` for all that one commit asks; what is left blank is left open."""

    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        files: Sequence[Mapping[str, Any]],
        answers: Mapping[str, Sequence[str]],
        release: str,
        **given: Any,
    ) -> None:
        super().__init__(*args, **given)
        self._release = release
        for file in files:
            for known in (file, *file["places"]):
                if known["id"]:
                    self._ask(known, str(file["how"]), answers.get(known["id"], ()))

    def _ask(self, known: Mapping[str, Any], how: str, answer: Sequence[str]) -> None:
        choice, text = (*answer, "", "")[:2]
        texts = known.get("texts") or {}
        chosen = choice if choice in known["choices"] else REMEMBERED if REMEMBERED in known["choices"] else ""
        self.fields[f"choice-{known['id']}"] = forms.ChoiceField(
            label=_("What the port has here"),
            required=False,
            choices=[(name, self._words(name, how)) for name in known["choices"]],
            widget=forms.RadioSelect,
            initial=chosen,
        )
        if TEXT in known["choices"]:
            begun = texts.get("remembered", f"{texts['ours']}{texts['theirs']}")
            shown = text if choice == TEXT else begun
            rows = min(max(shown.count("\n") + 2, LEAST_ROWS), MOST_ROWS)
            look: dict[str, Any] = {"rows": rows, "class": "code", "spellcheck": "false", "autocapitalize": "off"}
            self.fields[f"text-{known['id']}"] = forms.CharField(
                label=WORDS[TEXT], required=False, strip=False, initial=shown, widget=forms.Textarea(attrs=look)
            )

    def _words(self, choice: str, how: str) -> str:
        return str(WHOLE.get((how, choice), WORDS[choice])) % {"release": self._release}

    def answers(self) -> dict[str, Answer]:
        """By id what was chosen, also of what is asked no more; a browser's line ends become those of Unix."""
        found = ((ASKED.fullmatch(name), str(self.data.get(name, ""))) for name in self.data)
        chosen = {name[1]: choice for name, choice in found if name and choice in WORDS}
        return {name: Answer(choice, self._text(name) if choice == TEXT else "") for name, choice in chosen.items()}

    def _text(self, name: str) -> str:
        return str(self.data.get(f"text-{name}", "")).replace("\r\n", "\n")
