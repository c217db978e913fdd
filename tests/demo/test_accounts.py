import stat
from pathlib import Path

import pytest

from contributions.models import Event, Organisation, Person
from demo import plan
from demo.accounts import Accounts

pytestmark = pytest.mark.django_db


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(tmp_path / "accounts.json", "http://127.0.0.1:1")


def test_everybody_gets_an_account_and_an_organisation(accounts: Accounts) -> None:
    made = accounts.make_people()
    assert len(made) == Person.objects.count() == 8
    assert {company.name for company in plan.companies()} == set(Organisation.objects.values_list("name", flat=True))
    assert Person.objects.get(username="operator-a-on-call").organisation == Organisation.objects.get(name="Operator A")
    assert Organisation.objects.get(name="Platform vendor").kind == Organisation.Kind.VENDOR
    assert all(person.check_password(accounts.password) for person in Person.objects.all())
    assert Person.objects.get(username="site-staff").is_superuser


def test_a_second_time_makes_nobody(accounts: Accounts, tmp_path: Path) -> None:
    accounts.make_people()
    lines = Event.objects.count()
    assert Accounts(tmp_path / "accounts.json", "http://127.0.0.1:1").make_people() == []
    assert Event.objects.count() == lines


def test_a_lost_file_gives_everybody_a_new_password(accounts: Accounts, tmp_path: Path) -> None:
    accounts.make_people()
    (tmp_path / "accounts.json").unlink()
    fresh = Accounts(tmp_path / "accounts.json", "http://127.0.0.1:1")
    assert fresh.make_people() == []
    assert fresh.password != accounts.password
    assert all(person.check_password(fresh.password) for person in Person.objects.all())


def test_password_and_tokens_are_for_their_owner_only(accounts: Accounts, tmp_path: Path) -> None:
    accounts.make_people()
    accounts.client("operator-a")
    kept = tmp_path / "accounts.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    tokens = Person.objects.get(username="operator-a").tokens
    again = Accounts(kept, "http://127.0.0.1:1")
    again.client("operator-a")
    assert tokens.count() == 1
