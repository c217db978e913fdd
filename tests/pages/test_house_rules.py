"""Rules that every template and every address keeps."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings

from contributions import urls

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
VENDOR = settings.BASE_DIR / "static" / "vendor"
LONGEST = 80  # lines


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_a_template_holds_no_inline_code(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert not re.search(r'(?:src|href)="https?://', text)
    assert len(text.splitlines()) <= LONGEST


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_only_cleaned_html_is_written_as_it_is(template: Path) -> None:
    cleaned = {"contribution.description_html", "html", "field.help_text"}
    cleaned |= {"review.html", "comment.html", "report.html", "advisory.html"}
    cleaned |= {"remark.html", "edit.html", "said.html"}
    cleaned |= {"totp_svg"}  # drawn from our own secret
    assert set(re.findall(r"\{\{\s*([\w.]+)\|safe", template.read_text())) <= cleaned


def test_every_form_that_acts_carries_the_browsers_secret() -> None:
    for template in TEMPLATES:
        for form in re.findall(r'<form[^>]*method="post".*?</form>', template.read_text(), re.DOTALL):
            assert "{% csrf_token %}" in form, template


def test_every_address_is_opened_by_a_test() -> None:
    tested = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for pattern in urls.urlpatterns:
        route = str(pattern.pattern).split("<")[0].split("(")[0].lstrip("^")
        assert f"/{route}" in tested, pattern.name


def test_the_vendored_files_are_those_of_their_checksums() -> None:
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir()}
    found.pop("SHA256SUMS")
    assert found == sums


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    known = set(re.findall(r'<symbol id="([^"]+)"', (VENDOR / "icons.svg").read_text()))
    for template in TEMPLATES:
        assert set(re.findall(r'\{% icon "([^"]+)" %\}', template.read_text())) <= known, template
