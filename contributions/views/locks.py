"""Locks of a stack: what is in them, what became of it since, what can be downloaded, and a branch to fetch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from contributions.errors import Missing
from contributions.models import Lock
from contributions.models.checkup import check

from .files import served
from .paging import page
from .stacks import find

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from contributions.models import Blob

TEXTS = ("patchbay.lock.json", "stack.mbox")  # shown in the browser, as plain text
WHO = 'Basic realm="Patchbay: any name, and an API token as the password"'
BRANCH = "refs/heads/stack"


@require_safe
def locks(request: HttpRequest, number: int) -> HttpResponse:
    stack = find(request, number)
    rows = Lock.objects.known_to(request.user).filter(stack=stack).select_related("assembly__release", "build")
    return render(request, "stack/locks.html", {"stack": stack, "page": page(request, rows, ("-number",))})


@require_safe
def lock(request: HttpRequest, number: int, serial: int) -> HttpResponse:
    found = _found(request, number, serial)
    read = json.loads(found.content.read())
    context = {
        "stack": found.stack,
        "lock": found,
        "read": read,
        "checkup": check(read, request.user),
        "built": _built(read),
        "site": request.build_absolute_uri("/").removesuffix("/"),
        "is_public": _is_public(found),
    }
    return render(request, "stack/lock.html", context)


@require_safe
def lock_file(request: HttpRequest, number: int, serial: int, name: str) -> HttpResponseBase:
    found = _found(request, number, serial)
    blob = found.files.get(name)
    if blob is None:
        raise Missing("This lock has no such file: nothing was laid onto the release.")
    named = name if name in TEXTS else f"stack-{number}-{serial}-{name}"
    return served(request, blob, named, public=_is_public(found), text=name in TEXTS)


def _built(read: dict[str, Any]) -> list[dict[str, Any]]:
    """The files of its build, with their addresses."""
    files = read["build"]["artifacts"] if read["build"] else []
    return [file | {"url": reverse("file", args=[file["sha256"], file["name"].rpartition("/")[2]])} for file in files]


def _found(request: HttpRequest, number: int, serial: int) -> Lock:
    found = Lock.objects.known_to(request.user).with_files().filter(stack=number, number=serial).first()
    if found is None:
        raise Missing("There is no such lock, or it names something that you may not see, or not any more.")
    return found


def _is_public(lock: Lock) -> bool:
    return Lock.objects.known_to(AnonymousUser()).filter(pk=lock.pk).exists()


@require_safe
def branch(request: HttpRequest, number: int, serial: int, path: str) -> HttpResponseBase:
    """A repository that holds the commits of a stack alone, as git fetches it from a server that knows no git.

    Whoever says not who they are is asked, whether or not there is such a stack.
    """
    rows = Lock.objects.known_to(request.user).with_files().filter(stack=number, assembly__number=serial)
    found = rows.exclude(pack=None).order_by("number").first()
    if found is None:
        return _unknown(request)
    said = _said(found, path)
    if said is not None:
        return HttpResponse(said, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})
    blob = _packed(found, path)
    if blob is None:
        return _nothing(404, "There is no such file in this repository.\n")
    return served(request, blob, path.rpartition("/")[2], public=_is_public(found))


def _said(found: Lock, path: str) -> str | None:
    return {
        "HEAD": f"ref: {BRANCH}\n",
        "info/refs": f"{found.assembly.commit}\t{BRANCH}\n",
        "objects/info/packs": f"P pack-{found.pack_name}.pack\n\n",
    }.get(path)


def _packed(found: Lock, path: str) -> Blob | None:
    name = f"objects/pack/pack-{found.pack_name}"
    return {f"{name}.pack": found.pack, f"{name}.idx": found.pack_index}.get(path)


def _unknown(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return _nothing(404, "There is no such stack, or you may not see it.\n")
    response = _nothing(401, "Say who you are: any name, and an API token with the scope “read” as the password.\n")
    response.headers["WWW-Authenticate"] = WHO
    return response


def _nothing(status: int, sentence: str) -> HttpResponse:
    """Plain words; git asks for many files that need not be there, and nobody reads of each in the log."""
    response = HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - Django's own word for it
    return response
