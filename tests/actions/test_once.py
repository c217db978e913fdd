"""A key of the sender's: what is sent twice with it is made once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import revise, submit
from contributions.errors import Clash, Invalid, Refusal
from contributions.models import Contribution, Person, Release, Revision
from tests.factories import make_component, make_person, make_release

PATCH = b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"


def share(author: Person, release: Release, *, once: str = "k-1", patch: bytes = PATCH, **more: Any) -> Contribution:
    given = {"kind": "refinement", "title": "Mend it", **more}
    source = PatchFile(SimpleUploadedFile("0001.patch", patch))
    return submit(author=author, component=release.component, release=release, source=source, once=once, **given)


@pytest.fixture
def release() -> Release:
    return make_release(make_component())


@pytest.mark.django_db
def test_the_same_key_gives_the_contribution_that_was_made(release: Release) -> None:
    author = make_person()
    first = share(author, release, title="Mend  it\tnow")
    assert share(author, release, title="Mend  it\tnow") == first, "a title is compared as it was kept"
    assert share(author, release, once="k-2") != first
    assert share(make_person(), release) != first, "a key is its sender's own"
    assert Contribution.objects.count() == 3


@pytest.mark.django_db
def test_a_key_is_not_taken_for_something_else(release: Release) -> None:
    author = make_person()
    share(author, release)
    for other in ({"title": "Another"}, {"patch": PATCH.replace(b"+b", b"+c")}):
        with pytest.raises(Clash, match="was used for"):
            share(author, release, **other)
    assert Contribution.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", [" ", "ä", "x" * 101, "a\nb"])
def test_an_odd_key_is_refused(release: Release, key: str) -> None:
    with pytest.raises(Invalid, match="idempotency key"):
        share(make_person(), release, once=key)


@pytest.mark.django_db
def test_a_revision_sent_twice_with_one_key_is_one(release: Release) -> None:
    author = make_person()
    contribution = share(author, release)

    def send(patch: bytes = PATCH + b" \n") -> Revision:
        source = PatchFile(SimpleUploadedFile("v2.patch", patch))
        return revise(author=author, contribution=contribution, source=source, once="v2")

    assert send() == send()
    assert contribution.revisions.count() == 2
    with pytest.raises(Clash, match="was used for"):
        send(PATCH)


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_with_one_key_make_one(release: Release) -> None:
    author, made = make_person(), []

    def send() -> None:
        try:
            made.append(share(author, release).pk)
        except Refusal as refusal:
            made.append(refusal.sentence)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    only = Contribution.objects.get()
    assert set(made) <= {only.pk, "The same is being sent at this moment; ask again."}
    assert only.pk in made
