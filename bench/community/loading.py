"""Makes a community in the database: contributions with revisions, fits, standings, votes, comments, reports, history.

Rows are made by INSERT … SELECT, and foreign keys are not checked row by row while they come in. Everything is drawn
from a fixed seed, so two runs make the same.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from contributions.models import (
    Blob,
    Build,
    Comment,
    Component,
    Contribution,
    Document,
    Event,
    FieldReport,
    Fit,
    Organisation,
    Person,
    Place,
    Release,
    Revision,
    Standing,
    Touch,
    Vote,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import Model

COMPONENTS, RELEASES, PEOPLE, ORGANISATIONS = 20, 8, 5000, 300
SYLLABLES = (
    "ba",
    "co",
    "de",
    "fi",
    "gu",
    "ha",
    "ji",
    "ko",
    "lu",
    "me",
    "no",
    "pa",
    "qui",
    "ra",
    "so",
    "ti",
    "vu",
    "xe",
)
COMMON = (
    *("retry", "backoff", "timeout", "ring", "replica", "container", "object", "proxy", "auth", "token", "cache"),
    *("segment", "header", "quota", "sync", "account", "expire", "range", "copy", "delete", "upload", "download"),
    *("policy", "shard", "broker", "audit", "tempurl", "staticweb", "domain", "memcache"),
)
WORDS = [*COMMON, *(f"{a}{b}{c}" for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES)]  # some 5,900
PIECES = 5000  # of three words and of fifteen, that all texts are put together from
DIRECTORIES = [f"{top}/{below}" for top in COMMON[:20] for below in COMMON[10:30]]
LINES = 5000  # of the diff that the contribution in the middle has


@dataclass(frozen=True)
class Size:
    contributions: int = 100_000
    votes: int = 1_000_000
    comments: int = 300_000
    reports: int = 50_000

    @classmethod
    def of(cls, contributions: int) -> Size:
        """As large for its contributions as the largest is."""
        return cls(contributions, contributions * 10, contributions * 3, contributions // 2)


@dataclass(frozen=True)
class Loaded:
    """What a bench asks for: a contribution with 200 comments and a diff of 5,000 lines, and words to search by."""

    middle: int
    seconds: float
    phrase: str
    path: str


def insert(model: type[Model], source: str, given: Mapping[str, str]) -> int:
    """INSERT … SELECT: `given` are columns and the SQL of each, over `source`; the others have the model's defaults."""
    columns, values = list(given), []
    expressions = [sql.replace("%", "%%") for sql in given.values()]  # the only parameters are our own
    for field in model._meta.concrete_fields:
        defaulted = field.has_db_default() or field.null or field.primary_key or field.generated
        if field.column not in given and not defaulted:
            columns.append(field.column)
            expressions.append("%s")
            values.append(field.get_db_prep_save(field.get_default(), connection))
    named, drawn = ", ".join(f'"{column}"' for column in columns), ", ".join(expressions)
    rows = source.replace("%", "%%")
    with connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{model._meta.db_table}" ({named}) SELECT {drawn} FROM {rows}', values)
        return cursor.rowcount


def few(key: str) -> str:
    """SQL for three words, which `key` (an integer) chooses; two keys seldom choose the same."""
    return f"(SELECT few FROM pieces WHERE n = ({key}) % {PIECES})"


def many(key: str) -> str:
    """SQL for fifteen words."""
    return f"(SELECT many FROM pieces WHERE n = ({key}) % {PIECES})"


def pieces() -> None:
    """The words of all texts: the first ones of the list far more often than the last."""
    rng = random.Random(5)

    def drawn(count: int) -> str:
        return " ".join(WORDS[int(rng.random() ** 3 * len(WORDS))] for _ in range(count))

    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE pieces (n int PRIMARY KEY, few text, many text) ON COMMIT DROP")
        for n in range(PIECES):
            cursor.execute("INSERT INTO pieces VALUES (%s, %s, %s)", [n, drawn(3), drawn(15)])
        cursor.execute("CREATE TEMPORARY TABLE places (n int PRIMARY KEY, path text) ON COMMIT DROP")
        for n, path in enumerate(DIRECTORIES):
            cursor.execute("INSERT INTO places VALUES (%s, %s)", [n, path])
        cursor.execute("ANALYZE pieces")


def load(size: Size) -> Loaded:
    began = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SELECT setseed(0.5)")
        pieces()
        ground()
        contributions(size)
        middle = size.contributions // 2
        said(size, middle)
        history(size)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        for model in (Person, Organisation, Component, Release, Contribution, Revision):
            table = model._meta.db_table
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
    title = Contribution.objects.values_list("title", flat=True).get(pk=middle)
    path = Touch.objects.filter(contribution=middle).values_list("path", flat=True).first() or ""
    return Loaded(middle, time.perf_counter() - began, " ".join(title.split()[:2]), path)


