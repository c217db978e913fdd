from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from contributions.sandbox.ways import read_rule
from portal import settings
from portal.environment import LIVELINESS, Environment, UnusableSetting, database_from, mail_from
from portal.secret import secret_key

ROOT = Path(settings.BASE_DIR)
DOCUMENTED = re.compile(r"^\| `([A-Z_]+)`", re.MULTILINE)


def manage(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings", **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_setting_that_nobody_knows_stops_the_start_with_a_sentence() -> None:
    done = manage("check", PATCHBAY_MAX_PATHC_BYTES="1")
    assert done.returncode == 1
    assert done.stderr == "There is no setting PATCHBAY_MAX_PATHC_BYTES; docs/configuration.md lists those there are.\n"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PATCHBAY_HTTPS", "maybe", "PATCHBAY_HTTPS must be 1 or 0, not “maybe”."),
        ("PATCHBAY_ATTEMPTS", "many", "PATCHBAY_ATTEMPTS must be a whole number, not “many”."),
        ("PATCHBAY_ATTEMPTS", "0", "PATCHBAY_ATTEMPTS must be at least 1, not 0."),
        ("PORT", "70000", "PORT must be from 1 to 65535, not 70000."),
        ("PATCHBAY_VAR", "somewhere", "PATCHBAY_VAR must be a path from the root, not “somewhere”."),
        ("PATCHBAY_LOG_LEVEL", "LOUD", "PATCHBAY_LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, not “LOUD”."),
        ("DATABASE_URL", "mysql://db/patchbay", "DATABASE_URL must begin with postgresql://"),
        ("PATCHBAY_EMAIL_URL", "pigeon://loft", "PATCHBAY_EMAIL_URL must be console: or smtp://"),
    ],
)
def test_an_unusable_value_stops_the_start_with_a_sentence(name: str, value: str, sentence: str) -> None:
    done = manage("check", **{name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert "Traceback" not in done.stderr


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    documented = DOCUMENTED.findall((ROOT / "docs" / "configuration.md").read_text())
    assert sorted(documented) == sorted(settings.environment.asked | {"XDG_RUNTIME_DIR"})


def test_words_and_pairs_are_read_from_lists() -> None:
    environment = Environment({"LIST": " a, b ,,c", "PAIRS": "A=1,B=x=y"})
    assert environment.words("LIST") == ["a", "b", "c"]
    assert environment.pairs("PAIRS") == {"A": "1", "B": "x=y"}
    with pytest.raises(UnusableSetting, match="must hold NAME=VALUE pairs"):
        Environment({"PAIRS": "A"}).pairs("PAIRS")


@pytest.mark.parametrize(
    "word", ["pypi.org", "*", "*.example.org", "mirror:8080", "mirror:8080=10.1.2.3", "[2001:db8::1]:80"]
)
def test_hosts_are_words(word: str) -> None:
    assert Environment({"HOSTS": f"a.test,{word}"}).hosts("HOSTS") == ["a.test", word]
    assert read_rule(word)


@pytest.mark.parametrize("word", ["http://pypi.org", "pypi.org/simple", "*pypi.org", "a b", "mirror:http"])
def test_an_unusable_host_is_named(word: str) -> None:
    with pytest.raises(UnusableSetting, match=f"HOSTS must name hosts, .* not “{re.escape(word)}”"):
        Environment({"HOSTS": word}).hosts("HOSTS")


def test_a_proxy_is_a_plain_url() -> None:
    assert Environment({"PROXY": "http://me:pw@proxy.test:3128"}).proxy("PROXY") == "http://me:pw@proxy.test:3128"
    assert not Environment({}).proxy("PROXY")
    for url in ("proxy.test:3128", "https://proxy.test:3128", "http://proxy.test", "http://proxy.test:1/path"):
        with pytest.raises(UnusableSetting, match="PROXY must be http://host:port of a proxy"):
            Environment({"PROXY": url}).proxy("PROXY")


def test_a_database_is_read_from_its_url() -> None:
    found = database_from("postgresql://us%40er:p%2Fw@db.example:5433/patchbay?sslmode=require")
    assert found["NAME"] == "patchbay"
    assert (found["USER"], found["PASSWORD"]) == ("us@er", "p/w")
    assert (found["HOST"], found["PORT"]) == ("db.example", "5433")
    assert found["OPTIONS"] == LIVELINESS | {"sslmode": "require"}
    assert database_from("postgresql:///patchbay?host=/run/postgresql")["OPTIONS"] == {}, "a socket has no wire to cut"
    assert database_from("postgresql://db.example/patchbay?keepalives_idle=7")["OPTIONS"]["keepalives_idle"] == "7"


def test_a_database_may_be_on_a_socket() -> None:
    found = database_from("postgres:///patchbay?host=/run/postgresql&user=me")
    assert (found["HOST"], found["USER"], found["NAME"], found["PORT"]) == ("/run/postgresql", "me", "patchbay", "")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://db", "must name a database"),
        ("postgresql://db:port/patchbay", "has an unusable port"),
        ("postgresql://[db/patchbay", "is not a URL"),
    ],
)
def test_an_unusable_database_is_told_in_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(UnusableSetting, match=sentence):
        database_from(url)


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail", 25, False, False),
        ("smtp+tls://mail", 587, True, False),
        ("smtps://mail:4650", 4650, False, True),
    ],
)
def test_mail_is_read_from_its_url(url: str, port: int, *, tls: bool, ssl: bool) -> None:
    found = mail_from(url)
    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (port, tls, ssl)


def test_the_secret_key_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "var" / "secret_key"
    key = secret_key(file)
    assert len(key) > 80
    assert secret_key(file) == key
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_damaged_secret_key_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("short")
    with pytest.raises(UnusableSetting, match="holds no usable key"):
        secret_key(tmp_path / "secret_key")
