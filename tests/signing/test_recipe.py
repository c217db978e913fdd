"""The shell recipe of docs/verifying.md, run exactly as it is printed, against a server."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as site

from tests import factories
from tests.signing.conftest import sign_now

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Build

pytestmark = pytest.mark.django_db(transaction=True)
DOCS = (site.BASE_DIR / "docs" / "verifying.md").read_text()
RECIPE, BILL = re.findall(r"```sh\n(.*?)```", DOCS, re.DOTALL)[:2]
OFFLINE = RECIPE.split("\n", 2)[0] + "\n" + RECIPE.split("\n", 2)[2]  # without its second line, which fetches


@pytest.fixture
def stranger(built: Build, live_server: Any, tmp_path: Path) -> dict[str, str]:
    """What somebody has who downloaded the file, and who fetched the key once."""
    sworn = sign_now(built)
    place = tmp_path / "stranger"
    place.mkdir()
    url = f"{live_server.url}{built.artifacts.get().get_absolute_url()}"
    for address, name in ((url, "song.txt"), (f"{live_server.url}{sworn.key.get_absolute_url()}", "key.pem")):
        subprocess.run(["curl", "-fsS", "-o", place / name, address], check=True)
    return {"FILE": "song.txt", "KEY": "key.pem", "URL": url, "PATH": "/usr/bin:/bin:/usr/local/bin", "PWD": str(place)}


def run(script: str, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script], env=given, cwd=given["PWD"], capture_output=True, text=True, check=False
    )


def rewrite(given: dict[str, str], **changes: Any) -> None:
    path = f"{given['PWD']}/envelope.json"
    with open(path) as file:  # noqa: PTH123 - a path as the shell has it
        envelope = json.load(file)
    with open(path, "w") as file:  # noqa: PTH123
        json.dump(envelope | changes, file)


def test_the_page_prints_the_recipe_of_the_docs_and_it_is_ten_lines() -> None:
    assert (site.BASE_DIR / "templates" / "verify.sh").read_text() == RECIPE
    assert len(RECIPE.splitlines()) == 10


@pytest.mark.attack("T06")
def test_the_recipe_proves_a_download_and_shows_its_sources(stranger: dict[str, str], built: Build) -> None:
    done = run(RECIPE, stranger)
    assert done.returncode == 0, done.stderr
    assert "Signature Verified Successfully" in done.stdout
    sources = json.loads(done.stdout[done.stdout.index("[") :])
    assert sources[0]["digest"]["gitCommit"] == built.upstream_commit
    assert sources[1]["digest"]["sha256"] == built.revision.mbox_id
    first, second = run(BILL, stranger).stdout.splitlines()
    assert first.split()[0] == second == built.attestation.bill_id


@pytest.mark.attack("T06")
def test_the_recipe_refuses_a_changed_file(stranger: dict[str, str]) -> None:
    assert run(f"echo >> song.txt\n{RECIPE}", stranger).returncode != 0
    assert run(RECIPE, stranger).stdout.strip().endswith("false")


@pytest.mark.attack("T06")
def test_the_recipe_refuses_a_changed_statement(stranger: dict[str, str]) -> None:
    assert run(RECIPE, stranger).returncode == 0
    assert run(OFFLINE, stranger).returncode == 0, "so that what follows is refused for the change alone"
    with open(f"{stranger['PWD']}/envelope.json") as file:  # noqa: PTH123
        payload = b64decode(json.load(file)["payload"])
    rewrite(stranger, payload=b64encode(payload.replace(b"song", b"sing")).decode())
    done = run(OFFLINE, stranger)
    assert done.returncode != 0
    assert "Signature Verification Failure" in done.stdout + done.stderr


@pytest.mark.attack("T06")
def test_the_recipe_refuses_another_key(stranger: dict[str, str]) -> None:
    with open(f"{stranger['PWD']}/key.pem", "w") as file:  # noqa: PTH123
        file.write(factories.make_signing_key().pem)
    done = run(RECIPE, stranger)
    assert done.returncode != 0
    assert "Signature Verification Failure" in done.stdout + done.stderr


def test_the_recipe_refuses_what_was_never_signed(stranger: dict[str, str]) -> None:
    stranger["URL"] += "x"
    assert run(RECIPE, stranger).returncode != 0
