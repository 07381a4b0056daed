"""What a config pulls, with which credentials, and which workflow jobs run it, from plain data.

This is the oracle that the project's own model of CircleCI is held against: short, slow and
written apart from it. It looks at jobs, executors and inline orbs, and at logins in steps.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from msgspec import Struct

from tests.oracle.image_registry import DOCKER_HUB, UNKNOWN, registry_of
from tests.oracle.plain_yaml import Data, list_of, mapping_of, value_at
from tests.oracle.step_logins import Login, StepLogins

EXPRESSION = re.compile(r"(?<!\\)<<\s*([^<>]*?)\s*>>")
PARAMETER = re.compile(r"(pipeline\.parameters|parameters|matrix)\.([\w-]+)\Z")
VARIABLE = re.compile(r"\$\{?[A-Za-z_]\w*\}?\Z")
RUNS_NOTHING = frozenset({"approval", "no-op", "release", "lock", "unlock"})
AUTH_KEYS = ("auth", "aws_auth", "gcp_auth")
MOST_VALUES = 200


#: What the name of a job that publishes says, or a step of it.
PUBLISHES = re.compile(r"push|publish|release|deploy|upload", re.IGNORECASE)


class Image(Struct, frozen=True):
    """One entry of a ``docker`` list.

    ``registry`` is None where it cannot be told or its values differ.
    """

    owner: str
    index: int
    text: str
    registry: str | None
    item: dict[str, Data]

    __repr__ = object.__repr__

    @property
    def place(self) -> str:
        return f"{self.owner}.docker[{self.index}]"

    @property
    def is_hub(self) -> bool:
        return self.registry == DOCKER_HUB

    @property
    def has_any_auth(self) -> bool:
        return any(self.item.get(key) is not None for key in AUTH_KEYS)

    @property
    def is_authenticated(self) -> bool:
        """Whether it has both halves of a login (or takes them whole from a parameter)."""
        auth = self.item.get("auth")
        if isinstance(auth, str):
            return "<<" in auth
        login = mapping_of(auth)
        return bool(login.get("username")) and bool(login.get("password"))

    @property
    def credential(self) -> tuple[str, str]:
        login = mapping_of(self.item, "auth")
        return str(login.get("username", "")), str(login.get("password", ""))

    @property
    def misplaced_credential(self) -> tuple[str, str]:
        """The login that stands among the image's own keys instead of under ``auth``."""
        return str(self.item.get("username", "")), str(self.item.get("password", ""))

    @property
    def reads_variables(self) -> bool:
        return any(VARIABLE.match(half) for half in self.credential)


class WorkflowJob(Struct, frozen=True):
    """One entry of a workflow's or job group's ``jobs``, and the images that it runs."""

    place: str
    job: str
    contexts: tuple[str, ...]
    images: tuple[Image, ...]
    runs_nothing: bool
    has_context_string: bool = False
    logins: tuple[Login, ...] = ()
    step_words: frozenset[str] = frozenset()
    only_for_forks: bool = False

    @property
    def needs_context(self) -> bool:
        """Whether it reads variables with Docker Hub's credentials, for images or in steps."""
        if self.runs_nothing:
            return False
        return any(
            image.is_hub and image.is_authenticated and image.reads_variables
            for image in self.images
        ) or any(VARIABLE.match(half) for login in self.logins for half in login)


class _Scope(Struct, frozen=True):
    """A config or an inline orb. ``prefix`` is its place, ``alias`` how jobs are called."""

    prefix: str
    alias: str
    data: dict[str, Data]

    def part(self, name: str) -> dict[str, Data]:
        return mapping_of(self.data, name)


class _Element(Struct, frozen=True):
    """A job or an executor (``kind``), and with which arguments it is called, if they are known."""

    scope: _Scope
    kind: str
    name: str
    entry: dict[str, Data] = {}

    @property
    def body(self) -> dict[str, Data]:
        return mapping_of(self.scope.data, self.kind, self.name)

    @property
    def matrix(self) -> dict[str, Data]:
        return mapping_of(self.entry, "matrix", "parameters")

    def declared(self, parameter: str) -> dict[str, Data]:
        return mapping_of(self.body, "parameters", parameter)


class PulledImages(Struct, frozen=True):
    """All images and workflow jobs of one config."""

    images: tuple[Image, ...]
    workflow_jobs: tuple[WorkflowJob, ...]
    logins: frozenset[Login] = frozenset()
    publishing: frozenset[Login] = frozenset()


def pulled_images(config: Data) -> PulledImages:
    """What the config with this plain data pulls."""
    return _Reader(mapping_of(config)).result()


def looks_like_config(config: Data) -> bool:
    """Whether the data have what only a CircleCI 2.x config has."""
    data = mapping_of(config)
    return "version" in data and any(
        isinstance(data.get(key), dict) for key in ("jobs", "executors", "workflows")
    )


