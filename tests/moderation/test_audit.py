"""The history: who may read which line, as a page, a table and by REST; append-only, and sealed."""

from __future__ import annotations

import csv
import io
import threading
import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, InternalError, connection, transaction
from django.test import Client
from django.utils import timezone

from contributions.models import Event, Person, Seal, SigningKey
from contributions.pipeline import sealing
from contributions.pipeline.keyholding import signer_of
from contributions.signing.keys import HISTORY
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db
EMPTYING_IS_REFUSED = """
CREATE TRIGGER event_is_never_emptied BEFORE TRUNCATE ON contributions_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_history();
"""


def browser(person: Person | None = None) -> Client:
    client = Client()
    if person is not None:
        client.force_login(person)
    return client


def table(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/audit/history.csv{query}")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_everybody_reads_what_is_public_and_only_that() -> None:
    witness, staff = factories.make_person("witness"), factories.make_person(is_staff=True)
    contribution = factories.make_contribution()
    hidden = factories.make_contribution(received=False)
    Event.objects.write("submitted", actor=contribution.author, contribution=contribution)
    Event.objects.write("flagged", actor=witness, contribution=contribution, text="spam")
    Event.objects.write("token-made", actor=witness, text="pb_12345")
    Event.objects.write("submitted", actor=hidden.author, contribution=hidden, text="secret plan")
    seen = {name: [row["verb"] for row in table(browser(who))] for name, who in (("all", None), ("staff", staff))}
    assert seen["all"] == ["submitted"]
    assert seen["staff"] == ["submitted", "flagged", "token-made", "submitted"]
    assert [row["verb"] for row in table(browser(witness))] == ["submitted", "flagged", "token-made"]
    for reader in (browser(), browser(contribution.author)):
        page = reader.get("/audit/").content.decode() + reader.get("/api/v1/audit/").content.decode()
        assert "witness" not in page
        assert "secret plan" not in page
    assert "secret plan" in browser(staff).get("/audit/").content.decode()


def test_lines_are_found_by_verb_actor_component_contribution_and_day() -> None:
    person = factories.make_person("finder")
    contribution = factories.make_contribution(author=person)
    Event.objects.write("submitted", actor=person, contribution=contribution)
    Event.objects.write("voted", contribution=factories.make_contribution())
    today = timezone.now().date()
    here = f"contribution={contribution.pk}"
    by_component = f"component={contribution.component.slug}"
    for query in ("verb=submitted", "actor=finder", by_component, here, f"{here}&since={today}&until={today}"):
        assert [row["verb"] for row in table(browser(), f"?{query}")] == ["submitted"], query
        assert "voted" not in browser().get(f"/audit/?{query}").content.decode().partition("<tbody>")[2]
        asked = query.replace(f"&until={today}", "")
        found = browser().get(f"/api/v1/audit/?{asked}").json()["results"]
        assert [row["verb"] for row in found] == ["submitted"], query
    assert table(browser(), f"?until={today - timedelta(days=1)}") == []
    for wrong in ("verb=flown", "contribution=x", "since=yesterday", f"contribution={10**30}", "until=9999-12-31x"):
        assert browser().get(f"/audit/?{wrong}").status_code == 400, wrong
        assert browser().get(f"/audit/history.csv?{wrong}").status_code == 400
    assert browser().get("/audit/?until=9999-12-31").status_code == 200
    assert browser().get("/audit/?actor=nobody").status_code == 200


def test_no_cell_of_the_table_is_calculated() -> None:
    staff = factories.make_person(is_staff=True)
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain, with a comma", 'a "quote"', "two\nlines"):
        Event.objects.write("suspended", actor=staff, text=text)
    texts = [row["text"] for row in table(browser())]
    assert texts[:5] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1"]
    assert texts[5:] == ["plain, with a comma", 'a "quote"', "two\nlines"]


def test_a_table_of_ten_thousand_lines_is_written_in_little_memory() -> None:
    text = "x" * 1000
    Event.objects.bulk_create([Event(verb="fetched", text=text) for _ in range(12_000)], batch_size=2000)
    answer = browser().get("/audit/history.csv")
    tracemalloc.start()
    size = sum(len(piece) for piece in answer.streaming_content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 12_000_000
    assert peak < size / 1.5


def test_a_page_of_lines_goes_on_by_key() -> None:
    for number in range(60):
        Event.objects.write("fetched", text=f"number {number:02}")
    first = browser().get("/audit/?verb=fetched").content.decode()
    assert "number 59" in first
    assert "number 09" not in first
    older = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "verb=fetched" in older
    assert "number 09" in browser().get(f"/audit/{older}").content.decode()


@pytest.mark.attack("T05")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE contributions_event SET text = 'x'",
        "DELETE FROM contributions_event",
        "TRUNCATE contributions_event CASCADE",
    ],
)
def test_the_database_lets_the_site_neither_change_nor_empty_the_history(statement: str) -> None:
    Event.objects.write("fetched", text="as it was")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # nothing may be pending where a trigger is made
        cursor.execute(EMPTYING_IS_REFUSED)
        with pytest.raises((IntegrityError, InternalError), match="append-only"), transaction.atomic():
            cursor.execute(statement)
        cursor.execute("INSERT INTO contributions_event (verb, text) VALUES ('fetched', 'the control')")
    assert [event.text for event in Event.objects.order_by("pk")] == ["as it was", "the control"]