def ground() -> None:
    """People, organisations, components and their releases."""
    insert(Person, f"generate_series(1, {PEOPLE}) i", {
        "id": "i", "username": "'person-' || i", "email": "'p' || i || '@example.org'", "password": "'!'",
        "name": "'Person ' || i",
    })  # fmt: skip
    insert(Organisation, f"generate_series(1, {ORGANISATIONS}) i", {
        "id": "i", "slug": "'organisation-' || i", "name": "'Organisation ' || i",
    })  # fmt: skip
    insert(Component, f"generate_series(1, {COMPONENTS}) i", {
        "id": "i", "slug": "'component-' || i", "name": "'Component ' || i",
        "upstream_url": "'https://git.example.org/' || i || '.git'",
    })  # fmt: skip
    each = f"generate_series(1, {COMPONENTS}) c, generate_series(1, {RELEASES}) n"
    insert(Release, each, {
        "id": f"(c - 1) * {RELEASES} + n", "component_id": "c", "name": "n || '.0'",
        "slug": "'component-' || c || '-' || n || '.0'", "ref": "n || '.0'", "commit": "lpad(n::text, 40, '0')",
        "position": "n",
    })  # fmt: skip


def diff_of(lines: int) -> tuple[bytes, list[dict[str, Any]]]:
    """A diff of some files with so many changed lines in all, and what a revision's row says of its files."""
    done, files, files_of = b"", [], max(lines // 250, 1)
    for number in range(files_of):
        path, changed = f"swift/proxy/module{number}.py", lines // files_of
        head = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,{changed // 2} +1,{changed // 2} @@\n"
        body = "".join(
            f"-    retries = attempt({n}, backoff={n})\n+    retries = attempt({n}, backoff={n + 1})\n"
            for n in range(changed // 2)
        )
        start = len(done)
        done += (head + body).encode()
        files.append({
            "path": path, "old_path": path, "status": "modified", "binary": False, "added": changed // 2,
            "removed": changed // 2, "start": start, "end": len(done),
        })  # fmt: skip
    return done, files


def contributions(size: Size) -> None:
    small, _ = diff_of(10)
    blob = Blob.objects.keep_bytes(small)
    rows = f"generate_series(1, {size.contributions}) i"
    age = f"now() - ({size.contributions} - i) * interval '{1000 * 86_400 // size.contributions} seconds'"
    insert(Contribution, rows, {
        "id": "i", "component_id": f"1 + i % {COMPONENTS}",
        "kind": "(ARRAY['refinement', 'refinement', 'refinement', 'improvement'])[1 + i % 4]",
        "title": f"{few('i')} || ' ' || {few('i * 7 + i / 11')}",
        "description": f"{many('i * 3')} || ' ' || {many('i * 13 + 1')}",
        "description_html": f"'<p>' || {many('i * 3')} || ' ' || {many('i * 13 + 1')} || '</p>'",
        "author_id": f"1 + (i * 31) % {PEOPLE}", "organisation_id": f"1 + (i * 7) % {ORGANISATIONS}",
        "release_id": f"(i % {COMPONENTS}) * {RELEASES} + 1 + (i / {COMPONENTS}) % {RELEASES}",
        "state": "(ARRAY['open', 'open', 'open', 'approved', 'approved', 'changes-requested', 'withdrawn'])[1 + i % 7]",
        "current_id": "i", "created_at": age, "up": "floor(random() * 30)::int", "down": "floor(random() * 4)::int",
        "comment_count": "3", "running_count": "floor(power(random(), 4) * 12)::int",
        "fit_count": "floor(random() * 8)::int", "release_count": str(RELEASES), "green_count": "1",
        "score": "round(random()::numeric, 6)", "activity": "1300 + i * 0.0005 + random()",
    })  # fmt: skip
    path = "(SELECT path FROM places WHERE n = i % 400) || '/m' || i % 97 || '.py'"
    insert(Revision, rows, {
        "id": "i", "contribution_id": "i", "number": "1", "source": "'patch'", "state": "'received'",
        "submitted_by_id": f"1 + (i * 31) % {PEOPLE}", "raw_id": f"'{blob.pk}'", "diff_id": f"'{blob.pk}'",
        "mbox_id": f"'{blob.pk}'", "fingerprint": "md5(i::text) || left(md5((i + 1)::text), 8)",
        "files": f"jsonb_build_array(jsonb_build_object('path', {path}, 'old_path', '', 'status', 'modified',"
                 f" 'added', 5, 'removed', 5, 'binary', false, 'start', 0, 'end', {blob.size}))",
        "commits": "jsonb_build_array(jsonb_build_object('sha', md5(i::text) || left(md5(i::text), 8), 'subject',"
                   f" {few('i')}, 'body', '', 'author', 'Person', 'authored_at', ''))",
        "created_at": age,
    })  # fmt: skip
    large, listed = diff_of(LINES)
    kept = Blob.objects.keep_bytes(large)
    Revision.objects.filter(pk=size.contributions // 2).update(diff=kept, files=listed)
    Word.objects.learn(WORDS)
    insert(Touch, rows, {
        "contribution_id": "i", "component_id": f"1 + i % {COMPONENTS}",
        "path": path,
        "start": "1 + i % 900", "end": "9 + i % 900",
    })  # fmt: skip
    path = "translate(r.files->0->>'path', '/.', '  ')"
    texts = ("c.title", "A"), ("c.description", "B"), ("r.commits->0->>'subject'", "C"), (path, "D")
    insert(Document, "contributions_contribution c JOIN contributions_revision r ON r.id = c.current_id", {
        "contribution_id": "c.id",
        "words": " || ".join(f"setweight(to_tsvector('english', {text}), '{weight}')" for text, weight in texts),
    })  # fmt: skip
    steps = "regexp_split_to_array(t.path, '/')"
    insert(Place, "contributions_touch t, generate_series(1, 3) depth", {
        "contribution_id": "t.contribution_id", "component_id": "t.component_id",
        "parent": f"array_to_string(({steps})[1:depth - 1], '/')", "name": f"({steps})[depth]", "is_file": "depth = 3",
    })  # fmt: skip
    pairs = f"{rows}, generate_series(1, {RELEASES}) n"
    release = f"(i % {COMPONENTS}) * {RELEASES} + n"
    verdict = "(ARRAY['applies', 'applies', 'merges', 'upstream', 'conflicts'])[1 + (i + n) % 5]"
    insert(Fit, pairs, {
        "revision_id": "i", "release_id": release, "release_commit": "repeat('0', 40)", "state": verdict,
    })  # fmt: skip
    insert(Standing, pairs, {
        "contribution_id": "i", "release_id": release, "score": "round(random()::numeric, 6)", "fit": verdict,
        "build_state": "CASE WHEN n = 8 THEN 'passed' ELSE '' END",
    })  # fmt: skip
    insert(Build, rows, {
        "revision_id": "i", "release_id": f"(i % {COMPONENTS}) * {RELEASES} + {RELEASES}", "commit": "repeat('1', 40)",
        "recipe": "'{}'::jsonb", "recipe_digest": "'x'", "state": "(ARRAY['passed', 'passed', 'failed'])[1 + i % 3]",
        "started_at": age, "finished_at": f"{age} + interval '9 seconds'",
    })  # fmt: skip


def said(size: Size, middle: int) -> None:
    """Votes, comments and field reports."""
    each_votes = size.votes // size.contributions
    insert(Vote, f"generate_series(1, {size.contributions}) i, generate_series(1, {each_votes}) k", {
        "contribution_id": "i", "person_id": f"1 + (i * 11 + k * 13) % {PEOPLE}", "revision_id": "i",
        "value": "CASE WHEN (i + k) % 9 = 0 THEN -1 ELSE 1 END",
    })  # fmt: skip
    each = size.comments // size.contributions
    spoken = {
        "author_id": f"1 + (i * 17 + k) % {PEOPLE}", "revision_id": "i", "text": many("i * 5 + k * 37"),
        "html": f"'<p>' || {many('i * 5 + k * 37')} || '</p>'",
    }  # fmt: skip
    insert(Comment, f"generate_series(1, {size.contributions}) i, generate_series(1, {each}) k",
           {"contribution_id": "i", **spoken})  # fmt: skip
    insert(Comment, f"generate_series({middle}, {middle}) i, generate_series(1, {200 - each}) k",
           {"contribution_id": "i", **spoken})  # fmt: skip
    Contribution.objects.filter(pk=middle).update(comment_count=200)
    insert(FieldReport, f"generate_series(1, {size.contributions}, {size.contributions // size.reports}) i", {
        "contribution_id": "i", "revision_id": "i",
        "release_id": f"(i % {COMPONENTS}) * {RELEASES} + 1 + (i / 40) % {RELEASES}",
        "organisation_id": f"1 + (i * 13) % {ORGANISATIONS}", "author_id": f"1 + (i * 19) % {PEOPLE}",
        "outcome": "(ARRAY['works', 'works', 'partly', 'broken'])[1 + (i / 2) % 4]",
        "stage": "(ARRAY['lab', 'staging', 'production'])[1 + (i / 2) % 3]", "text": many("i * 17"),
        "reported_at": "now() - (i % 300) * interval '1 day'",
    })  # fmt: skip


def history(size: Size) -> None:
    """The lines of all this, the oldest first."""
    age = f"now() - ({size.contributions} - i) * interval '{1000 * 86_400 // size.contributions} seconds'"
    lines = {"contribution_id": "i", "component_id": f"1 + i % {COMPONENTS}", "revision_id": "i"}
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE contributions_event DISABLE TRIGGER USER")
    rows = f"generate_series(1, {size.contributions}) i"
    insert(Event, rows, lines | {"verb": "'received'", "at": age})
    insert(Event, f"{rows}, generate_series(1, {size.votes // size.contributions}) k", lines | {
        "verb": "'voted'", "at": age, "actor_id": f"1 + (i * 11 + k * 13) % {PEOPLE}", "text": "'+1'",
    })  # fmt: skip
    insert(Event, f"{rows}, generate_series(1, {size.comments // size.contributions}) k", lines | {
        "verb": "'commented'", "at": age, "actor_id": f"1 + (i * 17 + k) % {PEOPLE}",
    })  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE contributions_event ENABLE TRIGGER USER")
