"""The config is of version 2 or 2.0, whose end on CircleCI Cloud has been announced.

## What it finds

`version: 2` or `version: 2.0`. CircleCI announced its end on Cloud for 21 September 2026
(https://discuss.circleci.com/t/54719); CircleCI Server may run it longer.

## The fix

None here: going to 2.1 changes how `<<` in scripts is read and which keys are allowed, so it is a
change of its own. Images are authenticated in such files as in others.
"""

from __future__ import annotations

from collections.abc import Iterator

from cci_migrate.assessment import Assessment
from cci_migrate.findings import Finding, NoFix, Place, Severity
from cci_migrate.policy import Platform
from cci_migrate.rules.rule import Example, Rule, Unchanged

ID = "sunset-version"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding if the config's version is 2 or 2.0."""
    version = assessment.config.version
    if version is None or assessment.config.knows_orbs:
        return
    cloud = assessment.policy.platform is Platform.CLOUD
    yield Finding(
        rule=ID,
        place=Place(version, "version"),
        message=f"version {version.value} of the config language is at its end",
        subject=f"version {version.value}",
        owner="config",
        severity=Severity.NOTE,
        because="CircleCI announced its end on Cloud for 21 September 2026."
        if cloud
        else "CircleCI announced its end on Cloud; CircleCI Server may follow.",
        remedy=NoFix(
            "going to 2.1 is a change of its own",
            "see https://circleci.com/docs/reference/configuration-reference/#version",
        ),
    )


RULE = Rule(
    id=ID,
    summary="the config is of version 2, whose end on CircleCI Cloud has been announced",
    manual=__doc__,
    detect=detect,
    examples=(
        Example("version 2", "version: 2\njobs:\n  build:\n    machine: true\n", None),
        Unchanged("version 2.1", "version: 2.1\njobs:\n  build:\n    machine: true\n"),
    ),
)
