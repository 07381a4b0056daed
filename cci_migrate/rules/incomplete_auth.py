"""Auth has only a username or only a password.

## What it finds

An `auth` without `username` or `password`, an `aws_auth` or `gcp_auth` without one of its keys, or
one of these keys without a value.

## Why it matters

CircleCI refuses the config, or pulls anonymously.

## The fix

It adds the missing key, with the variable that the file already uses for that registry, else that
of the policy. If the key that is there uses some other variable, there is no fix: the config
doesn't show which variable completes the pair.

## When to ignore it

If the image is meant to be pulled anonymously; better remove the whole block. A value like
`<< parameters.x >>` isn't reported: CircleCI replaces it.

## References

- https://circleci.com/docs/guides/execution-managed/private-images/
- https://circleci.com/docs/reference/configuration-reference/
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import Account
from cci_migrate.assessing.credential_uses import AssessedImage
from cci_migrate.assessing.credential_values import form_of, values_of, variables_of
from cci_migrate.assessing.image_states import Incomplete, Proposed, half_of_another_pair
from cci_migrate.circleci.images import ImageAuth
from cci_migrate.findings import Effect, Finding, Fix, NoFix, Place
from cci_migrate.lossless.merging import entry_of, is_null
from cci_migrate.lossless.nodes import Mapping, Scalar, resolved
from cci_migrate.lossless.operations import AddEntry, Operation, ReplaceScalar, Text
from cci_migrate.rule_ids import INCOMPLETE_AUTH
from cci_migrate.rules.account_question import remedy_with
from cci_migrate.rules.owners import owners_of
from cci_migrate.rules.rule import Fixed, Provision, Reported, Rule
from cci_migrate.rules.whole_fix import whole_fix
from cci_migrate.wording import listed

_BY_HAND = "write the missing key by hand"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each image whose ``auth`` lacks a key."""
    for assessed in assessment.images:
        if isinstance(assessed.state, Incomplete):
            image, auth = assessed.image, assessed.state.auth
            missing = listed(auth.missing)
            yield Finding(
                rule=INCOMPLETE_AUTH,
                place=Place(auth.entry.key, image.route),
                message=f"the {auth.form.value} of {image.item.text} has no {missing}",
                plural=f"images have {auth.form.value} without {missing}",
                subject=image.item.text,
                owner=owners_of(image),
                effect=Effect.CREDENTIALS,
                because="CircleCI refuses the config, or pulls anonymously.",
                remedy=remedy_with(
                    assessed.state.proposed,
                    assessed.registry or "",
                    partial(_completed, assessment, assessed, auth),
                    NoFix("no credentials for this registry in the config or policy", _BY_HAND),
                ),
                registry=image.host,
                names=assessment.name_reason(assessed.state.proposed, image.host),
            )


def _completed(
    assessment: Assessment, assessed: AssessedImage, auth: ImageAuth, source: Proposed | Account
) -> Fix | NoFix:
    """The fix that adds the keys missing in ``auth`` from the credential of ``source``."""
    credential = source.credential
    values = values_of(credential)
    if form_of(credential) is not auth.form or not set(auth.missing) <= set(values):
        return NoFix("the registry's credentials use another key", _BY_HAND)
    target = resolved(auth.entry.value)
    operations: list[Operation] = []
    if isinstance(target, Scalar) and is_null(target):
        operations += (AddEntry(target, key, Text(values[key])) for key in auth.missing)
    elif isinstance(target, Mapping):
        other = half_of_another_pair(auth, values)
        if other is not None:
            return NoFix(f"its {other} isn't the one used for this registry", _BY_HAND)
        for key in auth.missing:
            present = entry_of(target, key)
            if present is None:
                operations.append(AddEntry(target, key, Text(values[key])))
            elif isinstance(present.value, Scalar):
                operations.append(ReplaceScalar(present.value, Text(values[key])))
            else:
                return NoFix(f"the value of {key} isn't a string", _BY_HAND)
    else:
        return NoFix(f"the value of {auth.form.value} isn't a mapping", _BY_HAND)
    contexts = assessment.contexts.for_images(
        [assessed.image],
        variables_of(credential),
        assessed.registry or "",
        assessed.key(INCOMPLETE_AUTH),
    )
    return whole_fix(assessment, f"add {listed(auth.missing)}", operations, contexts)


_COMPLETED = Fixed(
    "a password is missing",
    """\
 version: 2.1
 jobs:
   test:
     docker:
       - image: redis:7
         auth:
           username: acme-ci
+          password: $DOCKERHUB_PASSWORD
         command: redis-server --save ""
""",
)

RULE = Rule(
    id=INCOMPLETE_AUTH,
    summary="auth has only a username or only a password",
    effect=Effect.CREDENTIALS,
    manual=__doc__,
    detect=detect,
    rank=20,
    provides=Provision.CREDENTIALS,
    examples=(
        _COMPLETED,
        Reported(
            "the config doesn't show the password for $CACHE_USER: no fix",
            _COMPLETED.before.replace("acme-ci", "$CACHE_USER"),
        ),
    ),
)
