"""The bill of materials of a build, as a CycloneDX 1.6 document: what it is made of, and which patches are inside."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Commit, Component, ComponentType, Diff, Patch, PatchClassification, Pedigree
from cyclonedx.model.issue import IssueClassification, IssueType
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cyclonedx.model.license import License

    from contributions.signing.builds import FinishedBuild, Made, Patch as Inside, Upstream

SECURITY = re.compile(r"\bCVE-\d{4}-\d{4,7}\b")
# Trailers and phrases by which trackers are told what a change mends: Closes-Bug: #123, Fixes #45, Bug: 2041521.
MENDED = re.compile(
    r"\b(?:closes-bug|partial-bug|related-bug|closes|fixes|resolves|bug)\s*[:#]\s*#?(\d{1,9})\b", re.IGNORECASE
)
PICKED = re.compile(r"^\(cherry picked from commit [0-9a-f]{7,64}\)", re.MULTILINE)
WHEEL = re.compile(r"(?P<name>[A-Za-z0-9._]+)-(?P<version>[A-Za-z0-9._!+]+)(-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl")


def bill_of(build: FinishedBuild) -> bytes:
    """The document as JSON; the same build gives the same bytes, its serial number included."""
    told = {name: value for name, value in asdict(build).items() if name != "stack" or value}
    whole = json.dumps(told, sort_keys=True, default=str)
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{build.url}\n{whole}"),
        metadata=BomMetaData(
            timestamp=build.finished.replace(microsecond=0),
            tools=ToolRepository(
                components=[Component(name="patchbay", version=build.version, type=ComponentType.APPLICATION)]
            ),
            component=_built(build),
        ),
    )
    bom.metadata.tools.components[0].bom_ref.value = "tool:patchbay"
    return (JsonV1Dot6(bom).output_as_string(indent=1) + "\n").encode()


def _built(build: FinishedBuild) -> Component:
    """What was built: the release with the patch inside, and the files that came out."""
    upstream = build.upstream
    return Component(
        bom_ref=build.url,
        type=ComponentType.APPLICATION,
        name=upstream.component,
        version=upstream.release,
        description=f"{upstream.name} {upstream.release}{_company(build)}",
        licenses=_licences(upstream.licence, *(patch.licence for patch in build.patches)),
        purl=_purl(upstream, build.commit),
        external_references=[
            ExternalReference(type=ExternalReferenceType.BUILD_META, url=XsUri(build.url)),
            ExternalReference(type=ExternalReferenceType.ATTESTATION, url=XsUri(f"{build.url}provenance.json")),
            ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(upstream.url)),
        ],
        pedigree=_pedigree(build),
        components=[_file(made, f"{build.url}#{made.name}") for made in build.made],
    )


def _company(build: FinishedBuild) -> str:
    if build.stack is not None:
        return f" with the stack {build.stack.name}"
    return f" with {build.patch.title}" if build.patch else ""


def _file(made: Made, ref: str) -> Component:
    return Component(
        bom_ref=ref,
        type=ComponentType.FILE,
        name=made.name,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=made.sha256)],
        purl=_purl_of_wheel(made.name.rpartition("/")[2]),
        external_references=[ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(made.url))],
    )


def _pedigree(build: FinishedBuild) -> Pedigree:
    upstream = build.upstream
    ancestor = Component(
        bom_ref=f"git+{upstream.url}@{upstream.commit}",
        type=ComponentType.APPLICATION,
        name=upstream.component,
        version=upstream.release,
        licenses=_licences(upstream.licence),
        purl=_purl(upstream, upstream.commit),
        pedigree=Pedigree(commits=[Commit(uid=upstream.commit)]),
    )
    if not build.patches:
        return Pedigree(ancestors=[ancestor])
    patches = [_patch(patch) for patch in build.patches]
    return Pedigree(ancestors=[ancestor], commits=[Commit(uid=build.commit)], patches=patches)


def _patch(patch: Inside) -> Patch:
    picked = PICKED.search(patch.words)
    return Patch(
        type=PatchClassification.CHERRY_PICK if picked else PatchClassification.UNOFFICIAL,
        diff=Diff(url=XsUri(f"{patch.url}#sha256={patch.sha256}")),
        resolves=[_contribution(patch), *_issues(f"{patch.title}\n{patch.words}")],
    )


def _contribution(patch: Inside) -> IssueType:
    """The contribution is where the change is argued for, so it stands among the issues that the patch resolves."""
    return IssueType(
        type=IssueClassification.ENHANCEMENT,
        id=f"#{patch.contribution} v{patch.revision}",
        name=patch.title,
        references=[XsUri(patch.contribution_url)],
    )


def _issues(words: str) -> Iterable[IssueType]:
    for name in sorted(set(SECURITY.findall(words))):
        yield IssueType(type=IssueClassification.SECURITY, id=name)
    for number in sorted(set(MENDED.findall(words)), key=int):
        yield IssueType(type=IssueClassification.DEFECT, id=number)


def _licences(*given: str) -> list[License]:
    """One expression for all of them, as a component may have no more than one."""
    named = list(dict.fromkeys(licence for licence in given if licence))
    if len(named) == 1:
        return [LicenseFactory().make_from_string(named[0])]
    return [LicenseFactory().make_from_string(" AND ".join(f"({name})" for name in named))] if named else []


def _purl(upstream: Upstream, commit: str) -> PackageURL:
    """pkg:github where upstream is there, else a generic one that names the repository and the commit."""
    parts = urlsplit(upstream.url)
    owner, _, name = parts.path.removesuffix(".git").strip("/").partition("/")
    if parts.hostname == "github.com" and name and commit == upstream.commit:
        return PackageURL("github", owner, name, version=commit)
    qualifiers = {"vcs_url": f"git+{upstream.url}@{commit}"}
    return PackageURL("generic", name=upstream.component, version=upstream.release, qualifiers=qualifiers)


def _purl_of_wheel(filename: str) -> PackageURL | None:
    """What a scanner of installed Python packages will call it."""
    wheel = WHEEL.fullmatch(filename)
    if wheel is None:
        return None
    return PackageURL("pypi", name=re.sub(r"[-_.]+", "-", wheel["name"]).lower(), version=wheel["version"])
