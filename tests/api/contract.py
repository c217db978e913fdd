"""Holds an answer of the API against its own schema: the status, the type and every field must be written there."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.test import Client
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from django.http import HttpResponse

EVERYWHERE = {"404"}  # an address that leads nowhere has no operation, and still answers with a problem


@functools.cache
def schema() -> dict[str, Any]:
    document: dict[str, Any] = Client().get("/api/v1/schema/").json()
    return document


@functools.cache
def closed_components() -> dict[str, Any]:
    """The schema's components where an object may have no field that is not written down."""
    components: dict[str, Any] = json.loads(json.dumps(schema()["components"]))
    for shape in components["schemas"].values():
        if "properties" in shape:
            shape["additionalProperties"] = False
    return components


@functools.cache
def validator_of(shape: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(shape), "components": closed_components()})


@functools.cache
def operation_at(method: str, path: str) -> dict[str, Any] | None:
    """The operation that the schema has for this path; fixed words win over parameters."""
    for template in sorted(schema()["paths"], key=lambda template: template.count("{")):
        pattern = re.sub(r"\\{(\w+)\\}", r"[^/]+", re.escape(template))
        if re.fullmatch(pattern, path):
            found: dict[str, Any] | None = schema()["paths"][template].get(method.lower())
            return found
    return None


def hold_against_schema(method: str, address: str, response: HttpResponse) -> None:
    path, status = urlsplit(address).path, str(response.status_code)
    operation = operation_at(method.lower().replace("head", "get"), path)
    if path.endswith("/schema/"):
        return
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if operation is None:
        assert status in {"404", "405", "400", "401", "403", "413"}, (method, path, status)
        assert kind == "application/problem+json"
        written = {"schema": {"$ref": "#/components/schemas/Problem"}}
    else:
        responses = operation["responses"]
        assert status in responses or response.status_code >= 400, (method, path, status, response.content[:500])
        documented = responses.get(status, responses["default"]).get("content")
        if documented is None:
            assert not response.content
            return
        assert kind in documented, (method, path, status, kind)
        written = documented[kind]
    if kind.endswith("json") and method.lower() != "head":
        validator = validator_of(json.dumps(written["schema"]))
        wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(response.json())]
        assert not wrong, (method, path, status, wrong[:5])
