"""A parameter that takes the name of a variable gets something else.

## What it finds

`$HUB_TOKEN`, or a literal, as the argument of a parameter of type `env_var_name`: in
`docker/check`, `docker/publish` or another login of an orb or of the config itself.

## Why it matters

CircleCI refuses a value that isn't the name of a variable.

## The fix

`$HUB_TOKEN` becomes `HUB_TOKEN`. A literal user name becomes the variable that the config uses with
the same password elsewhere. There is no fix where the config doesn't show which variable to use.

## When to ignore it

Never.

## References

- https://circleci.com/docs/reference/configuration-reference/#environment-variable-name
- https://circleci.com/developer/orbs/orb/circleci/docker
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.circleci.config import Config, Namespace, Parameter
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.images import variable_in
from cci_migrate.circleci.published_orbs import published_orb
from cci_migrate.findings import Effect, Finding, Fix, NoFix, Place, Remedy
from cci_migrate.lossless.merging import text_of, values_by_key
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node, Scalar, collections_in, resolved
from cci_migrate.lossless.operations import ReplaceScalar, Text
from cci_migrate.policy.settings import PasswordAuth
from cci_migrate.rules.rule import Fixed, Reported, Rule, Unchanged

ID = "variable-name"
_TYPE = "env_var_name"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: What parameters of the config's own commands and jobs are called that are about a login.
_LOGIN_WORDS = re.compile(r"user|login|pass|token|hub|docker|registry", re.IGNORECASE)


class _Call(Struct, frozen=True, eq=False):
    """A step or a workflow job that passes ``arguments`` to what has ``parameters``."""

    name: str
    owner: str
    route: str
    parameters: Mapping[str, Parameter]
    arguments: Mapping[str, Node]


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each argument of type ``env_var_name`` that is no name of a variable."""
    for call in _calls(assessment.config):
        for name, parameter in call.parameters.items():
            argument = call.arguments.get(name)
            text = text_of(argument)
            if parameter.type != _TYPE or argument is None or text is None:
                continue
            if _NAME.fullmatch(text) or has_expression(text):
                continue
            yield Finding(
                rule=ID,
                place=Place(argument, f"{call.route}.{name}"),
                message=f"{name} of {call.name} takes the name of a variable, not a value",
                plural="parameters that take the name of a variable get a value",
                subject=call.name,
                owner=call.owner,
                effect=Effect.CREDENTIALS,
                because="CircleCI refuses a value that isn't the name of a variable.",
                remedy=_remedy(text, call, argument, assessment),
            )


def _remedy(text: str, call: _Call, argument: Node, assessment: Assessment) -> Remedy:
    by_hand = "store the value in a variable of a context or the project, and write its name here"
    variable = variable_in(text) or _used_with(text, call, assessment)
    if variable is None:
        return NoFix("the config doesn't show which variable to use", by_hand)
    if not isinstance(argument, Scalar) or argument.anchor is not None:
        return NoFix("the value is shared through an anchor", f"write {variable} here")
    return Fix(f"write {variable}", (ReplaceScalar(argument, Text(variable)),))


def _used_with(text: str, call: _Call, assessment: Assessment) -> str | None:
    """The only user-name variable that the config uses with a password that ``call`` passes."""
    passed = set(map(text_of, call.arguments.values())) - {text, None}
    passwords = {variable_in(value or "") or value for value in passed}
    users = {
        variable_in(item.credential.username)
        for item in assessment.evidence
        if isinstance(item.credential, PasswordAuth)
        and item.allows(item.jobs)
        and variable_in(item.credential.password) in passwords
    }
    return users.pop() if len(users) == 1 else None


def _calls(config: Config) -> Iterator[_Call]:
    """The steps and workflow jobs that pass arguments to such parameters, each once."""
    parameters = {home: _parameters_by_name(home) for home in config.body.walk()}
    names = frozenset().union(*parameters.values())
    if not config.has_key(*names):
        return
    seen: set[MappingNode] = set()
    calls: Counter[str] = Counter()
    for owner, route, home, node in _owners(config):
        for mapping in collections_in(node):
            if not isinstance(mapping, MappingNode) or mapping in seen:
                continue
            seen.add(mapping)
            if names.isdisjoint(mapping.values) and not mapping.merges:
                continue
            for name, value in values_by_key(mapping).items():
                arguments = resolved(value)
                if name not in parameters[home] or not isinstance(arguments, MappingNode):
                    continue
                place = f"{route}.{name}"
                calls[place] += 1
                place = f"{place}({calls[place]})"
                passed = values_by_key(arguments)
                yield _Call(name, owner, place, parameters[home][name], passed)


def _owners(config: Config) -> Iterator[tuple[str, str, Namespace, Node]]:
    """The titles, routes, namespaces and nodes of all jobs, commands and workflow jobs."""
    for entry in config.workflow_jobs:
        yield f"workflow {entry.workflow}", entry.route, config.body, entry.node
    for home in config.body.walk():
        for job in home.jobs.values():
            yield f"job {job.name}", job.route, home, job.mapping
        for command in home.commands.values():
            yield f"command {command.name}", command.route, home, command.mapping
    for document in config.documents:
        if document.root is not None and "&" in document.source.text:
            yield "an anchor", "anchors", config.body, document.root


def _parameters_by_name(home: Namespace) -> Mapping[str, Mapping[str, Parameter]]:
    """The parameters about logins of the commands and jobs that have some, by name in ``home``."""
    own = {
        name: {key: each for key, each in parameters.items() if _LOGIN_WORDS.search(key)}
        for name, parameters in dict(_own_parameters(home)).items()
        if any(parameter.type == _TYPE for parameter in parameters.values())
    }
    published = {
        f"{alias}/{name}": parameters
        for alias, orb in home.imported.items()
        if (release := published_orb(orb.name, orb.version)) is not None
        for name, parameters in _own_parameters(release)
    }
    return {
        name: parameters
        for name, parameters in {**own, **published}.items()
        if any(parameter.type == _TYPE for parameter in parameters.values())
    }


def _own_parameters(home: Namespace) -> Iterator[tuple[str, Mapping[str, Parameter]]]:
    """The parameters of each job and command in ``home``; a command goes before a job."""
    yield from ((job.name, job.parameters) for job in home.jobs.values())
    yield from ((command.name, command.parameters) for command in home.commands.values())
    for alias, orb in home.inline.items():
        for name, parameters in _own_parameters(orb):
            yield f"{alias}/{name}", parameters


_NAMED = Fixed(
    "a variable's value instead of its name",
    """\
 version: 2.1
 orbs:
   docker: circleci/docker@2.2.0
 jobs:
   smoke:
     machine:
       image: ubuntu-2204:current
     steps:
       - docker/check:
           docker-username: HUB_USER
-          docker-password: $HUB_TOKEN
+          docker-password: HUB_TOKEN
       - run: docker pull redis:7
 workflows:
   main:
     jobs: [smoke]
""",
)

RULE = Rule(
    id=ID,
    summary="a parameter that takes the name of a variable gets something else",
    effect=Effect.CREDENTIALS,
    manual=__doc__,
    security_severity=6.5,
    detect=detect,
    rank=60,
    examples=(
        _NAMED,
        Reported(
            "a literal user name: no fix",
            """\
version: 2.1
orbs:
  docker: circleci/docker@3.0.1
workflows:
  main:
    jobs:
      - docker/publish:
          image: acme/app
          docker_username: acme-bot
          docker_password: HUB_TOKEN
""",
        ),
        Unchanged("names of variables", _NAMED.after),
    ),
)
