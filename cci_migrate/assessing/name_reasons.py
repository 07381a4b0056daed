"""Why a fix writes the names that it does, what was not followed, and what else could be meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cci_migrate.assessing.account_wording import credential_names
from cci_migrate.assessing.context_conventions import ContextOrigin
from cci_migrate.assessing.conventions import policy_for
from cci_migrate.assessing.evidence import Evidence, Refusal, Use
from cci_migrate.assessing.image_states import Wanted
from cci_migrate.findings import NameReason
from cci_migrate.policy.model import Policy, RegistryCredential

_VERBS = {
    Use.IMAGE: "has them",
    Use.MISPLACED: "has them in the wrong place",
    Use.LOGIN_BEFORE_PULL: "logs in",
    Use.LOGIN: "logs in",
    Use.LOGIN_BEFORE_PUSH: "logs in",
    Use.DECLARED_AUTH: "declares them",
    Use.DECLARED_LOGIN: "logs in",
    Use.SIBLING: "has them",
    Use.POLICY: "has them",
}


def name_reason(
    wanted: Wanted, host: str, evidence: Iterable[Evidence], policy: Policy
) -> NameReason:
    """Why pulls from ``host`` get the names of ``wanted``."""
    of_host = [one for one in evidence if one.host == host]
    names = credential_names(wanted.credential)
    ignored = tuple(dict.fromkeys(_ignored([*wanted.passed_over, *of_host], wanted)))
    others = tuple(_alternatives(of_host, wanted, host, policy))
    if not wanted.evidence:
        return NameReason(
            names, Use.POLICY.value, "the policy's names", None, None, ignored, others
        )
    first = wanted.evidence[0]
    text = f"as {first.place.owner} {_VERBS[first.use]}, line {first.place.line}"
    if first.use is Use.SIBLING:
        text = f"as {first.place.owner} in {first.place.path} does, line {first.place.line}"
    elif len(wanted.evidence) > 1:
        text += f", and {len(wanted.evidence) - 1} more"
    place = first.place
    return NameReason(names, first.use.value, text, place.path, place.line, ignored, others)


def _ignored(evidence: Sequence[Evidence], wanted: Wanted) -> Iterator[str]:
    """What is not followed and why; what several jobs or lines share, by the first of them."""
    first_lines: dict[tuple[str, str, str], int] = {}
    owners: dict[tuple[str, int, str], list[str]] = {}
    for shown in evidence:
        if shown.refusal in (None, Refusal.NO_NAMES) or shown.credential == wanted.credential:
            continue
        names = "" if shown.credential is None else f"{credential_names(shown.credential)} of "
        owner, because = shown.place.owner, shown.because
        line = first_lines.setdefault((names, owner, because), shown.place.line)
        others = owners.setdefault((names, line, because), [])
        if owner not in others:
            others.append(owner)
    for (names, line, because), (first, *others) in owners.items():
        more = f" and {len(others)} more" if others else ""
        yield f"{names}{first}{more}, line {line}: {because}"
    if not wanted.evidence:
        yield from _siblings_not_followed(
            [shown for shown in evidence if shown.use is Use.SIBLING and shown.credential]
        )


def _siblings_not_followed(evidence: Sequence[Evidence]) -> Iterator[str]:
    """Why the names of no other config of the repository were taken."""
    shown = {one.credential: one for one in evidence}
    places = [
        f"{credential_names(credential)} ({one.place.path}, line {one.place.line})"
        for credential, one in shown.items()
        if credential is not None
    ]
    few = ", ".join(places[:_FEW])
    if len(places) > _FEW:
        few += f" and {len(places) - _FEW} more"
    if len(places) > 1:
        yield f"{few}: the other configs have different names"
    elif any(one.kept and one.kept.origin is ContextOrigin.UNKNOWN for one in evidence):
        yield f"{few}: which of its contexts provides them can't be determined"


#: Of so many configs the names are shown.
_FEW = 3


def _alternatives(
    evidence: Sequence[Evidence], wanted: Wanted, host: str, policy: Policy
) -> Iterator[RegistryCredential]:
    seen = {wanted.credential}
    registry = policy_for(host, policy)
    usable = [one.credential for one in evidence if one.allows(one.jobs)]
    for credential in (*usable, *(() if registry is None else registry.credentials)):
        if credential is not None and credential not in seen:
            seen.add(credential)
            yield credential
