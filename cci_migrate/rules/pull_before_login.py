"""A step pulls images before the job has logged in to their registry.

## What it finds

`docker pull`, `run`, `build`, `compose up` and the like (podman and buildah too) in the steps of a
machine executor, or of a Docker executor after `setup_remote_docker`, that fetch images from Docker
Hub, or from another registry that the policy has a password for, before a login that is certain to
have happened. These logins don't count:

- in another branch, after the pull, or to another registry;
- to another host of Docker Hub, such as `index.docker.io`: Docker looks for the login that names no
  host, `docker.io` or `https://index.docker.io/v1/`. Only images of `registry-1.docker.io/…` and
  `registry.hub.docker.com/…` use a login to that very host;
- stored in another directory than the one the pull reads: with `sudo` (unless `sudo -E`), or with
  another `HOME`, `DOCKER_CONFIG` or `--config`;
- removed by `docker logout` or `rm -rf ~/.docker`;
- the `auth` of an image, which doesn't log in the steps.

## Why it matters

Docker Hub limits these pulls on CircleCI Cloud too: machines and remote Docker pull from addresses
that many builds share. CircleCI's FAQ of 2020 exempts the images that CircleCI publishes
(`cimg/*`, `circleci/*`); its post of 2025 on the limits names no exception for remote Docker. A
pull of only these images is therefore reported as a precaution. On CircleCI Server and on
self-hosted runners nothing is exempt.

## The fix

It adds a login before the first pull, once for each registry and job. In this order:

1. a login that the config defines already: a command that does nothing else, or a step with an
   anchor;
2. in a 2.1 config, the Docker orb's `docker/check`, with the alias and version that the file uses;
3. a `run` step with `--password-stdin`, which skips the login where the variables are empty, as in
   builds of forked pull requests. It is the first choice with `--login cli`, in images without
   bash, and for a job that a workflow also runs only for builds of forks.

The login matches the pull: `sudo docker login` before `sudo docker pull`, the same `--config`, and
`when: always` before a step with `when: always`. If the steps of a Docker executor first install
Docker's client, the login follows that step; if one script does both, there is no fix.

A list of steps that several jobs share gets a login only if all of these jobs need it. Of two
logins to one registry the last one counts, so the new one goes before any login that may use
another account. No login is added after a script or task that is named like a login and can't be
read, or in a job that sets the variables itself.

The job of an orb gets its login from the orb's own parameter if its version has one (`docker-login`
of `aws-ecr` up to 8.x, `container_registry_login` and `registry_login` from 9.0), else in its
`pre-steps`. Arguments that workflow jobs share through an anchor aren't changed.

With `--unknown-steps login`, a job with Docker also gets a login to Docker Hub if its steps run
something that can't be followed (`undecidable-image`).

With `--mirror HOST/PREFIX`, the fix instead rewrites the image's name in the script, if its
characters can be located and all scripts of the job that use the name can be changed together.
Where the config doesn't show what a pulled image is for, `--interactive` asks. For Dockerfiles,
Compose files and scripts of the repository, the report says which line to change and how.

## When to ignore it

If your own machine is logged in already: ignore the finding with a comment. If builds of forked
pull requests matter, use `--login cli`: `docker/check` fails in them, as its variables are empty.

## References

- https://circleci.com/docs/guides/execution-managed/building-docker-images/
- https://circleci.com/developer/orbs/orb/circleci/docker
- https://docs.docker.com/docker-hub/usage/
- https://support.circleci.com/hc/en-us/articles/360050623311 (which images are exempt)
- https://discuss.circleci.com/t/docker-hub-rate-limiting-customer-impact-and-solutions/53017
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import Account
from cci_migrate.assessing.image_states import Contested
from cci_migrate.assessing.impact import Impact, of_anonymous_step, registry_name
from cci_migrate.assessing.step_assessment import MissingLogin
from cci_migrate.assessing.step_states import hosts_to_log_in
from cci_migrate.circleci.config import Job
from cci_migrate.circleci.docker_daemon import runs_on_runner
from cci_migrate.docker.registries import DOCKER_HUB, normalise_host, registry_at
from cci_migrate.findings import (
    Choice,
    Effect,
    Finding,
    FindingKey,
    Fix,
    NameReason,
    NoFix,
    Place,
    Question,
    Remedy,
    route_by_text,
)
from cci_migrate.policy.settings import PasswordAuth, RegistryCredential
from cci_migrate.rule_ids import PULL_BEFORE_LOGIN
from cci_migrate.rules.account_question import account_question
from cci_migrate.rules.rule import Fixed, Provision, Rule, Unchanged
from cci_migrate.rules.whole_fix import whole_fix

if TYPE_CHECKING:
    from cci_migrate.assessing.step_mirroring import NameSite, NotRewritten, StepMirroring
    from cci_migrate.circleci.step_pulls import JobDocker, StepPull
    from cci_migrate.remedies.login_placement import LoginPlacement


_PLURALS = {"fetches": "fetch", "will fetch": "will fetch", "may fetch": "may fetch"}

#: Why a step that can't be followed needs a login.
_UNKNOWN = (
    "It may pull from Docker Hub, and the policy wants a login first (unknown-steps = login)."
)


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each job and registry; with a mirror, one for each image name in steps."""
    mirroring = assessment.logins.mirrored_steps
    if mirroring is None and not assessment.logins.missing:
        return
    from cci_migrate.remedies.login_placement import LoginPlacement

    placement = LoginPlacement(assessment)
    remedies = {
        missing.key: _remedy(missing, placement, assessment)
        for missing in assessment.logins.missing
    }
    rewritten: dict[StepPull, FindingKey] = {}
    if mirroring is not None:
        for finding, pulls in _through_mirror(assessment, mirroring, remedies):
            rewritten.update(dict.fromkeys(pulls, finding.key))
            yield finding
    for missing in assessment.logins.missing:
        after = {rewritten[pull]: None for _, pull in missing.pulls if pull in rewritten}
        may_fetch = any(
            missing.host in hosts_to_log_in(pull, assessment.policy) for _, pull in missing.pulls
        )
        is_needed_today = missing.is_known or may_fetch
        if not after and not is_needed_today:
            continue  # what was to come from the mirror stays
        job = missing.docker.job
        images = missing.images_of(missing.pull)
        impact = _impact(assessment, missing.docker, images, missing.host)
        name = registry_name(missing.host)
        fetches = "fetches" if is_needed_today else "will fetch"
        if missing.unread_login is not None:
            fetches, impact = "may fetch", Impact(Effect.NOTE, impact.because)
        elif is_needed_today and not missing.is_known:
            fetches, impact = "may fetch", Impact(Effect.WARNING, _UNKNOWN)
        yield Finding(
            rule=PULL_BEFORE_LOGIN,
            place=missing.place,
            message=f"{missing.pull.command} {fetches} from {name} without a login",
            plural=f"jobs have steps that {_PLURALS[fetches]} from {name} without a login",
            subject=", ".join(images[:3]) or missing.pull.command,
            what=missing.all_images,
            owner=f"job {job.name}",
            effect=impact.effect,
            because=_because(missing, impact),
            remedy=remedies[missing.key],
            registry=normalise_host(missing.host),
            names=None if assessment.logins.readdressing(missing) else _names(missing, assessment),
            after=() if is_needed_today else tuple(after),
        )


