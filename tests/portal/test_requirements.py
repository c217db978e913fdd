"""What is installed is what was locked: every requirement has its version and the digests of its files."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[a-z0-9,-]+\])?==(?P<version>[^ ;]+)")


def requirements(text: str) -> list[str]:
    """The requirements of a pip file, each with what stands on its continued lines."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("-")]


@pytest.mark.attack("T18")
@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_by_version_and_digest(name: str) -> None:
    found = requirements((settings.BASE_DIR / name).read_text())
    assert len(found) > 20
    loose = [line for line in found if not LINE.match(line) or not re.search(r"--hash=sha256:[0-9a-f]{64}", line)]
    assert loose == []


def test_a_requirement_without_a_digest_would_be_seen() -> None:
    (pinned,) = requirements("a==1 \\\n    --hash=sha256:" + "0" * 64)
    (loose,) = requirements("b>=1")
    assert LINE.match(pinned)
    assert not LINE.match(loose)
