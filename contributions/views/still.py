"""The page behind the link of a letter that asks whether something still runs; one press answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from contributions.actions import renewing

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def still(request: HttpRequest, token: str) -> HttpResponse:
    """Looking changes nothing, so that no scanner of mail answers for anybody; whose report it is stands nowhere."""
    report = renewing.report_of(token)
    context = {"report": report, "contribution": report.contribution, "answers": renewing.ANSWERS.items()}
    if request.method == "POST":
        renewing.answer_by_link(token=token, answer=request.POST.get("answer", ""))
        context["answered"] = renewing.ANSWERS[request.POST["answer"]]
    return render(request, "still.html", context)
