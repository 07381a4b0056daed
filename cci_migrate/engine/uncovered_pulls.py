"""Notes on the pulls that the policy has no credentials for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from cci_migrate.assessing.account_wording import account_uses
from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.image_states import NotCovered
from cci_migrate.assessing.step_states import WHY_NO_LOGIN, NoPassword
from cci_migrate.docker.login_keys import pull_key
from cci_migrate.docker.registries import normalise_host
from cci_migrate.wording import counted


def notes_on_uncovered_pulls(assessment: Assessment) -> Iterator[str]:
    """What to know of images, and of pulls in steps, that stay without credentials."""
    yield from _of_images(assessment)
    yield from _of_steps(assessment)


def _of_images(assessment: Assessment) -> Iterator[str]:
    uncovered = Counter(
        (assessed.state.host, assessed.state.unknown)
        for assessed in assessment.images
        if isinstance(assessed.state, NotCovered)
    )
    for (host, unknown), count in sorted(uncovered.items()):
        images = f"1 image of {host} is" if count == 1 else f"{count} images of {host} are"
        convention = assessment.conventions.get(host)
        others = ""
        if convention is not None and convention.accounts:
            others = f" Other images of it use {account_uses(convention.accounts)}."
        if unknown:
            yield (
                f"{images} not checked: CircleCI may have credentials for it in variables of the "
                f"project or a context.{others}"
            )
        else:
            yield f"{images} not covered: the policy has no credentials for it.{others}"


def _of_steps(assessment: Assessment) -> Iterator[str]:
    pulls: dict[tuple[str, bool], set[tuple[str, str]]] = defaultdict(set)
    for docker in assessment.dockers.all():
        for pull in docker.pulls:
            for host, state in assessment.logins.step_states(docker, pull):
                if host is not None and isinstance(state, NotCovered | NoPassword):
                    key = (normalise_host(host), isinstance(state, NotCovered))
                    pulls[key].update(
                        (docker.job.name, text)
                        for text in pull.texts
                        if pull_key(text) == host and not assessment.policy.exempts(text)
                    )
    for (host, is_unknown_to_policy), texts in sorted(pulls.items()):
        images = f"{counted(len(texts), 'image')} of {host}"
        if is_unknown_to_policy:
            yield (
                f"Steps pull {images} without a login: the policy has no credentials for it. "
                "Public images need none."
            )
        else:
            yield (
                f"Steps pull {images} without a visible login: {WHY_NO_LOGIN}. Log in "
                "in an earlier step."
            )