def _names(missing: MissingLogin, assessment: Assessment) -> NameReason | None:
    return assessment.name_reason(assessment.logins.proposed(missing), normalise_host(missing.host))


def _because(missing: MissingLogin, impact: Impact) -> str:
    because = impact.because
    if missing.host != DOCKER_HUB and normalise_host(missing.host) == DOCKER_HUB:
        because += f" Docker stores logins to {missing.host} and to Docker Hub separately."
    elsewhere = missing.login_elsewhere
    if elsewhere is not None and elsewhere.config != missing.config:
        because += (
            f" A login of the job is stored in {elsewhere.config}, and this command reads "
            f"{missing.config}."
        )
    elif elsewhere is not None and elsewhere.is_private:
        because += (
            f" A login in the job is made by sudo in {elsewhere.config}, and only root can read it."
        )
    return because


def _impact(assessment: Assessment, docker: JobDocker, images: Iterable[str], host: str) -> Impact:
    own_machine = runs_on_runner(docker.declared)
    return of_anonymous_step(images, host, assessment.policy.platform, own_machine=own_machine)


def _through_mirror(
    assessment: Assessment, mirroring: StepMirroring, logins: Mapping[FindingKey, Remedy]
) -> Iterator[tuple[Finding, list[StepPull]]]:
    """Findings about images that are to come from the mirror, with the pulls each fix redirects."""
    mirror = assessment.policy.mirror
    host = "" if mirror is None else mirror.host
    for change in mirroring.changes:
        first = change.sites[0]
        fix = Fix(f"pull it from {host}", change.operations)
        remedy: Remedy = _usage_question(first, fix) if change.is_only_pulled else fix
        for missing in assessment.logins.missing:
            login = logins[missing.key]
            concerned = missing.host == host and missing.docker.job in change.jobs
            if concerned and isinstance(login, NoFix):
                remedy = NoFix(f"no login to {host} can be added: {login.reason}", login.instead)
            elif concerned and isinstance(login, Question):
                remedy = NoFix(f"no login to {host} can be added yet", login.text)
            elif concerned and change.is_only_pulled:
                # An answer would ask for the login and its context too, which rest on it.
                remedy = NoFix(
                    "something outside the config may use it by that name",
                    f"if nothing does, log in to {host} first and write the name at {host}",
                )
        if not isinstance(remedy, NoFix) and _needs_other_login(assessment, host, change.jobs):
            remedy = NoFix(
                f"a login to {host} needs the command of its cloud",
                "log in before the pulls, then run again",
            )
        images = dict.fromkeys(text for site in change.sites for text in site.pull.texts)
        yield (
            _mirror_finding(
                assessment,
                first,
                Place(first.command, f"{first.docker.job.route}.steps({first.name})"),
                tuple(images),
                remedy,
            ),
            [] if isinstance(remedy, NoFix) else list(change.pulls),
        )
    reported: set[tuple[Job, str]] = set()
    for unmirrored in mirroring.stays:
        job, pull = unmirrored.docker.job, unmirrored.pull
        if (job, pull.command) not in reported:
            reported.add((job, pull.command))
            route = route_by_text(f"{job.route}.steps.pull", pull.command)
            place = Place(pull.moment.step.node, route)
            obstacle = NoFix(unmirrored.reason, unmirrored.instead)
            yield _mirror_finding(assessment, unmirrored, place, pull.texts, obstacle), []


