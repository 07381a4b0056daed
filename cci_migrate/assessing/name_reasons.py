"""Why a fix writes its names, which evidence it ignores, and which alternatives there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cci_migrate.assessing.account_wording import credential_names
from cci_migrate.assessing.context_conventions import ContextOrigin
from cci_migrate.assessing.evidence import Evidence, Refusal, Use
from cci_migrate.assessing.image_states import Proposed
from cci_migrate.findings import NameReason
from cci_migrate.policy.settings import Policy, RegistryCredential
from cci_migrate.wording import shortened

_VERBS = {
    Use.IMAGE: "has them",
    Use.MISPLACED: "has them in the wrong place",
    Use.LOGIN_BEFORE_PULL: "logs in",
    Use.LOGIN: "logs in",
    Use.LOGIN_BEFORE_PUSH: "logs in",
    Use.DECLARED_AUTH: "declares them",
    Use.DECLARED_LOGIN: "logs in",
    Use.SIBLING: "has them",
}


def name_reason(
    proposed: Proposed, host: str, evidence: Iterable[Evidence], policy: Policy
) -> NameReason:
    """The reason why pulls from ``host`` get the names of ``proposed``, given all ``evidence``."""
    of_host = [item for item in evidence if item.host == host]
    names = credential_names(proposed.credential)
    ignored = tuple(dict.fromkeys(_ignored([*proposed.passed_over, *of_host], proposed)))
    others = tuple(_alternatives(of_host, proposed, host, policy))
    if not proposed.evidence:
        return NameReason(
            names, Use.POLICY.value, "the policy's names", None, None, ignored, others
        )
    first = proposed.evidence[0]
    text = f"as {first.place.owner} {_VERBS[first.use]}, line {first.place.line}"
    if first.use is Use.SIBLING:
        text = f"as {first.place.owner} in {first.place.path} does, line {first.place.line}"
    elif len(proposed.evidence) > 1:
        text += f", and {len(proposed.evidence) - 1} more"
    place = first.place
    return NameReason(names, first.use.value, text, place.path, place.line, ignored, others)


def _ignored(evidence: Sequence[Evidence], proposed: Proposed) -> Iterator[str]:
    """The ignored evidence with reasons; equal ones of several jobs or lines are combined."""
    first_lines: dict[tuple[str, str, str], int] = {}
    owners: dict[tuple[str, int, str], list[str]] = {}
    for item in evidence:
        if item.refusal in (None, Refusal.NO_NAMES) or item.credential == proposed.credential:
            continue
        names = "" if item.credential is None else f"{credential_names(item.credential)} of "
        owner, because = item.place.owner, item.because
        line = first_lines.setdefault((names, owner, because), item.place.line)
        others = owners.setdefault((names, line, because), [])
        if owner not in others:
            others.append(owner)
    for (names, line, because), by in owners.items():
        yield f"{names}{shortened(by, 1)}, line {line}: {because}"
    if not proposed.evidence:
        yield from _siblings_not_followed(
            [item for item in evidence if item.use is Use.SIBLING and item.credential]
        )


def _siblings_not_followed(evidence: Sequence[Evidence]) -> Iterator[str]:
    """Why the names of no other config of the repository were used, if there are any."""
    by_credential = {item.credential: item for item in evidence}
    places = [
        f"{credential_names(credential)} ({item.place.path}, line {item.place.line})"
        for credential, item in by_credential.items()
        if credential is not None
    ]
    few = shortened(places, _FEW)
    if len(places) > 1:
        yield f"{few}: the other configs have different names"
    elif any(
        item.convention and item.convention.origin is ContextOrigin.UNKNOWN for item in evidence
    ):
        yield f"{few}: can't determine which of its contexts provides them"


#: The names of at most this many configs are listed.
_FEW = 3


def _alternatives(
    evidence: Sequence[Evidence], proposed: Proposed, host: str, policy: Policy
) -> Iterator[RegistryCredential]:
    seen = {proposed.credential}
    registry = policy.registry_for(host)
    usable = [item.credential for item in evidence if item.allows(item.jobs)]
    for credential in (*usable, *(() if registry is None else registry.credentials)):
        if credential is not None and credential not in seen:
            seen.add(credential)
            yield credential
