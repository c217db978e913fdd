"""Sharing something new and sending a new revision of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.core import signing
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from contributions.actions.sources import ArtifactFile, GitRef, Note, PatchFile
from contributions.models import Blob, Component, Contribution, Release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.actions.sources import Source, Upload

KIND_HINTS = {
    "refinement": "A fix to code that exists: a bug, a slow path, a wrong default.",
    "improvement": "A feature that the platform lacks.",
    "executable": "A file that you built yourself: a driver, a plugin, a package.",
    "experience": "A note from operations: what you saw, measured or learned.",
}
KEPT_HOURS = 24
MOST_KEPT = 20  # files of refused forms an hour and person
CHUNK = 1 << 16
FILE_FIELDS = {"patch": "kept_patch", "artifact": "kept_artifact"}


@dataclass(frozen=True)
class KeptFile:
    """A file that came with an earlier form; opened only while its bytes are read."""

    name: str
    blob: Blob

    def chunks(self) -> Iterator[bytes]:
        with self.blob.open() as content:
            yield from iter(lambda: content.read(CHUNK), b"")


class SourceForm(forms.Form):
    """The fields that tell where the bytes come from.

    A file that came with a form that was refused is kept, and its name and digest go round in a signed field: a
    browser cannot fill a file in again.
    """

    patch = forms.FileField(required=False, label=_("Patch file"))
    kept_patch = forms.CharField(required=False, widget=forms.HiddenInput)
    git_url = forms.CharField(required=False, label=_("Git address"), max_length=500)
    git_ref = forms.CharField(required=False, label=_("Branch, tag or commit"), max_length=255)
    artifact = forms.FileField(required=False, label=_("File"))
    kept_artifact = forms.CharField(required=False, widget=forms.HiddenInput)
    once = forms.CharField(required=False, widget=forms.HiddenInput, max_length=100, initial=uuid.uuid4)
    sha256 = forms.CharField(required=False, label=_("Its SHA-256, if you know it"), max_length=64)
    claims = forms.CharField(required=False, label=_("Built from"), max_length=30)

    def __init__(self, *args: Any, keeper: int, **given: Any) -> None:
        """`keeper` is the key of the person whose kept files may be used again."""
        super().__init__(*args, **given)
        self._keeper = keeper
        self._signer = signing.TimestampSigner(salt=f"kept file of {keeper}")

    def source(self, kind: str, description: str) -> Source:
        """What the action is to store, by what was filled in for this kind."""
        if kind == Contribution.Kind.EXPERIENCE:
            return Note(description)
        if kind == Contribution.Kind.EXECUTABLE:
            artifact = self._upload("artifact")
            if artifact is None:
                return Note(description)
            return ArtifactFile(artifact, self.cleaned_data["sha256"], self.cleaned_data["claims"])
        patch = self._upload("patch")
        if patch is not None:
            return PatchFile(patch)
        if self.cleaned_data["git_url"]:
            return GitRef(self.cleaned_data["git_url"].strip(), self.cleaned_data["git_ref"].strip() or "HEAD")
        return Note(description)

    def _upload(self, name: str) -> Upload | None:
        sent: Upload | None = self.cleaned_data[name]
        return sent or self._kept(name)

    def _kept(self, name: str) -> Upload | None:
        token = self.data.get(FILE_FIELDS[name], "")
        try:
            kept = self._signer.unsign_object(token, max_age=KEPT_HOURS * 3600)
        except signing.BadSignature:
            return None
        blob = Blob.objects.filter(pk=kept["sha256"]).first()
        return KeptFile(kept["name"], blob) if blob else None

    def keep_files(self, most: dict[str, int]) -> None:
        """Store the files that came along, so that the form can be sent again without choosing them anew."""
        data: dict[str, Any] = {name: self.data[name] for name in self.data}
        if self.files and not self._may_keep():
            return
        for name, field in FILE_FIELDS.items():
            sent = self.files.get(name)
            if sent is not None and 0 < (sent.size or 0) <= most[name]:
                blob = Blob.objects.keep(sent.chunks(), most=most[name])
                kept = {"name": sent.name, "sha256": blob.sha256}
                data[field] = self._signer.sign_object(kept)
        self.data = data

    def _may_keep(self) -> bool:
        """So many an hour for each person: what is refused again and again may not fill the disk."""
        key = f"kept-files-of-{self._keeper}"
        cache.add(key, 0, 3600)
        try:
            return cache.incr(key) <= MOST_KEPT
        except ValueError:  # it ran out this very moment
            return True

    @property
    def kept_names(self) -> dict[str, str]:
        """The names of kept files by field, to be shown beside the empty file inputs."""
        found = {name: self._kept(name) for name in FILE_FIELDS} if self.is_bound else {}
        return {name: str(file.name) for name, file in found.items() if file is not None}


def licence_choices() -> list[tuple[str, str]]:
    """What components take beside their own licence, each with the names of those that do."""
    takers: dict[str, list[str]] = {}
    for name, licences in Component.objects.exclude(accepted_licences=[]).values_list("name", "accepted_licences"):
        for licence in licences:
            takers.setdefault(licence, []).append(name)
    taken = [(licence, f"{licence} (for {', '.join(names)})") for licence, names in sorted(takers.items())]
    return [("", "The component's own"), *taken]


class SubmitForm(SourceForm):
    component = forms.ModelChoiceField(Component.objects.all(), to_field_name="slug", empty_label="Choose a component")
    kind = forms.ChoiceField(choices=Contribution.Kind, widget=forms.RadioSelect)
    title = forms.CharField(max_length=1000, required=False)
    description = forms.CharField(required=False, widget=forms.Textarea, strip=False)
    fixes = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), label=_("Fixes"))
    tests = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2}), label=_("How to see that it works")
    )
    release = forms.ModelChoiceField(
        Release.objects.supported().select_related("component"), to_field_name="slug", required=False
    )
    holds_for = forms.ModelMultipleChoiceField(
        Release.objects.supported().select_related("component"), to_field_name="slug", required=False
    )
    licence = forms.ChoiceField(required=False, choices=licence_choices)


class ReviseForm(SourceForm):
    release = forms.ModelChoiceField(Release.objects.none(), to_field_name="slug", required=False)
    description = forms.CharField(required=False, widget=forms.Textarea, strip=False, label=_("The note"))
    holds_for = forms.ModelMultipleChoiceField(
        Release.objects.none(), to_field_name="slug", required=False, widget=forms.CheckboxSelectMultiple
    )
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}), label=_("What changed"))

    def __init__(self, *args: Any, contribution: Contribution, **given: Any) -> None:
        super().__init__(*args, **given)
        releases = contribution.component.releases.supported().select_related("component")
        self.fields["release"].queryset = releases  # type: ignore[attr-defined]
        self.fields["holds_for"].queryset = releases.newest_first()  # type: ignore[attr-defined]


class PortForm(SourceForm):
    release = forms.ModelChoiceField(
        Release.objects.none(), to_field_name="slug", label=_("To release"), empty_label=_("Choose a release")
    )
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}), label=_("What you had to change"))

    def __init__(self, *args: Any, contribution: Contribution, **given: Any) -> None:
        super().__init__(*args, **given)
        releases = contribution.component.releases.supported().select_related("component").newest_first()
        self.fields["release"].queryset = releases  # type: ignore[attr-defined]


class TransferForm(forms.Form):
    to = forms.CharField(
        max_length=150, label=_("To"), widget=forms.TextInput(attrs={"list": "takers", "autocomplete": "off"})
    )


class JoinForm(forms.Form):
    into = forms.IntegerField(label=_("Number of the other one"), min_value=1, max_value=2**31)
    text = forms.CharField(
        required=False, label=_("What you add to it"), widget=forms.Textarea(attrs={"rows": 3}), strip=False
    )


class TagsForm(forms.Form):
    tags = forms.CharField(
        required=False, max_length=400, label=_("Tags"), widget=forms.TextInput(attrs={"list": "known-tags"})
    )


def grouped_releases(slug: str = "") -> dict[Component, list[Release]]:
    """The supported releases by component, newest first; of one component when its slug is given."""
    releases = Release.objects.supported().select_related("component").newest_first()
    groups: dict[Component, list[Release]] = {}
    for release in releases.filter(component__slug=slug) if slug else releases:
        groups.setdefault(release.component, []).append(release)
    return groups