def _needs_other_login(assessment: Assessment, host: str, jobs: frozenset[Job]) -> bool:
    """Whether ``jobs`` must log in to the mirror, but not with a user name and password."""
    registry = assessment.policy.registry_for(host)
    if registry is None and not registry_at(host).implicit_credentials:
        return False
    if registry is not None and isinstance(registry.credential, PasswordAuth):
        return False
    return not all(
        any(login.is_to(host) for login in docker.logins)
        for docker in assessment.dockers.all()
        if docker.job in jobs
    )


def _usage_question(site: NameSite, fix: Fix) -> Question:
    return Question(
        f"Does anything outside the config use {site.pull.texts[0]} by that name?",
        (
            Choice(
                "mirror",
                "no, pull it from the mirror",
                "The local image then has the mirror's name.",
                fix,
            ),
            Choice.leave(
                "The pull from Docker Hub stays without a login.",
                "change the name everywhere by hand",
                "yes or maybe, leave it",
            ),
        ),
    )


def _mirror_finding(
    assessment: Assessment,
    site: NameSite | NotRewritten,
    place: Place,
    images: Sequence[str],
    remedy: Remedy,
) -> Finding:
    impact = _impact(assessment, site.docker, images, DOCKER_HUB)
    return Finding(
        rule=PULL_BEFORE_LOGIN,
        place=place,
        message=f"{site.pull.command} fetches from Docker Hub without a login",
        plural="steps fetch from Docker Hub without a login",
        subject=", ".join(images[:3]),
        what=tuple(images),
        owner=f"job {site.docker.job.name}",
        effect=impact.effect,
        because=impact.because,
        remedy=remedy,
    )


def _remedy(missing: MissingLogin, placement: LoginPlacement, assessment: Assessment) -> Remedy:
    readdressing = assessment.logins.readdressing(missing)
    if readdressing:
        return Fix("remove the server from the login before it", readdressing)
    match assessment.logins.proposed(missing):
        case Contested(accounts):

            def fix_with(account: Account) -> Fix | NoFix:
                return _login_fix(missing, account.credential, placement, assessment, is_alone=True)

            return account_question(normalise_host(missing.host), accounts, fix_with)
        case _:
            credential = assessment.logins.credential(missing)
            return _login_fix(missing, credential, placement, assessment)


def _login_fix(
    missing: MissingLogin,
    credential: RegistryCredential | None,
    placement: LoginPlacement,
    assessment: Assessment,
    *,
    is_alone: bool = False,
) -> Fix | NoFix:
    """The fix that logs in with ``credential``.

    ``is_alone``: not in a list of steps that other jobs run too.
    """
    if not isinstance(credential, PasswordAuth):
        return NoFix(
            "no password for this registry in the config or policy", "add it to the policy"
        )
    operations = placement.operations(missing, credential, is_alone=is_alone)
    if isinstance(operations, NoFix):
        return operations
    contexts = assessment.contexts.for_login(missing, credential)
    return whole_fix(assessment, "log in before the first pull", operations, contexts)


RULE = Rule(
    id=PULL_BEFORE_LOGIN,
    summary="a step pulls images before the job has logged in",
    effect=Effect.LIMITED,
    manual=__doc__,
    detect=detect,
    rank=70,
    provides=Provision.LOGIN,
    examples=(
        Fixed(
            "with the Docker orb",
            """\
 version: 2.1
+orbs:
+  docker: circleci/docker@4.0.1
 jobs:
   smoke:
     machine:
       image: ubuntu-2404:current
     steps:
       - checkout
+      - docker/check:
+          docker_username: DOCKERHUB_USERNAME
+          docker_password: DOCKERHUB_PASSWORD
       # a server to talk to
       - run: docker run -d -p 6379:6379 redis:7
""",
        ),
        Fixed(
            "with a run step, as version 2 has no orbs",
            """\
 version: 2
 jobs:
   smoke:
     machine: true
     steps:
+      - run:
+          name: Log in to Docker Hub
+          command: |
+            if [ -z "$DOCKERHUB_USERNAME" ] || [ -z "$DOCKERHUB_PASSWORD" ]; then
+              echo "No credentials for Docker Hub here: going on without a login."
+            else
+              echo "$DOCKERHUB_PASSWORD" | docker login --username "$DOCKERHUB_USERNAME" \
--password-stdin
+            fi
       - run: docker pull redis:7
""",
        ),
        Unchanged(
            "a script that only mentions docker",
            """\
version: 2.1
jobs:
  smoke:
    machine:
      image: ubuntu-2404:current
    steps:
      - run: echo "now run docker pull redis:7"
""",
        ),
    ),
)
