"""Credentials are in the wrong place.

## What it finds

- `auth:` without a value, and `username` and `password` next to it instead of under it;
- `username` and `password` merged into the image itself by `<<: *login`, where `auth: *login` was
  meant;
- `username` and `password` as keys of an image without any `auth`;
- `auth` on a job or executor, or under `machine`;
- a login step that is lost in `<<: [*a, *login]`, as both have the same key.

## Why it matters

The credentials look used, and CircleCI ignores them. Nobody notices until a pull fails.

## The fix

It moves the block to where it belongs, if the config shows where that is. Otherwise the report says
what to do by hand.

## When to ignore it

If the keys are for another program that reads the file.

## References

- https://circleci.com/docs/guides/execution-managed/private-images/
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from typing_extensions import assert_never

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.auth_forms import PLAIN
from cci_migrate.assessing.credential_uses import AssessedImage
from cci_migrate.assessing.image_states import Misplaced
from cci_migrate.circleci.images import PASSWORD, USERNAME, variable_in
from cci_migrate.circleci.misplaced_logins import (
    AUTH,
    MisplacedKind,
    auth_on_owners,
    auth_under_machine,
    follows_auth,
    lost_logins,
    merged_login,
)
from cci_migrate.findings import Effect, Finding, Fix, NoFix, Place, Remedy
from cci_migrate.lossless.merging import Entry, entries_of, is_null, own_entry
from cci_migrate.lossless.nodes import Mapping, Scalar, resolved
from cci_migrate.lossless.operations import NestEntries, RemoveEntry, RenameKey
from cci_migrate.remedies.auth_block import add_credential
from cci_migrate.remedies.auth_placement import AuthPlace
from cci_migrate.rule_ids import MISPLACED_AUTH
from cci_migrate.rules.owners import owners_of
from cci_migrate.rules.rule import Fixed, Provision, Reported, Rule
from cci_migrate.rules.whole_fix import whole_fix

_finding = partial(Finding, rule=MISPLACED_AUTH, effect=Effect.CREDENTIALS)
_BECAUSE = "The credentials look used, and CircleCI ignores them."


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each misplaced block, and for each login lost in a merge."""
    for assessed in assessment.images:
        if isinstance(assessed.state, Misplaced):
            yield _beside_image(assessment, assessed, assessed.state)
    for title, route, mapping, entry in auth_on_owners(assessment.config):
        yield _finding(
            place=Place(entry.key, f"{route}.auth"),
            message=f"auth is on the {title}, not under its images",
            plural="jobs and executors have auth that should be under their images",
            subject=title,
            owner=title,
            because=_BECAUSE,
            remedy=_of_owner(mapping, entry),
        )
    for title, route, entry in auth_under_machine(assessment.config):
        yield _finding(
            place=Place(entry.key, f"{route}.auth"),
            message=f"auth is under machine in the {title}, where it is an unknown key",
            plural="jobs and executors have auth under machine, where it is an unknown key",
            subject=title,
            owner=title,
            because="A machine image is a virtual machine, not pulled from a registry.",
            remedy=NoFix(
                "machine takes no credentials", "remove it, and run docker login in a step"
            ),
        )
    for mapping, item in lost_logins(assessment.config):
        position = item.source.position(item.start)
        yield _finding(
            place=Place(item, f"line-{position.line}"),
            message="this login is lost: an earlier merge has the same key",
            plural="logins are lost: an earlier merge has the same key",
            subject="<<",
            owner=f"line {mapping.source.position(mapping.start).line}",
            because="If merged mappings have the same key, CircleCI takes the first.",
            remedy=NoFix(
                "can't determine which of the two is meant", "write the login as a separate step"
            ),
        )


def _of_owner(mapping: Mapping, entry: Entry) -> Remedy:
    """Take the block out, if that is all it is: a slip of the hand may put anything under it."""
    value = resolved(entry.value)
    halves = entries_of(value)
    is_login = halves.keys() <= {USERNAME, PASSWORD} and all(
        isinstance(half.value, Scalar) for half in halves.values()
    )
    if is_null(value) or (isinstance(value, Mapping) and is_login):
        return Fix("remove it; the images have their own", (RemoveEntry(mapping, AUTH),))
    return NoFix("it has keys besides the login", "move the other keys out by hand")


def _beside_image(assessment: Assessment, assessed: AssessedImage, state: Misplaced) -> Finding:
    item = assessed.image.item
    remedy: Remedy = NoFix(
        "can't move the keys safely", "write username and password under auth by hand"
    )
    match state.kind:
        case MisplacedKind.BESIDE_EMPTY_AUTH:
            message = "username and password are next to auth instead of under it"
            keys = follows_auth(item.mapping)
            if keys and state.proposed is not None:
                remedy = Fix("move them under auth", (NestEntries(item.mapping, AUTH, keys),))
        case MisplacedKind.MERGED_INTO_IMAGE:
            message = "username and password are merged into the image instead of into auth"
            index = merged_login(item.mapping)
            if index is not None and own_entry(item.mapping, AUTH) is None:
                remedy = Fix("merge them into auth", (RenameKey(item.mapping, index, AUTH),))
        case MisplacedKind.WITHOUT_AUTH:
            message = "username and password are unknown keys of the image"
            credential = state.proposed
            has_own_name = own_entry(item.mapping, "image") is not None
            if (
                credential is not None
                and has_own_name
                and variable_in(credential.password) is not None
            ):
                remedy = Fix(
                    "move them under auth",
                    (
                        RemoveEntry(item.mapping, USERNAME),
                        RemoveEntry(item.mapping, PASSWORD),
                        add_credential(AuthPlace(item.mapping, "image"), credential, PLAIN),
                    ),
                )
        case _:
            assert_never(state.kind)
    if isinstance(remedy, Fix):
        contexts = assessment.contexts.with_fix_of(assessed, assessed.key(MISPLACED_AUTH))
        remedy = whole_fix(assessment, remedy.title, remedy.operations, contexts)
    return _finding(
        place=Place(item.image.value, assessed.image.route),
        message=f"{item.text}: {message}",
        plural="images have username and password outside their auth",
        subject=item.text,
        owner=owners_of(assessed.image),
        because=_BECAUSE,
        remedy=remedy,
        registry=assessed.image.host,
    )


RULE = Rule(
    id=MISPLACED_AUTH,
    summary="credentials are in the wrong place",
    effect=Effect.CREDENTIALS,
    manual=__doc__,
    detect=detect,
    rank=30,
    provides=Provision.CREDENTIALS,
    examples=(
        Fixed(
            "one level too far left",
            """\
 version: 2.1
 jobs:
   test:
     docker:
       - image: acme/builder:3
         auth:
-        username: $DOCKERHUB_USERNAME
-        password: $DOCKERHUB_PASSWORD # read-only token
+          username: $DOCKERHUB_USERNAME
+          password: $DOCKERHUB_PASSWORD # read-only token
         user: root
""",
        ),
        Fixed(
            "a login merged into the image",
            """\
 version: 2.1
 x-login: &login
   username: $DOCKERHUB_USERNAME
   password: $DOCKERHUB_PASSWORD
 jobs:
   test:
     docker:
       - image: acme/builder:3
-        <<: *login
+        auth: *login
""",
        ),
        Reported(
            "under machine: no fix",
            """\
version: 2.1
jobs:
  test:
    machine:
      image: ubuntu-2404:current
      auth:
        username: $DOCKERHUB_USERNAME
        password: $DOCKERHUB_PASSWORD
""",
        ),
    ),
)