@pytest.fixture
def sealed(tmp_path: Path, settings: SettingsWrapper) -> Iterator[list[int]]:
    """Six lines, and one before them on the key, under two seals; the numbers of the six."""
    settings.KEYS_DIR = tmp_path / "keys"
    patient = sealing.SETTLED, sealing.MOST_LINES
    sealing.SETTLED, sealing.MOST_LINES = timedelta(0), 4
    signer_of(HISTORY)  # a first line of its own: the key was made
    for number in range(6):
        Event.objects.write("fetched", text=f"line {number}")
    sealing.seal()
    yield list(Event.objects.filter(verb="fetched").order_by("pk").values_list("pk", flat=True))
    sealing.SETTLED, sealing.MOST_LINES = patient


def tampered(statement: str, *values: object) -> None:
    """As somebody who owns the database would, with the guard away."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def test_seals_are_chained_shown_and_found_whole(sealed: list[int]) -> None:
    first, second = Seal.objects.order_by("last")
    assert (first.count, second.last) == (4, sealed[-1])
    assert sealing.first_fault() == ""
    out = io.StringIO()
    call_command("audit", "check", stdout=out)
    assert "as it was sealed: 2 seals" in out.getvalue()
    assert second.digest in browser().get("/audit/").content.decode()
    listed = browser().get("/api/v1/audit/seals/").json()["results"]
    assert [row["digest"] for row in listed] == [second.digest, first.digest]


@pytest.mark.attack("T05")
def test_the_check_names_the_first_line_that_was_changed(sealed: list[int]) -> None:
    tampered("UPDATE contributions_event SET text = 'forged' WHERE id IN (%s, %s)", sealed[1], sealed[3])
    with pytest.raises(CommandError, match=rf"^Line {sealed[1]} was changed\.$"):
        call_command("audit", "check")


@pytest.mark.attack("T05")
@pytest.mark.parametrize("place", [0, 3, 5])
def test_the_check_names_the_line_that_was_removed(sealed: list[int], place: int) -> None:
    tampered("DELETE FROM contributions_event WHERE id = %s", sealed[place])
    assert sealing.first_fault() == f"Line {sealed[place]} was removed."


@pytest.mark.attack("T05")
def test_the_check_names_a_line_that_was_put_in(sealed: list[int]) -> None:
    free = Seal.objects.order_by("first")[0].first - 1
    Event.objects.create(pk=free, verb="fetched", text="forged")
    assert sealing.first_fault() == f"Line {free} was put in after the lines around it were sealed."
    assert sealed


@pytest.mark.attack("T05")
def test_a_seal_that_was_made_anew_by_somebody_without_the_key_is_told(sealed: list[int]) -> None:
    newest = Seal.objects.order_by("-last")[0]
    lines = bytes(newest.lines[:-1]) + b"x"
    Seal.objects.filter(pk=newest.pk).update(lines=lines)
    assert "does not continue the one before it" in sealing.first_fault()
    before = Seal.objects.order_by("last")[0]
    Seal.objects.filter(pk=newest.pk).update(digest=sealing.chained(before.digest, lines))
    assert "is not what was signed" in sealing.first_fault()
    Seal.objects.filter(pk=before.pk).delete()
    assert "does not continue" in sealing.first_fault()
    assert sealed


def test_a_seal_by_a_revoked_key_counts_for_nothing(sealed: list[int]) -> None:
    SigningKey.objects.of_role("history").update(revoked_at=timezone.now())
    assert "cannot be trusted" in sealing.first_fault()
    assert sealed


def test_nothing_is_sealed_twice_nor_too_early(sealed: list[int]) -> None:
    assert sealing.seal() == 0
    Event.objects.write("fetched", text="fresh")
    sealing.SETTLED = timedelta(minutes=1)
    assert sealing.seal() == 0
    sealing.SETTLED = timedelta(0)
    assert sealing.seal() == 1
    assert sealing.first_fault() == ""
    assert sealed


@pytest.mark.django_db(transaction=True)
def test_no_line_is_sealed_before_one_that_commits_late(sealed: list[int]) -> None:
    written, go_on = threading.Event(), threading.Event()

    def late() -> None:
        with transaction.atomic():
            Event.objects.write("fetched", text="late")
            written.set()
            go_on.wait(20)
        connection.close()

    thread = threading.Thread(target=late)
    thread.start()
    written.wait(20)
    Event.objects.write("fetched", text="after it, but seen first")
    assert sealing.seal() == 0, "the late one holds a smaller number"
    go_on.set()
    thread.join()
    assert sealing.seal() == 1
    assert sealing.first_fault() == ""
    assert Seal.objects.order_by("-last")[0].count == 2
    assert sealed


@pytest.mark.django_db(transaction=True)
def test_two_signers_at_once_seal_each_line_once(sealed: list[int]) -> None:
    for _ in range(20):
        Event.objects.write("fetched")
    start = threading.Barrier(2)

    def sign() -> None:
        start.wait()
        sealing.seal()
        connection.close()

    threads = [threading.Thread(target=sign) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sealing.seal()
    assert sum(Seal.objects.values_list("count", flat=True)) == Event.objects.count()
    assert sealing.first_fault() == ""
    assert sealed
