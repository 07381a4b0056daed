"""The registry of an image can't be determined.

## What it finds

An image without credentials whose registry depends on something outside the config: a parameter
without known values, a parameter with values from several registries, or an environment variable,
which CircleCI doesn't replace in `image`.

In steps: commands whose image, Dockerfile or Compose file can't be read from the repository, and
`docker service` and `docker stack` commands without `--with-registry-auth`. If the
job has Docker, also tasks and scripts that can't be followed, as one note for each job. cci-migrate
follows `make`, `just`, `task`, the scripts of `package.json`, scripts for POSIX shells, PowerShell
and cmd, and functions of sourced scripts. It doesn't follow `gradle`, `mvn`, `rake`, `python x.py`
and the like, scripts that a step downloads, or a Docker command that it passes to a program which
cci-migrate doesn't know (`with-lock docker pull x`, `concurrently "docker pull x"`).

## Why it matters

These may be pulls without credentials. cci-migrate never sends credentials to a registry that it
doesn't know.

## The fix

None by default. Give the parameter a default or an `enum`, write the registry into the name, or
choose it with `--interactive`. With `--unknown-steps login`, jobs get a login before steps that
can't be followed (`pull-before-login`).

## When to ignore it

If the job builds or loads the image itself, or the registry has no limits: write an ignore comment
with the reason, or list the image in `exempt-images`.

## References

- https://circleci.com/docs/reference/reusing-config/
- https://circleci.com/docs/guides/orchestrate/pipeline-variables/
"""

from __future__ import annotations

from collections.abc import Iterator

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.auth_forms import PLAIN, AuthForm
from cci_migrate.assessing.credential_uses import AssessedImage
from cci_migrate.assessing.credential_values import form_of, variables_of
from cci_migrate.assessing.image_states import Undecided
from cci_migrate.assessing.impact import registry_name
from cci_migrate.assessing.step_assessment import undecided_pulls
from cci_migrate.docker.registries import DOCKER_HUB, registry_at
from cci_migrate.findings import Choice, Effect, Finding, NoFix, Place, Question, Remedy
from cci_migrate.lossless.merging import entry_of
from cci_migrate.policy.settings import DEFAULT_DOCKER_HUB, RegistryCredential
from cci_migrate.remedies.auth_block import give_credential
from cci_migrate.remedies.auth_placement import AuthPlacement
from cci_migrate.rule_ids import UNDECIDABLE_IMAGE
from cci_migrate.rules.owners import owners_of
from cci_migrate.rules.rule import Provision, Reported, Rule
from cci_migrate.rules.whole_fix import whole_fix

