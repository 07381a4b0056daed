"""Notes on the pulls that the policy has no credentials for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cci_migrate.assessing.account_wording import account_uses
from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import policy_for
from cci_migrate.assessing.image_states import NotCovered
from cci_migrate.circleci.step_pulls import JobDocker, StepPull
from cci_migrate.docker.image_reference import normalise_host
from cci_migrate.docker.login_keys import pull_key
from cci_migrate.docker.registries import registry_at
from cci_migrate.policy.settings import PasswordAuth


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
            others = f" Others of it have {account_uses(convention.accounts)}."
        if unknown:
            yield (
                f"{images} not judged: CircleCI may have credentials for it in the "
                f"project's or a context's variables.{others}"
            )
        else:
            yield f"{images} not covered: the policy has no credentials for it.{others}"


def _of_steps(assessment: Assessment) -> Iterator[str]:
    pulls: dict[str, set[tuple[str, str]]] = {}
    for docker in assessment.dockers.all():
        for pull in docker.pulls:
            for text in pull.texts:
                host = _host_without_login(docker, pull, text)
                if host is not None and not assessment.policy.exempts(text):
                    pulls.setdefault(host, set()).add((docker.job.name, text))
    for host, found in sorted(pulls.items()):
        registry = policy_for(host, assessment.policy)
        images = f"1 image of {host}" if len(found) == 1 else f"{len(found)} images of {host}"
        if registry is None:
            yield (
                f"Steps pull {images} without a login: the policy has no credentials for it. "
                "Public images need none."
            )
        elif not isinstance(registry.credential, PasswordAuth):
            yield (
                f"Steps pull {images} without a login that can be seen: the policy's credentials "
                "for it serve images under docker alone. Log in in a step before."
            )


def _host_without_login(docker: JobDocker, pull: StepPull, text: str) -> str | None:
    """The registry of the image ``text`` if no login to it comes before ``pull``."""
    key = pull_key(text)
    if not isinstance(key, str) or key not in pull.hosts or registry_at(key).public_only:
        return None
    return None if docker.login_before(pull, key) is not None else normalise_host(key)
