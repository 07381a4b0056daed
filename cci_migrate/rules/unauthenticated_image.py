"""An image of a Docker executor is pulled without credentials.

## What it finds

Every image in the `docker` list of a job, an executor or an inline orb that comes from Docker Hub,
or from another registry that the policy has credentials for, and has no `auth`, `aws_auth` or
`gcp_auth` of its own or through an alias or a merge key. Amazon ECR and Google Artifact Registry
images may get credentials outside the config, so they count only if the policy has credentials for
them.

## Why it matters

Docker Hub limits anonymous pulls. On CircleCI Server and on self-hosted runners all of these pulls
are limited. On Cloud the Docker executor uses CircleCI's own account unless you provide yours.

## The fix

It adds an `auth` block directly after `image`, with the variables that the file already uses for
that registry, else those of the policy. An image that several jobs share through an anchor is
edited once.

The fix also adds the context that provides the variables, to exactly the workflow jobs that pull
the image and don't have such a context yet. It is the context of the jobs that read the same
variables today; for the policy's own variables, it is the policy's context. Where a job has no
place for a context, the image isn't changed, and the report says which variables the project's
settings must provide.

With `--mirror HOST/PREFIX`, the fix rewrites the image's name instead: `cimg/node:20` becomes
`HOST/PREFIX/cimg/node:20`, and `redis:7` `HOST/PREFIX/library/redis:7`. If the policy has
credentials for that host, the same change adds them; it never adds those for Docker Hub.

## When to ignore it

If your credentials are those of a free account, which has a limit of its own. List such images in
`exempt-images` of the policy, or write `# cci-migrate: ignore[unauthenticated-image]` with the
reason above them.

## References

- https://circleci.com/docs/guides/execution-managed/private-images/
- https://docs.docker.com/docker-hub/usage/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cci_migrate.assessing.account_wording import several_accounts, which_account
from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import Account
from cci_migrate.assessing.credential_uses import AssessedImage
from cci_migrate.assessing.credential_values import form_of, variables_of
from cci_migrate.assessing.image_states import AccountUnclear, Unauthenticated, Unmirrored
from cci_migrate.assessing.impact import of_anonymous_image, registry_name
from cci_migrate.circleci.images import PulledImage
from cci_migrate.findings import (
    ContextGrant,
    Effect,
    Finding,
    Fix,
    NameReason,
    NoFix,
    Place,
    Remedy,
)
from cci_migrate.groups import grouped
from cci_migrate.lossless.operations import Operation
from cci_migrate.policy.settings import RegistryCredential
from cci_migrate.remedies.auth_block import give_credential
from cci_migrate.remedies.auth_placement import AuthPlacement
from cci_migrate.rule_ids import UNAUTHENTICATED_IMAGE
from cci_migrate.rules.account_question import account_question
from cci_migrate.rules.owners import owners_of
from cci_migrate.rules.rule import Fixed, Provision, Rule, Unchanged
from cci_migrate.rules.whole_fix import whole_fix

if TYPE_CHECKING:
    from cci_migrate.remedies.mirror_placement import MirrorPlacement


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each definition of an image without credentials."""
    definitions = grouped(
        (assessed.image.definition, (assessed, assessed.state))
        for assessed in assessment.images
        if isinstance(assessed.state, Unauthenticated | Unmirrored)
    )
    unmirrored = (image for image in assessment.images if isinstance(image.state, Unmirrored))
    mirrors = _mirrors(assessment, [assessed.image for assessed in unmirrored])
    placement = AuthPlacement(assessment)
    alike = _alike(assessment)
    for users in definitions.values():
        _, state = users[0]
        images = [user for user, _ in users]
        yield _finding(
            images,
            state.host,
            assessment,
            _remedy(assessment, users, placement, alike, mirrors),
            assessment.name_reason(state.proposed, state.host, images),
        )
    for assessed in assessment.images:
        if isinstance(assessed.state, AccountUnclear):
            remedy = _which_account(assessed, assessed.state, assessment, placement)
            yield _finding([assessed], assessed.state.host, assessment, remedy)


def _finding(
    users: Sequence[AssessedImage],
    registry: str,
    assessment: Assessment,
    remedy: Remedy,
    names: NameReason | None = None,
) -> Finding:
    """The finding about the image that ``users`` share; it is to come from ``registry``."""
    image = users[0].image
    host = registry if image.host is None else image.host
    impact = of_anonymous_image(image, host, assessment.policy.platform)
    name = registry_name(host)
    return Finding(
        rule=UNAUTHENTICATED_IMAGE,
        place=Place(image.item.image.value, image.definition),
        message=f"{image.item.text} is pulled from {name} without credentials",
        plural=f"images are pulled from {name} without credentials",
        subject=image.item.text,
        owner=owners_of(*(user.image for user in users)),
        effect=impact.effect,
        because=impact.because,
        remedy=remedy,
        registry=registry,
        names=names,
    )


def _which_account(
    assessed: AssessedImage, state: AccountUnclear, assessment: Assessment, placement: AuthPlacement
) -> Remedy:
    image = assessed.image
    place = placement.place(image, frozenset({image}))
    mirrors = _mirrors(assessment, [image] if state.host != image.host else [])
    # The credentials of a mirror must not reach the registry that the image still comes from.
    rewritten = () if mirrors is None else mirrors.rewritten(image)
    if isinstance(place, NoFix) or isinstance(rewritten, NoFix):
        return NoFix(several_accounts(state.accounts), which_account(state.host, state.accounts))

    def fix_with(account: Account) -> Fix | NoFix:
        credential = account.credential
        variables, key = variables_of(credential), assessed.key(UNAUTHENTICATED_IMAGE)
        grants = assessment.contexts.for_images([image], variables, state.host, key)
        operations = (*rewritten, *give_credential(place, credential, account.form))
        title = _title(state.host, credential, is_moved=mirrors is not None)
        return whole_fix(assessment, title, operations, grants)

    return account_question(state.host, state.accounts, fix_with)


