r"""The config uses version 2 or 2.0, which CircleCI Cloud no longer supports.

## What it finds

`version: 2` or `version: 2.0`. CircleCI Cloud ended support on 21 September 2026
(https://discuss.circleci.com/t/54719), together with the old config compiler. CircleCI Server may
support it longer.

## Why it matters

Builds of such configs are not expected to start on Cloud any more, so they pull nothing either.
2.1 also has orbs, commands and executors.

## The fix

With `--upgrade-version` (`upgrade-version = true` in the policy): `version` becomes 2.1, each `<<`
in a string becomes `\<<`, so that here-documents keep working, and `workflows.version` is removed.
If 2.1 would refuse something or read it differently, the report lists it and the file isn't
changed. Without the option the rule only reports a note; images in such files still get
credentials.

## When to ignore it

If your CircleCI Server has no version 2.1, or if another program writes the file.

## References

- https://discuss.circleci.com/t/54719
- https://circleci.com/docs/guides/orchestrate/pipeline-variables/#escape-characters
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.circleci.config_versions import version_named
from cci_migrate.findings import Effect, Finding, Fix, NoFix, Place, Remedy
from cci_migrate.policy.settings import Platform, Policy
from cci_migrate.remedies.version_upgrade import NEW_VERSION, Obstacle, upgrade_of
from cci_migrate.rules.rule import Fixed, Reported, Rule, Unchanged

ID = "sunset-version"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding if the config's version is 2 or 2.0, and one for each obstacle to its upgrade."""
    version = assessment.config.version
    sunset = None if version is None else version_named(version.value).sunset
    if version is None or sunset is None:
        return
    because = f"CircleCI Cloud ended support for it on {sunset}; CircleCI Server may follow."
    if assessment.policy.platform is Platform.CLOUD:
        because = (
            f"CircleCI Cloud ended support on {sunset}: builds are not expected to start there."
        )
    obstacles: tuple[Obstacle, ...] = ()
    remedy: Remedy = NoFix("not upgraded by default", "use --upgrade-version")
    if assessment.policy.upgrade_version:
        upgrade = upgrade_of(assessment.config, version)
        obstacles = upgrade.obstacles
        remedy = Fix(f"upgrade to {NEW_VERSION}", upgrade.operations)
        if obstacles:
            count = "one thing" if len(obstacles) == 1 else f"{len(obstacles)} things"
            remedy = NoFix(
                f"{count} would break in {NEW_VERSION}",
                "change what is listed, then run again",
            )
    effect = Effect.WARNING if assessment.policy.upgrade_version else Effect.NOTE
    finding = partial(Finding, rule=ID, owner="config", effect=effect, because=because)
    yield finding(
        place=Place(version, "version"),
        message=f"config version {version.value} is no longer supported on CircleCI Cloud",
        plural="uses of config version 2, no longer supported on CircleCI Cloud",
        subject=f"version {version.value}",
        remedy=remedy,
    )
    for obstacle in obstacles:
        yield finding(
            place=Place(obstacle.node, obstacle.route),
            message=f"{obstacle.problem}: no upgrade to {NEW_VERSION}",
            plural=f"things prevent an upgrade to {NEW_VERSION}",
            subject=obstacle.route,
            remedy=NoFix(obstacle.problem, obstacle.instead),
        )


RULE = Rule(
    id=ID,
    summary="the config uses version 2, which CircleCI Cloud no longer supports",
    effect=Effect.NOTE,
    manual=__doc__,
    detect=detect,
    rank=120,
    examples=(
        Reported("version 2", "version: 2\njobs:\n  build:\n    machine: true\n"),
        Fixed(
            "with --upgrade-version",
            """\
-version: 2
+version: 2.1
 jobs:
   build:
     machine: true
     steps:
       - run: |
-          cat <<EOF > settings
+          cat \\<<EOF > settings
           colour
           EOF
 workflows:
-  version: 2
   main:
     jobs: [build]
""",
            Policy(upgrade_version=True),
        ),
        Unchanged("version 2.1", "version: 2.1\njobs:\n  build:\n    machine: true\n"),
    ),
)
