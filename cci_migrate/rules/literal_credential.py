"""A password or secret key is written out in the config.

## What it finds

A `password` or `aws_secret_access_key` under an image that isn't a `$VARIABLE`. A literal user name
is fine.

## Why it matters

Everyone who can read the repository can use the secret, and git keeps it after you remove it from
the file.

## The fix

It writes the variable that the file already uses for that registry, else that of the policy. The
secret is never printed: diffs show `[withheld]` unless you use `--show-secrets`. Revoke it at the
registry: it stays in the repository's history. If the value is the name of a variable that the
config uses elsewhere (`password: ACME_PASSWORD`), only its `$` is missing: that is no secret.

## When to ignore it

If the value is public on purpose and can only read. Even then a variable is easier to change.

## References

- https://circleci.com/docs/guides/execution-managed/private-images/
- https://circleci.com/docs/guides/security/contexts/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import Account
from cci_migrate.assessing.credential_uses import AssessedImage
from cci_migrate.assessing.credential_values import variables_among
from cci_migrate.assessing.image_states import Authenticated, LiteralSecret, Proposed
from cci_migrate.circleci.images import ImageAuth
from cci_migrate.findings import Effect, Finding, Fix, NoFix, Place, Remedy
from cci_migrate.lossless.operations import ReplaceScalar, Text
from cci_migrate.redaction.config_secrets import names_a_variable
from cci_migrate.rule_ids import LITERAL_CREDENTIAL
from cci_migrate.rules.account_question import remedy_with
from cci_migrate.rules.owners import owners_of
from cci_migrate.rules.rule import Fixed, Rule
from cci_migrate.rules.whole_fix import whole_fix


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each written-out secret, no matter how many images use it."""
    for images in assessment.uses.images_by_secret.values():
        state = images[0].state
        if isinstance(state, Authenticated) and state.literal is not None:
            yield _finding(images, state.auth, state.literal, assessment)


def _finding(
    images: Sequence[AssessedImage], auth: ImageAuth, literal: LiteralSecret, assessment: Assessment
) -> Finding:
    image = images[0].image
    message = f"the {literal.key} for {image.item.text} is written out"
    plural = "passwords and secret keys of images are written out"
    because = (
        "Everyone who can read the repository can use it, and git keeps it: revoke it at the "
        "registry."
    )
    if names_a_variable(literal.value.value, assessment.config.documents):
        message = f"the {literal.key} for {image.item.text} is a variable's name without its $"
        plural = "passwords and secret keys of images are variables' names without their $"
        because = "The registry gets the name instead of the variable's value."
    return Finding(
        rule=LITERAL_CREDENTIAL,
        place=Place(literal.value, image.route),
        message=message,
        plural=plural,
        subject=image.item.text,
        owner=owners_of(image),
        effect=Effect.CREDENTIALS,
        because=because,
        remedy=_remedy(images, auth, literal, assessment),
        registry=image.host,
    )


def _remedy(
    images: Sequence[AssessedImage], auth: ImageAuth, literal: LiteralSecret, assessment: Assessment
) -> Remedy:
    first = images[0]

    def fix_with(credential: Proposed | Account) -> Fix | NoFix:
        variable = literal.variable_of(credential)
        if variable is None or first.registry is None:
            return _UNKNOWN
        names = variables_among((variable,))
        written = literal.value.value
        if written not in names and names_a_variable(written, assessment.config.documents):
            return NoFix(
                f"it names {written}, and other credentials of this registry use {variable}",
                f"write ${written} if that is meant",
            )
        read = (*auth.variables, *names)
        key = first.key(LITERAL_CREDENTIAL)
        contexts = assessment.contexts.for_images(
            [image.image for image in images], read, first.registry, key
        )
        operation = ReplaceScalar(literal.value, Text(variable))
        return whole_fix(assessment, f"use {variable} instead", (operation,), contexts)

    return remedy_with(literal.proposed, first.registry or "", fix_with, _UNKNOWN)


_UNKNOWN = NoFix(
    "no variable for this registry in the config or policy",
    "add one to the policy, or write it by hand",
)


RULE = Rule(
    id=LITERAL_CREDENTIAL,
    summary="a password or secret key is written out",
    effect=Effect.CREDENTIALS,
    manual=__doc__,
    security_severity=8.8,
    detect=detect,
    rank=50,
    examples=(
        Fixed(
            "a variable replaces the value",
            """\
 version: 2.1
 jobs:
   test:
     docker:
       - image: acme/builder:3
         auth:
           username: acme-ci
-          password: "not-a-real-one"
+          password: "$DOCKERHUB_PASSWORD"
""",
        ),
    ),
)
