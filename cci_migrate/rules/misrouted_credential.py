"""An image has the credentials of another registry.

## What it finds

An image whose `auth` uses variables that belong to another registry: the policy assigns them to it,
their name says so (`$QUAY_PASSWORD`), or the file uses them for Docker Hub everywhere else. Also
`aws_auth` and `gcp_auth` under an image of another registry than Amazon's or Google's: CircleCI has
them for these alone.

## Why it matters

The pull sends the password to the wrong registry, and fails: most registries refuse wrong
credentials even for public images.

## The fix

The right credentials if the policy has them, or none. `--interactive` asks which.

## When to ignore it

If one account works for both registries: add it to the policy for each of them.

## References

- https://circleci.com/docs/guides/execution-managed/private-images/
"""

from __future__ import annotations

from collections.abc import Iterator

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.auth_forms import PLAIN
from cci_migrate.assessing.credential_uses import AssessedImage
from cci_migrate.assessing.credential_values import form_of, values_of, variables_of
from cci_migrate.assessing.impact import registry_name
from cci_migrate.circleci.images import ImageAuth
from cci_migrate.docker.registries import CredentialForm
from cci_migrate.findings import Choice, Effect, Finding, Fix, NoFix, Place, Question, Remedy
from cci_migrate.lossless.merging import MERGE_KEY, is_merge_key, own_entry
from cci_migrate.lossless.nodes import Mapping, Scalar, resolved
from cci_migrate.lossless.operations import Operation, RemoveEntry, ReplaceScalar, Text
from cci_migrate.policy.settings import RegistryCredential
from cci_migrate.remedies.auth_block import add_credential
from cci_migrate.remedies.auth_placement import AuthPlace
from cci_migrate.rules.owners import owners_of
from cci_migrate.rules.rule import Reported, Rule, Unchanged
from cci_migrate.rules.whole_fix import whole_fix

ID = "misrouted-credential"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each image with another registry's credentials."""
    for assessed in assessment.images:
        image, auth = assessed.image, assessed.image.auth
        if assessed.misrouted_to is None or auth is None or image.host is None:
            continue
        theirs, its = registry_name(assessed.misrouted_to), registry_name(image.host)
        yield Finding(
            rule=ID,
            place=Place(auth.entry.key, image.route),
            message=f"{image.item.text} sends credentials of {theirs} to {its}",
            plural=f"images send credentials of {theirs} to {its}",
            subject=image.item.text,
            owner=owners_of(image),
            effect=Effect.CREDENTIALS,
            because="The wrong registry gets the password, and the pull fails."
            if auth.form is CredentialForm.AUTH
            else f"{auth.form.value} is for {theirs} alone: the pull is anonymous, or fails.",
            remedy=_remedy(assessed, auth, image.host, assessment),
            registry=image.host,
        )


def _remedy(assessed: AssessedImage, auth: ImageAuth, host: str, assessment: Assessment) -> Remedy:
    name = registry_name(host)
    choices: list[Choice] = []
    convention = assessment.conventions.get(host)
    registry = assessment.policy.registry_for(host)
    credential = None if registry is None else registry.credential
    if convention is not None and convention.credential is not None:
        credential = convention.credential
    if credential is not None and (replace := _replace(assessed, auth, credential)):
        contexts = assessment.contexts.for_images(
            [assessed.image], variables_of(credential), host, assessed.key(ID)
        )
        choices.append(
            Choice(
                "replace",
                f"use the credentials of {name}",
                "The pull then uses the credentials for its registry.",
                whole_fix(assessment, f"use the credentials of {name}", replace, contexts),
            )
        )
    # An image whose registry has credentials gets them in the next run.
    remove = _remove(assessed, auth) if credential is None else ()
    if remove:
        choices.append(
            Choice(
                "remove",
                "remove the credentials",
                "The pull is then anonymous, which is fine for a public image.",
                Fix("remove the credentials", remove),
            )
        )
    keep = NoFix("you chose to keep them", "")
    choices.append(
        Choice("keep", "leave it as it is", "The pull keeps sending these credentials.", keep)
    )
    return Question(
        f"These look like the credentials of {registry_name(assessed.misrouted_to or '')}, "
        f"and the image comes from {name}. Which are right?",
        tuple(choices),
    )


def _replace(
    assessed: AssessedImage, auth: ImageAuth, credential: RegistryCredential
) -> tuple[Operation, ...]:
    item = assessed.image.item.mapping
    is_own = auth.entry.holder is item
    if not is_own and own_entry(item, "image") is not None:
        # An own key wins over a merged one.
        return (add_credential(AuthPlace(item, "image"), credential, PLAIN),)
    target = auth.entry.value
    if is_own and isinstance(target, Mapping) and form_of(credential) is auth.form:
        replacements: list[Operation] = []
        for key, value in values_of(credential).items():
            entry = own_entry(target, key)
            half = None if entry is None else entry.value
            # Others may share a half through an anchor, and one of two halves is no credential.
            if not isinstance(half, Scalar) or half.anchor is not None:
                return ()
            replacements.append(ReplaceScalar(half, Text(value)))
        return tuple(replacements) if target.anchor is None else ()
    if is_own and form_of(credential) is not auth.form and (removal := _remove(assessed, auth)):
        return (*removal, add_credential(AuthPlace(item, "image"), credential, PLAIN))
    return ()


def _remove(assessed: AssessedImage, auth: ImageAuth) -> tuple[Operation, ...]:
    item = assessed.image.item.mapping
    value = auth.entry.value
    if auth.entry.holder is item:
        is_anchored = isinstance(value, Mapping | Scalar) and value.anchor is not None
        return () if is_anchored else (RemoveEntry(item, auth.form.value),)
    merged = [value for key, value in item.entries if is_merge_key(key)]
    holder = auth.entry.holder
    if len(merged) == 1 and resolved(merged[0]) is holder and len(holder.entries) == 1:
        return (RemoveEntry(item, MERGE_KEY),)
    return ()


RULE = Rule(
    id=ID,
    summary="an image has the credentials of another registry",
    effect=Effect.CREDENTIALS,
    manual=__doc__,
    security_severity=8.1,
    detect=detect,
    rank=40,
    examples=(
        Reported(
            "Docker Hub's password for an image of another registry: asks",
            """\
version: 2.1
jobs:
  test:
    docker:
      - image: quay.io/acme/builder:4
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
""",
        ),
        Unchanged(
            "names that belong to no registry",
            """\
version: 2.1
jobs:
  test:
    docker:
      - image: quay.io/acme/builder:4
        auth:
          username: $REGISTRY_USER
          password: $REGISTRY_PASSWORD
""",
        ),
    ),
)