_UNREADABLE = NoFix(
    "the images can't be read from the config or the repository",
    "if their registry needs credentials, log in first",
)
_SWARM = NoFix(
    "the swarm isn't sent the login",
    "add --with-registry-auth, and log in before",
)


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each image without credentials whose registry can't be determined.

    For steps there is one finding per job: their images are often in files outside the config.
    """
    placement = AuthPlacement(assessment)
    for assessed in assessment.images:
        if isinstance(assessed.state, Undecided):
            yield Finding(
                rule=UNDECIDABLE_IMAGE,
                place=Place(assessed.image.item.image.value, assessed.image.route),
                message=f"can't determine the registry of {assessed.image.item.text}: "
                f"{assessed.state.reason}",
                plural="images come from registries that can't be determined",
                subject=assessed.image.item.text,
                owner=owners_of(assessed.image),
                effect=Effect.WARNING,
                because="It may be pulled without credentials.",
                remedy=_remedy(assessed, assessment, placement),
            )
    yield from _whole_lists(assessment)
    yield from _in_steps(assessment)


def _whole_lists(assessment: Assessment) -> Iterator[Finding]:
    """Findings about ``docker: << parameters.x >>``: the list of images is itself a parameter."""
    for title, executor in assessment.config.owners():
        docker = entry_of(executor.mapping, "docker")
        if docker is not None and executor.docker_expression is not None:
            yield Finding(
                rule=UNDECIDABLE_IMAGE,
                place=Place(docker.value, f"{executor.route}.docker"),
                message=f"the images of the {title} are passed as a parameter",
                plural="jobs and executors get their images from a parameter",
                subject=executor.docker_expression,
                owner=title,
                effect=Effect.WARNING,
                because="They may be pulled without credentials.",
                remedy=NoFix(
                    "can't edit a list that callers pass",
                    "add credentials to the images where the list is written",
                ),
            )


def _in_steps(assessment: Assessment) -> Iterator[Finding]:
    for undecided in undecided_pulls(assessment.dockers.all(), assessment.logins.missing):
        job = undecided.docker.job
        reasons = list(
            dict.fromkeys(f"{pull.command}: {pull.undecided}" for pull in undecided.pulls)
        )
        yield Finding(
            rule=UNDECIDABLE_IMAGE,
            place=Place(undecided.pulls[0].moment.step.node, f"{job.route}.steps"),
            message=f"can't determine what steps pull ({'; '.join(reasons[:3])}"
            + (f"; and {len(reasons) - 3} more)" if len(reasons) > 3 else ")"),
            plural="jobs have steps whose pulls can't be determined",
            subject=undecided.pulls[0].command,
            owner=f"job {job.name}",
            effect=Effect.NOTE,
            because="These may be pulls without a login.",
            remedy=_SWARM if all(pull.ignores_logins for pull in undecided.pulls) else _UNREADABLE,
        )


def _remedy(assessed: AssessedImage, assessment: Assessment, placement: AuthPlacement) -> Remedy:
    image = assessed.image
    if image.undecided is None or len(image.hosts) > 1:
        mirror = assessment.policy.mirror
        if mirror is not None and DOCKER_HUB in image.hosts:
            return NoFix(
                "the mirror serves only Docker Hub, and its values are from several registries",
                f"write {mirror}/... for the values from Docker Hub",
            )
        return NoFix(
            "one auth block can't serve several registries",
            "use one executor for each registry, or pass the credentials as parameters too",
        )
    if "$" in image.item.text:
        return NoFix(
            "CircleCI doesn't replace environment variables in image",
            "use a pipeline parameter with a default instead",
        )
    place = placement.place(image, frozenset({image}))
    if isinstance(place, NoFix):
        return NoFix(place.reason, "write the registry into the name")
    choices: list[Choice] = []
    candidates: dict[str, tuple[RegistryCredential, AuthForm]] = {
        registry.host: (registry.credential, PLAIN) for registry in assessment.policy.registries
    }
    candidates.setdefault(DOCKER_HUB, (DEFAULT_DOCKER_HUB.credential, PLAIN))
    for host, convention in assessment.conventions.items():
        if convention.accounts:
            account = convention.accounts[0]
            candidates[host] = (account.credential, account.form)
    if assessment.policy.mirror is not None:
        # Images of Docker Hub come from the mirror, which takes other credentials.
        del candidates[DOCKER_HUB]
    for host, (credential, form) in candidates.items():
        if image.hosts and image.hosts != {host}:
            # Some of its values are of another registry, which would get these credentials too.
            continue
        name = registry_name(host)
        contexts = assessment.contexts.for_images(
            [image], variables_of(credential), host, assessed.key(UNDECIDABLE_IMAGE)
        )
        remedy = whole_fix(
            assessment,
            f"add the {form_of(credential).value} of {name} under the image",
            give_credential(place, credential, form),
            contexts,
        )
        consequence = f"The image gets the credentials of {registry_at(host).name}."
        choices.append(Choice(host, f"it always comes from {name}", consequence, remedy))
    left = "The image is still pulled without credentials."
    choices.append(Choice.leave(left, "give its parameter a default"))
    return Question(f"Which registry does {image.item.text} come from?", tuple(choices))


RULE = Rule(
    id=UNDECIDABLE_IMAGE,
    summary="the registry of an image can't be determined",
    effect=Effect.WARNING,
    manual=__doc__,
    detect=detect,
    rank=60,
    provides=Provision.CREDENTIALS,
    examples=(
        Reported(
            "a parameter without a default",
            """\
version: 2.1
executors:
  any:
    parameters:
      image: {type: string}
    docker:
      - image: << parameters.image >>
""",
        ),
    ),
)
