from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings, strategies as st

from tests import factories
from tests.api.conftest import make_owned_webhook
from tests.api.contract import schema

if TYPE_CHECKING:
    from tests.api.conftest import Scene

pytestmark = pytest.mark.django_db
FUZZED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["works", "lab", "4.7.0", "swiftclient", "approve", "experience", "\x00", "\ud800", "", "9" * 99])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def bodies() -> dict[tuple[str, str], list[str]]:
    """Per writing operation that takes JSON, the names of its fields."""
    found = {}
    for path, operations in schema()["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}) if method != "parameters" else {}
            if "application/json" in content:
                name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
                found[method, path] = sorted(schema()["components"]["schemas"][name]["properties"])
    return found


def queries() -> list[tuple[str, str]]:
    """Each parameter of each query string."""
    return [
        (path, parameter["name"])
        for path, operations in schema()["paths"].items()
        for parameter in operations.get("get", {}).get("parameters", [])
        if parameter["in"] == "query"
    ]


def filled(path: str, scene: Scene) -> str:
    number = scene.build.pk if "/builds/" in path else scene.contribution.pk
    if "/publications/" in path:
        number = scene.contribution.current.publications.get().pk
    if "/artifacts/" in path:
        number = scene.build.artifacts.get().pk
    if "/organisations/{slug}/" in path:
        webhook = scene.author.organisation.webhooks.first() or make_owned_webhook(scene.author)
        path, number = path.replace("{slug}", webhook.organisation.slug), webhook.pk
        path = path.replace("{delivery}", str(webhook.deliveries.get().pk))
    if "v1/comments/" in path:
        number = factories.make_comment(scene.contribution).pk
    if "v1/remarks/" in path:
        number = factories.make_remark(scene.contribution.current).pk
    if "v1/stacks/{" in path:
        number = factories.make_stack(scene.contribution, author=scene.author).pk
    if "v1/forks/" in path:
        number = factories.make_fork(scene.author).pk
    if "/advisories/" in path:
        number = factories.make_advisory(scene.contribution.current).pk
    path = path.replace("{number}", str(number)).replace("{revision}", "1").replace("{slug}", "swiftclient")
    return re.sub(r"\{\w+\}", "0", path)  # a part that mostly names nothing


@pytest.mark.attack("W21")
@FUZZED
@given(data=st.data())
def test_no_body_is_a_fault_of_ours(published: Scene, data: st.DataObject) -> None:
    (method, path), names = data.draw(st.sampled_from(sorted(bodies().items())))
    fields = st.dictionaries(st.sampled_from(names) | st.text(max_size=5), VALUES, max_size=len(names))
    body: Any = data.draw(fields | VALUES)
    person = data.draw(st.sampled_from([published.author, published.maintainer]))
    with transaction.atomic():
        response = published.tokened(person).call(method, filled(path, published), body)
        transaction.set_rollback(True)
    assert response.status_code < 500, (method, path, body)


@pytest.mark.attack("W21")
@FUZZED
@given(data=st.data())
def test_no_query_is_a_fault_of_ours(published: Scene, data: st.DataObject) -> None:
    path, name = data.draw(st.sampled_from(queries()))
    value = data.draw(SCALARS.map(str))
    text = quote(value.encode("utf-8", "surrogatepass"))
    response = published.tokened(published.author).get(f"{filled(path, published)}?{name}={text}")
    fine = {200, 400} if path.count("{") == 1 and "/forecast/" not in path else {200, 400, 404}
    assert response.status_code in fine, (path, name, value)
