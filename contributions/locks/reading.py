"""Reading a lock file that anybody may have written: bounded, strict, and refused in a sentence."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from contributions.errors import Invalid, TooLarge

from .form import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LARGEST = 2 << 20  # bytes; 200 entries of many commits take a tenth of it
LONGEST_NUMBER = 20  # digits; int() takes time by the square
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None),
}  # fmt: skip


def read_lock(raw: bytes) -> dict[str, Any]:
    """The lock in these bytes. Raises TooLarge, or Invalid with what is wrong and where."""
    if len(raw) > LARGEST:
        raise TooLarge(f"A lock file may have {LARGEST:,} bytes.")
    try:
        found = json.loads(
            raw.decode(), object_pairs_hook=_once, parse_int=_integer, parse_float=_no_number, parse_constant=_no_number
        )
    except UnicodeDecodeError:
        raise Invalid("A lock file is UTF-8, and this is not.") from None
    except RecursionError:
        raise Invalid("The JSON is nested too deeply.") from None
    except ValueError as problem:
        raise Invalid(f"This is not JSON: {problem}.") from None
    try:
        hold(found, SCHEMA, "the lock")
    except Invalid as refusal:
        raise Invalid(refusal.sentence[0].upper() + refusal.sentence[1:]) from None
    return dict(found)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of two fields of one name, readers do not agree which one counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("The lock names a field twice.")
    return found


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise Invalid("The lock holds a number that is too large.")
    return int(digits)


def _no_number(text: str) -> Any:
    raise Invalid(f"The lock holds {text[:20]}, and has whole numbers alone.")


def hold(value: Any, form: dict[str, Any], where: str) -> None:
    """Hold the value against the words of JSON Schema that the form of a lock uses. Raises Invalid."""
    if "anyOf" in form:
        form = _meant(value, form["anyOf"])
    if "const" in form and (value != form["const"] or type(value) is not type(form["const"])):
        raise Invalid(f"{where} must be {json.dumps(form['const'])}.")
    if "enum" in form and value not in form["enum"]:
        raise Invalid(f"{where} must be one of {', '.join(form['enum'])}.")
    kind = form.get("type")
    if kind is None:
        return
    if not isinstance(value, TYPES[kind]) or (kind == "integer" and isinstance(value, bool)):
        raise Invalid(f"{where} must be {'an' if kind[0] in 'aeio' else 'a'} {kind}.")
    if kind in HOLDERS:
        HOLDERS[kind](value, form, where)


def _meant(value: Any, forms: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of a form and “or null”, the one that the value is meant to have."""
    return next(form for form in forms if (form.get("type") == "null") == (value is None))


def _hold_object(value: dict[str, Any], form: dict[str, Any], where: str) -> None:
    for name in form["required"]:
        if name not in value:
            raise Invalid(f"{where} lacks “{name}”.")
    for name in value:
        if name not in form["properties"]:
            raise Invalid(f"{where} has a field “{_shown(name)}”, which this version of the portal does not know.")
    for name, inner in form["properties"].items():
        hold(value[name], inner, f"“{name}” of {where}")


def _hold_array(value: list[Any], form: dict[str, Any], where: str) -> None:
    if len(value) > form["maxItems"]:
        raise Invalid(f"{where} has {len(value):,} items, and {form['maxItems']:,} is the most.")
    for place, item in enumerate(value, 1):
        hold(item, form["items"], f"item {place} of {where}")


def _hold_string(value: str, form: dict[str, Any], where: str) -> None:
    if len(value) > form.get("maxLength", LARGEST):
        raise Invalid(f"{where} is longer than {form['maxLength']:,} characters.")
    if len(value) < form.get("minLength", 0):
        raise Invalid(f"{where} is empty.")
    if any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in value):
        raise Invalid(f"{where} holds what is no character.")
    if "pattern" in form and not re.fullmatch(form["pattern"].removeprefix("^").removesuffix("$"), value):
        raise Invalid(f"{where} is not of the form that it must have.")


def _hold_integer(value: int, form: dict[str, Any], where: str) -> None:
    if value < form.get("minimum", value) or value > form.get("maximum", value):
        raise Invalid(f"{where} is out of range.")


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:60])


HOLDERS: dict[str, Callable[[Any, dict[str, Any], str], None]] = {
    "object": _hold_object, "array": _hold_array, "string": _hold_string, "integer": _hold_integer,
}  # fmt: skip