class _Reader:
    def __init__(self, config: dict[str, Data]) -> None:
        self._scopes = list(_scopes("", "", config))
        self._entries = list(entries_of(config))
        self._logins = StepLogins(config)
        self._pipeline = mapping_of(config, "parameters")

    def result(self) -> PulledImages:
        images = [
            image
            for scope in self._scopes
            for kind in ("jobs", "executors")
            for name in scope.part(kind)
            for image in self._images_of(_Element(scope, kind, name))
        ]
        logins: set[Login] = set()
        publishing: set[Login] = set()
        for scope in self._scopes:
            for kind in ("jobs", "commands"):
                for name, body in scope.part(kind).items():
                    steps = value_at(body, "steps")
                    publishes = PUBLISHES.search(f"{name} {steps}") is not None
                    (publishing if publishes else logins).update(self._logins.of(steps))
        for _, called, entry in self._entries:
            logins.update(self._logins.of_call(called, entry))
            logins.update(self._passed_logins(entry))
        return PulledImages(
            tuple(images), tuple(self._workflow_jobs()), frozenset(logins), frozenset(publishing)
        )

    def _passed_logins(self, entry: dict[str, Data]) -> Iterator[Login]:
        """The logins of the steps that a workflow job gets as arguments or before its own."""
        for name, argument in entry.items():
            if name != "post-steps":
                yield from self._logins.of(argument)

    def _images_of(self, element: _Element) -> Iterator[Image]:
        for index, item in enumerate(list_of(element.body, "docker")):
            fields = mapping_of(item)
            text = fields.get("image")
            if isinstance(text, str):
                registries = {registry_of(value) for value in self._values(element, text)}
                registry = registries.pop() if len(registries) == 1 else None
                owner = f"{element.scope.prefix}{element.kind}.{element.name}"
                yield Image(owner, index, text, registry, fields)

    def _workflow_jobs(self) -> Iterator[WorkflowJob]:
        for place, called, entry in self._entries:
            kind = entry.get("type")
            job = self._job(called, entry)
            images: tuple[Image, ...] = ()
            logins = [*self._passed_logins(entry)]
            steps: list[Data] = [entry.get("pre-steps")]
            if job is not None:
                logins += self._logins.of(job.body.get("steps"))
                steps.append(job.body.get("steps"))
            if job is not None and kind not in RUNS_NOTHING:
                images = tuple(self._images_run(job))
                kind = kind or job.body.get("type")
            elif "/" in called:
                images = tuple(self._images_passed(entry))
                logins += self._logins.of_call(called, entry)
            yield WorkflowJob(
                place=place,
                job=called,
                contexts=contexts_of(entry.get("context")),
                images=images,
                runs_nothing=kind in RUNS_NOTHING,
                has_context_string=isinstance(entry.get("context"), str),
                logins=tuple(logins),
                step_words=frozenset(re.findall(r"\w+", str(steps))),
                only_for_forks=_is_for_forks(entry),
            )

    def _job(self, called: str, entry: dict[str, Data]) -> _Element | None:
        for scope in self._scopes:
            for name in scope.part("jobs"):
                if called == scope.alias + name:
                    return _Element(scope, "jobs", name, entry)
        return None

    def _images_run(self, job: _Element) -> Iterator[Image]:
        if job.body.get("docker") is not None:
            yield from self._images_of(job)
            return
        for executor in self._executors(job):
            orb, _, name = f"{job.scope.alias}{executor}".rpartition("/")
            for owner in self._scopes:
                if owner.prefix == job.scope.prefix and executor in owner.part("executors"):
                    yield from self._images_of(_Element(owner, "executors", executor))
                elif (
                    "/" in executor and owner.alias == f"{orb}/" and name in owner.part("executors")
                ):
                    yield from self._images_of(_Element(owner, "executors", name))

    def _images_passed(self, entry: dict[str, Data]) -> Iterator[Image]:
        """The images of the executors that a job of an orb is given; its own are not known."""
        top = self._scopes[0]
        for argument in entry.values():
            name = mapping_of(argument).get("name", argument)
            if isinstance(name, str) and name in top.part("executors"):
                yield from self._images_of(_Element(top, "executors", name))

    def _executors(self, job: _Element) -> set[str]:
        """The names of the executors that ``job`` runs on."""
        executor = job.body.get("executor")
        if isinstance(executor, dict):
            executor = executor.get("name")
        if not isinstance(executor, str):
            return set()
        match = EXPRESSION.fullmatch(executor.strip())
        parameter = PARAMETER.match(match.group(1)) if match else None
        if parameter is None:
            return {executor}
        values = self._argument(job, parameter.group(2))
        names = (value.get("name") if isinstance(value, dict) else value for value in values)
        return {name for name in names if isinstance(name, str)}

    def _argument(self, job: _Element, parameter: str) -> list[Data]:
        """What one call gives to a parameter: its argument, its matrix, or the default."""
        if parameter in job.entry:
            return [job.entry[parameter]]
        if parameter in job.matrix:
            return list_of(job.matrix[parameter])
        default = job.declared(parameter).get("default")
        return [] if default is None else [default]

    def _values(self, element: _Element, text: str, depth: int = 0) -> set[str]:
        """All that ``text`` can become; `UNKNOWN` stands for what cannot be told."""
        expressions = EXPRESSION.findall(text)
        if not expressions:
            return {text}
        choices = [self._meanings(element, inner, depth) for inner in expressions]
        if len(list(itertools.islice(itertools.product(*choices), MOST_VALUES))) == MOST_VALUES:
            choices = [{UNKNOWN} for _ in choices]
        values = set()
        for chosen in itertools.product(*choices):
            parts = iter(chosen)
            values.add(EXPRESSION.sub(lambda _, parts=parts: next(parts), text))  # type: ignore[misc]
        return values

    def _meanings(self, element: _Element, inner: str, depth: int) -> set[str]:
        match = PARAMETER.match(inner)
        if match is None or depth > 5:
            return {UNKNOWN}
        where, parameter = match.groups()
        if where == "pipeline.parameters":
            if element.scope.prefix:
                return {UNKNOWN}
            return _declared_texts(mapping_of(self._pipeline, parameter))
        if where == "matrix":
            return _plain_texts(list_of(element.matrix, parameter))
        found = _declared_texts(element.declared(parameter)) - {UNKNOWN}
        for caller, argument in self._arguments(element, parameter):
            text = _scalar_text(argument)
            found |= {UNKNOWN} if text is None else self._values(caller, text, depth + 1)
        return found or {UNKNOWN}

    def _arguments(self, element: _Element, parameter: str) -> Iterator[tuple[_Element, Data]]:
        """Each argument given for the parameter, with the place whose parameters it may use."""
        if element.kind == "jobs":
            for call in self._calls(element.scope, element.name):
                if parameter in call.entry:
                    yield call, call.entry[parameter]
                for argument in list_of(call.matrix, parameter):
                    yield call, argument
            return
        for job, body in element.scope.part("jobs").items():
            called_as = value_at(body, "executor")
            candidates = [(_Element(element.scope, "jobs", job), called_as)]
            if isinstance(called_as, str) and "<<" in called_as:
                candidates += [
                    (call, value)
                    for call in self._calls(element.scope, job)
                    for value in call.entry.values()
                ]
            for caller, candidate in candidates:
                arguments = mapping_of(candidate)
                if arguments.get("name") == element.name and parameter in arguments:
                    yield caller, arguments[parameter]

    def _calls(self, scope: _Scope, job: str) -> Iterator[_Element]:
        """The workflow jobs that run ``job`` of ``scope``: they have no parameters of their own."""
        for _, called, entry in self._entries:
            if called == scope.alias + job:
                yield _Element(_Scope("", "", {}), "jobs", "", entry)


