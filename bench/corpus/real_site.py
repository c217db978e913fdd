"""A real site for the corpus: its own database, a component with its releases, and REST in and out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

import django

from bench.corpus.scoring import Answer
from contributions.checkout.runner import git

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

MAIL = ("--stdout", "--full-index", "--binary", "--no-signature", "--no-thread", "--no-numbered")
A_PERSONS_SHARE = 5  # patches that one person submits, so that nobody has to be paced


class Site:
    """`submit` and `fits` speak REST; `work` does what the workers do, until nothing waits."""

    def __init__(self, project: str, repo: Path) -> None:
        self._project, self._repo = project, repo
        self._sent = 0
        self._keys: dict[int, dict[str, str]] = {}

    def __enter__(self) -> Self:
        django.setup()
        logging.getLogger("contributions.tasks").setLevel(logging.ERROR)  # there is no broker that could ring
        from django.core.management import call_command
        from django.test import Client

        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        tags = r"\d+(\.\d+)+"
        call_command("add_component", "corpus", f"file://{self._repo}", pattern=tags, verbosity=0)
        self._client = Client(SERVER_NAME="127.0.0.1")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from django.conf import settings
        from django.db import connection

        connection.close()
        settings.DATABASES["default"]["SERVER"].stop()

    def _key(self) -> dict[str, str]:
        from contributions.models import ApiToken, Person

        person = Person.objects.create_user(f"engineer{len(self._keys)}")
        secret = ApiToken.make_secret()
        ApiToken.objects.create(
            person=person, name="corpus", prefix=secret[:8], digest=ApiToken.digest_of(secret), scopes=["write", "read"]
        )
        return {"authorization": f"Token {secret}"}

    def submit(self, commit: str, release: str) -> int:
        """A patch as `git format-patch` writes it; answers the contribution's number."""
        from django.core.files.uploadedfile import SimpleUploadedFile

        if self._sent % A_PERSONS_SHARE == 0:
            self._last = self._key()
        self._sent += 1
        mail = git(self._repo, "-c", "diff.renames=true", "format-patch", "-1", *MAIL, commit)
        fields: dict[str, Any] = {"component": "corpus", "kind": "refinement", "title": f"Patch {commit}"}
        fields |= {"release": release} if release else {}
        file = SimpleUploadedFile("0001.patch", mail)
        answer = self._client.post("/api/v1/contributions/", {**fields, "patch": file}, headers=self._last)
        if answer.status_code != 201:
            raise SystemExit(f"The site did not take {commit}: {answer.status_code} {answer.content.decode()[:500]}")
        number = int(answer.json()["number"])
        self._keys[number] = self._last
        return number

    def work(self) -> None:
        from contributions.models import Fit, Revision
        from contributions.pipeline.fitting import fit
        from contributions.pipeline.receiving import receive

        for pk in Revision.objects.filter(state="queued").order_by("pk").values_list("pk", flat=True):
            receive(pk)
        while (row := Fit.objects.filter(state="queued").first()) is not None:
            fit(row.pk)

    def fits(self, number: int) -> dict[str, Answer]:
        """By the name of the release."""
        address = f"/api/v1/contributions/{number}/fits/?page_size=100"
        answer = self._client.get(address, headers=self._keys[number])
        rows = answer.json()["results"]
        return {row["release"]: Answer(row["state"], row["tree"], tuple(row["conflicts"])) for row in rows}