_User = tuple[AssessedImage, Unauthenticated | Unmirrored]
_Alike = Mapping[tuple[str, RegistryCredential], frozenset[PulledImage]]


def _alike(assessment: Assessment) -> _Alike:
    """The images that are to get the same credential, by registry and credential."""
    by_credential = grouped(
        ((assessed.state.host, assessed.state.proposed.credential), assessed.image)
        for assessed in assessment.images
        if isinstance(assessed.state, Unauthenticated | Unmirrored)
        and assessed.state.proposed is not None
    )
    return {key: frozenset(images) for key, images in by_credential.items()}


def _mirrors(assessment: Assessment, to_mirror: Sequence[PulledImage]) -> MirrorPlacement | None:
    """The places to change for ``to_mirror`` alone to come from the mirror; None for no images."""
    mirror = assessment.policy.mirror
    if mirror is None or not to_mirror:
        return None
    from cci_migrate.remedies.mirror_placement import MirrorPlacement

    return MirrorPlacement(assessment, mirror, to_mirror)


def _remedy(
    assessment: Assessment,
    users: list[_User],
    placement: AuthPlacement,
    alike: _Alike,
    mirrors: MirrorPlacement | None,
) -> Remedy:
    operations: dict[Operation, None] = {}
    contexts: dict[ContextGrant, None] = {}
    for assessed, state in users:
        if isinstance(state, Unmirrored) and mirrors is not None:
            rewritten = mirrors.rewritten(assessed.image)
            if isinstance(rewritten, NoFix):
                return NoFix(rewritten.reason, f"change the name to {state.host} by hand")
            operations.update(dict.fromkeys(rewritten))
        proposed = state.proposed
        if proposed is None:
            continue
        place = placement.place(assessed.image, alike[state.host, proposed.credential])
        if isinstance(place, NoFix):
            return NoFix(place.reason, "define the two images separately")
        added = give_credential(place, proposed.credential, proposed.form)
        operations.update(dict.fromkeys(added))
        variables, key = variables_of(proposed.credential), assessed.key(UNAUTHENTICATED_IMAGE)
        grants = assessment.contexts.for_images([assessed.image], variables, state.host, key)
        contexts.update(dict.fromkeys(grants))
    state = users[0][1]
    credential = None if state.proposed is None else state.proposed.credential
    title = _title(state.host, credential, is_moved=isinstance(state, Unmirrored))
    return whole_fix(assessment, title, tuple(operations), tuple(contexts))


def _title(host: str, credential: RegistryCredential | None, *, is_moved: bool) -> str:
    titles = [f"pull it from {host}"] if is_moved else []
    if credential is not None:
        titles.append(f"add {form_of(credential).value} under the image")
    return " and ".join(titles)


RULE = Rule(
    id=UNAUTHENTICATED_IMAGE,
    summary="an image of a Docker executor is pulled without credentials",
    effect=Effect.PRECAUTION,
    manual=__doc__,
    detect=detect,
    rank=10,
    provides=Provision.CREDENTIALS,
    examples=(
        Fixed(
            "every image of a job",
            """\
 version: 2.1
 jobs:
   test:
     docker:
       - image: cimg/python:3.12
+        auth:
+          username: $DOCKERHUB_USERNAME
+          password: $DOCKERHUB_PASSWORD
         environment:
           TZ: UTC
       # the tests want a database
       - image: postgres:16
+        auth:
+          username: $DOCKERHUB_USERNAME
+          password: $DOCKERHUB_PASSWORD
     steps: [checkout]
""",
        ),
        Fixed(
            "an anchor of several jobs, with the file's own variables",
            """\
 version: 2.1
 x-node: &node
   image: cimg/node:20.11
+  auth:
+    username: $HUB_USER
+    password: $HUB_TOKEN
 jobs:
   lint:
     docker:
       - *node
   test:
     docker:
       - <<: *node
         environment: {CI: "1"}
   e2e:
     docker:
       - image: cypress/base:20
         auth:
           username: $HUB_USER
           password: $HUB_TOKEN
""",
        ),
        Fixed(
            "the context, on the workflow jobs that pull the image",
            """\
 version: 2.1
 jobs:
   test:
     docker:
       - image: cimg/go:1.22
+        auth:
+          username: $DOCKERHUB_USERNAME
+          password: $DOCKERHUB_PASSWORD
   deploy:
     docker:
       - image: cimg/base:2024.01
+        auth:
+          username: $DOCKERHUB_USERNAME
+          password: $DOCKERHUB_PASSWORD
   mac:
     macos: {xcode: 15.2.0}
 workflows:
   main:
     jobs:
-      - test # on every push
+      - test: # on every push
+          context: docker-hub-creds
       - mac
       - hold:
           type: approval
       - deploy:
           requires: [hold]
-          context: aws
+          context:
+            - aws
+            - docker-hub-creds
""",
        ),
        Unchanged(
            "another registry, for which the policy has no credentials",
            """\
version: 2.1
jobs:
  test:
    docker:
      - image: quay.io/acme/builder:4
""",
        ),
    ),
)