def contexts_of(value: Data) -> tuple[str, ...]:
    """The contexts that a ``context`` key names, in order."""
    if isinstance(value, str):
        return (value,)
    return tuple(str(name) for name in list_of(value))


def _scopes(prefix: str, alias: str, data: dict[str, Data]) -> Iterator[_Scope]:
    yield _Scope(prefix, alias, data)
    for name, orb in mapping_of(data, "orbs").items():
        if isinstance(orb, dict):
            yield from _scopes(f"{prefix}orbs.{name}.", f"{alias}{name}/", orb)


def entries_of(config: Data) -> Iterator[tuple[str, str, dict[str, Data]]]:
    """The place, the name and the arguments of each workflow job."""
    for kind in ("workflows", "job-groups"):
        for name, workflow in mapping_of(config, kind).items():
            for index, entry in enumerate(list_of(workflow, "jobs")):
                place = f"{kind}.{name}.jobs[{index}]"
                if isinstance(entry, str):
                    yield place, entry, {}
                for job, arguments in mapping_of(entry).items():
                    yield place, job, mapping_of(arguments)


def _scalar_text(value: Data) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _declared_texts(declared: dict[str, Data]) -> set[str]:
    return _plain_texts([declared.get("default"), *list_of(declared, "enum")])


def _plain_texts(values: list[Data]) -> set[str]:
    texts = {text for text in map(_scalar_text, values) if text is not None}
    return texts or {UNKNOWN}


def _is_for_forks(entry: dict[str, Data]) -> bool:
    """Whether the filters of a workflow job let branches of forks through alone."""
    branches = mapping_of(entry, "filters", "branches")
    only = branches.get("only")
    names = only if isinstance(only, list) else [only]
    return all(isinstance(name, str) and re.match(r"/\^?pull", name) for name in names)
