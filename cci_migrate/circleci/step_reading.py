"""What the steps of a job pull, and where they log in, in the order in which they run.

A script of the repository that a step runs is read too, and what that one runs; so are the
Dockerfiles and Compose files that its commands name, where they are there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.bounds.allowance import Allowance
from cci_migrate.circleci import published_orbs
from cci_migrate.circleci.checkout_folder import CheckoutFolder
from cci_migrate.circleci.config import Config, Executor, Job, Namespace, WorkflowJob
from cci_migrate.circleci.docker_daemon import (
    Daemon,
    JobDaemons,
    daemons_of,
    daemons_on,
    has_client,
    may_run_as_root,
    may_set_up_remote,
)
from cci_migrate.circleci.docker_orb import (
    DEFAULT_PASSWORD,
    DEFAULT_USERNAME,
    DOCKER_ORB,
    spelling_of,
)
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.images import variable_in
from cci_migrate.circleci.orb_jobs import OrbJob
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.step_moments import Moment
from cci_migrate.circleci.step_pulls import (
    ClientUse,
    JobDocker,
    StepLogin,
    StepLogout,
    StepPull,
    UnreadLogin,
)
from cci_migrate.circleci.steps import (
    SETUP,
    RunStep,
    Step,
    StepDefaults,
    argument,
    is_true,
    job_steps,
    orb_job_steps,
    run_step,
    sets_up_docker,
    step_defaults,
)
from cci_migrate.circleci.unread_logins import is_like_login, step_title
from cci_migrate.circleci.value_origins import (
    UNKNOWN_VALUE,
    CredentialValue,
    Origin,
    credential_value,
)
from cci_migrate.circleci.variable_settings import VariableSettings, exported_values
from cci_migrate.docker.compose import default_paths, services_of
from cci_migrate.docker.dockerfile import images_of
from cci_migrate.docker.image_reference import (
    DOCKER_HUB,
    ImageReference,
    Undecidable,
    normalise_host,
    parse_image_reference,
    registry_of,
)
from cci_migrate.docker.login_keys import login_key, pull_key
from cci_migrate.docker.shell import (
    DOCKER_CONFIG,
    HOME,
    USER_CONFIG,
    BakeBuild,
    Build,
    ClientAccess,
    ComposeCommand,
    CredentialFile,
    Dialect,
    Exit,
    Fact,
    FunctionCall,
    ImagePull,
    LocalImage,
    LocalImages,
    Login,
    LoginKind,
    Logout,
    NamedImage,
    Quoting,
    Script,
    ScriptCall,
    TaskCall,
    Tool,
    Verb,
    Word,
    config_directory,
    dialect_of,
    facts_of,
    joined_path,
    mentions_docker,
    mentions_script,
    same_image_key,
)
from cci_migrate.docker.tasks.runners import task_script, task_title
from cci_migrate.docker.tasks.task_script import UNKNOWN_FOLDER, NotFollowed
from cci_migrate.lossless.merging import entries_of, items_of, text_of, value_of
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node, resolved
from cci_migrate.lossless.nodes import Sequence as SequenceNode

#: Returns the text of a file of the repository by its path from the root; None if there is none.
ReadText = Callable[[str], "str | None"]

#: Scripts and tasks that call each other deeper than this are not followed.
_DEEPEST_CALL = 6
#: How many of them are followed in one job.
_MOST_CALLS = 300
_NO_REPOSITORY = "the config comes without its repository"
#: Prefixes of images that a build has created and that are in no registry.
_LOCAL = ("local/", "localhost/")
_ROOT_CONFIG = "~root/.docker"


def facts(text: str, dialect: Dialect, environment: Mapping[str, str]) -> Script:
    """`facts_of`, cached: jobs share commands, and the proof reads everything again."""
    return _facts(text, dialect, tuple(environment.items()))


@lru_cache(maxsize=1024)
def _facts(text: str, dialect: Dialect, environment: tuple[tuple[str, str], ...]) -> Script:
    return facts_of(text, dialect, dict(environment))


def _no_file(path: str) -> str | None:
    del path
    return None


def job_docker(
    config: Config,
    home: Namespace,
    job: Job,
    entry: WorkflowJob | None,
    values: ParameterValues,
    read: ReadText | None,
    allowance: Allowance | None = None,
    *,
    logins_count: bool = False,
) -> JobDocker | None:
    """What the steps of ``job`` do with Docker; None if it has no Docker to talk to.

    With ``logins_count`` such a job has the logins that name a password, if it makes any.
    ``allowance`` is what is left of `step_allowance`. Raises TooComplexError.
    """
    perhaps = daemons_of(job, home, config, values, has_remote=may_set_up_remote(config))
    if perhaps.main is Daemon.NONE and not logins_count:
        return None
    steps = job_steps(config, home, job, entry, allowance)
    has_remote = any(sets_up_docker(step) for step in steps)
    daemons = daemons_of(job, home, config, values, has_remote=has_remote)
    if daemons.main is Daemon.NONE and not logins_count:
        return None
    defaults = step_defaults(job, home, config, values)
    environment = image_environment(config, home, job, values)
    as_root = may_run_as_root(job, home, config, values)
    reader = _StepReader(
        job, home, values, read, daemons.main, defaults, _built_names(config), environment, as_root
    )
    docker = reader.job_docker(home, entry, daemons, steps)
    if docker.has_docker:
        return replace(docker, has_client=has_client(job, home, config, values))
    logins = tuple(login for login in docker.logins if login.names_password)
    return replace(docker, logins=logins) if logins or docker.client_uses else None


def orb_job_dockers(
    config: Config,
    orb_job: OrbJob,
    values: ParameterValues,
    read: ReadText | None,
    allowance: Allowance | None = None,
) -> Iterator[JobDocker]:
    """What the steps of a published orb's job do with Docker, in each of its ways.

    Ways in which it has no Docker to talk to, or where it runs is not known, are left out. Raises
    TooComplexError.
    """
    home, job, entry = orb_job.home, orb_job.job, orb_job.entry
    for arguments, place in zip(orb_job.ways, orb_job.places(config), strict=True):
        if place is None:
            continue
        steps = orb_job_steps(config, home, job, entry, arguments, allowance)
        has_remote = any(sets_up_docker(step) for step in steps)
        resource_class = job.runs_on.resource_class
        daemons = daemons_on(place.executor, resource_class, has_remote=has_remote)
        if daemons.main is Daemon.NONE:
            continue
        directory = text_of(value_of(job.mapping, "working_directory"))
        defaults = StepDefaults(
            None, None if directory is None else place.bindings.expand(directory), {}
        )
        reader = _StepReader(
            job,
            config.body,
            values,
            read,
            daemons.main,
            defaults,
            _built_names(config),
            frozenset(),
        )
        yield reader.job_docker(home, entry, daemons, steps)


def pure_logins(
    home: Namespace,
    node: MappingNode,
    steps: Sequence[Step],
    values: ParameterValues,
    read: ReadText | None,
    daemon: Daemon,
) -> Sequence[StepLogin] | None:
    """The logins of ``steps``, declared at ``node``; None if they do anything else."""
    executor = Executor("", "", None, node, {}, None, None, None, None, None)
    job = Job("", "", None, node, None, {}, executor, None, None)
    defaults = StepDefaults(None, None, {})
    reader = _StepReader(job, home, values, read, daemon, defaults, frozenset(), frozenset())
    for order, step in enumerate(steps):
        before = len(reader.logins)
        reader.step(order, step, pulls_count=True)
        run = run_step(step, defaults)
        if run is None:
            if len(reader.logins) == before or reader.pulls:
                return None
            continue
        script = facts(run.script, step_dialect(run, daemon), run.environment)
        if script.does_more_than_log_in or not all(
            isinstance(fact, Login | Exit) for fact in script.facts
        ):
            return None
    return reader.logins


def image_environment(
    config: Config, home: Namespace, job: Job, values: ParameterValues
) -> frozenset[str]:
    """The variables that the primary image of ``job`` sets."""
    lists = [job.runs_on.docker or ()]
    if not lists[0]:
        for call in values.executor_calls(job):
            executor = home.executor(call.name) or config.body.executor(call.name)
            lists.append(() if executor is None else executor[1].docker or ())
    nodes = (value_of(items[0].mapping, "environment") for items in lists if items)
    return frozenset(name for node in nodes for name in _environment_names(node))


def _environment_names(node: Node | None) -> Iterator[str]:
    value = None if node is None else resolved(node)
    yield from entries_of(value)
    for item in value.items if isinstance(value, SequenceNode) else ():
        yield (text_of(item) or "").partition("=")[0]


#: Patterns of the names of built images. Each begins with literal characters and looks behind only
#: then, for speed: the whole file is searched.
_DOCKER = re.compile(r"docker(?<=\bdocker)\b")
_SAVED = re.compile(r"(?:save(?<=\ssave)|tag(?<=\stag))\s+(?:-o\s*\S+\s+)?[\"']?([^\s\"'>|;&]+)")
_TAG_OPTION = re.compile(r"-(?<=\s-)(?:t|-tag)[ =][\"']?([^\s\"']+)")


@lru_cache(maxsize=4)
def _built_names(config: Config) -> frozenset[str]:
    """The names of the images that some step of ``config`` builds, tags or saves."""
    return frozenset(
        _name_of(image)
        for document in config.documents
        for image in _built_in(document.source.text)
    )


def _built_in(text: str) -> Iterator[str]:
    for match in _TAG_OPTION.finditer(text):
        yield match.group(1)
    done = 0
    for match in _SAVED.finditer(text) if "docker" in text else ():
        # The word docker precedes it on its line.
        start = max(done, text.rfind("\n", done, match.start()))
        if _DOCKER.search(text, start, match.start()):
            yield match.group(1)
        done = match.end()


def _name_of(image: str) -> str:
    """``image`` without its tag."""
    head, slash, last = image.rpartition("/")
    return head + slash + last.partition(":")[0]


class _StepReader:
    def __init__(
        self,
        job: Job,
        home: Namespace,
        values: ParameterValues,
        read: ReadText | None,
        daemon: Daemon,
        defaults: StepDefaults,
        built: frozenset[str],
        image_environment: frozenset[str],
        as_root: bool = False,
    ) -> None:
        self._job = job
        self._built_images = built
        self._home = home
        self._values = values
        self._follows = read is not None
        self._read = read or _no_file
        self._daemon = daemon
        self._defaults = defaults
        self._folder = CheckoutFolder(self._value(defaults.working_directory or "") or None)
        self._local = LocalImages()
        self._loaded_something = False
        #: The known variables of the current step.
        self._environment: Mapping[str, str] = {}
        #: Whether some step mentions Docker once there is a daemon.
        self._uses_docker = False
        self._calls = 0
        #: Returns the place of an offset in the current script of the repository.
        self._within: Callable[[int], str | None] | None = None
        #: The scripts that the current one has sourced, with their folders.
        self._sourced: list[tuple[str, str]] = []
        self._settings = VariableSettings(image_environment)
        self._as_root = as_root
        own = config_directory(self._literal_values(defaults.environment))
        #: Where commands of steps store logins by default.
        self._own_config = self._config(own)
        self._exported: dict[str, str] = {}
        self.pulls: list[StepPull] = []
        self.logins: list[StepLogin] = []
        self.logouts: list[StepLogout] = []
        self.unread_logins: list[UnreadLogin] = []
        self.client_uses: list[ClientUse] = []

    def job_docker(
        self, home: Namespace, entry: WorkflowJob | None, daemons: JobDaemons, steps: list[Step]
    ) -> JobDocker:
        """Read ``steps``, all those of the job."""
        docker_from = len(steps) if daemons.main is Daemon.NONE else 0
        if daemons.main is Daemon.REMOTE:
            docker_from = next(i for i, step in enumerate(steps) if sets_up_docker(step))
        set_before: list[frozenset[str]] = []
        for order, step in enumerate(steps):
            self._settings.enter(self._defaults.environment)
            set_before.append(self._settings.assigned)
            self.step(order, step, pulls_count=order >= docker_from)
        after = docker_from + 1
        is_unused = not self._uses_docker and not self.pulls
        if daemons.main is Daemon.REMOTE and is_unused and after < len(steps):
            reason = "no later step is seen to use it"
            moment = Moment(after, steps[after], ())
            self._undecided(moment, Tool.DOCKER, SETUP, reason, perhaps=True)
        return JobDocker(
            home,
            self._job,
            entry,
            daemons,
            self._defaults,
            tuple(steps),
            tuple(self.pulls),
            tuple(self.logins),
            tuple(self.logouts),
            tuple(self.unread_logins),
            tuple(set_before),
            tuple(self.client_uses),
            self._own_config,
        )

    def step(self, order: int, step: Step, *, pulls_count: bool) -> None:
        """Read one step; ``pulls_count``: there is a daemon that pulls."""
        run = run_step(step, self._defaults)
        if run is not None:
            self._settings.enter(run.environment)
            self._settings.exported(run.script)
            self._script(order, run, pulls_count=pulls_count)
            self._exported.update(exported_values(run.script, DOCKER_CONFIG))
        elif step.name == "checkout":
            path = argument(step, "path")
            self._folder.checked_out(None if path is None else self._value(path))
        elif step.home.is_published and " " in step.name:
            self._published(order, step, pulls_count=pulls_count)
        elif "/" in step.name:
            self._orb_command(order, step, pulls_count=pulls_count)

    def _file(self, path: str) -> str | None:
        inside = self._folder.inside(path)
        return None if inside is None else self._read(inside)

    # Orbs

    def _orb_command(self, order: int, step: Step, *, pulls_count: bool) -> None:
        """Read a command of the Docker orb; other orbs' are expanded or unknown: see `steps`."""
        alias, _, command = step.name.partition("/")
        orb = step.home.imported.get(alias)
        moment = Moment(order, step, ())
        if orb is None or orb.name != DOCKER_ORB:
            is_remote = self._daemon is Daemon.REMOTE
            if orb is not None and is_remote and not published_orbs.is_read(orb.name):
                reason = f"the orb {orb.name} isn't known"
                self._not_followed(moment, step.name, reason, pulls_count=pulls_count)
            return
        self._uses_docker |= pulls_count
        if command == "check":
            named = self._argument(step, "registry", DOCKER_HUB)
            self.logins.append(self._orb_login(self._checked(moment, step, orb.version), named))
        elif command == "pull" and pulls_count:
            images = [image.strip() for image in (argument(step, "images") or "").split(",")]
            self._pull(moment, Tool.DOCKER, step.name, [image for image in images if image])

    def _published(self, order: int, step: Step, *, pulls_count: bool) -> None:
        """Read what a published orb does with Docker in ``step``."""
        moment = Moment(order, step, (), is_reliable=not is_true(argument(step, "perhaps")))
        if step.name == published_orbs.LOGIN:
            self.logins.append(self._orb_login(self._published_login(moment, step)))
        if not pulls_count or not moment.is_reliable:
            return
        self._uses_docker = True
        command = step.within or step.name
        if step.name == published_orbs.PULL:
            image = argument(step, "image")
            if image is None:
                self._undecided(moment, Tool.DOCKER, command, "its images are not known")
            else:
                self._pull(moment, Tool.DOCKER, command, [image])
        elif step.name == published_orbs.BUILD:
            for path in self._all_texts(argument(step, "dockerfile") or "$"):
                if "$" in path or has_expression(path):
                    reason = "which Dockerfile it builds cannot be told"
                    self._undecided(moment, Tool.DOCKER, command, reason)
                else:
                    self._dockerfile(moment, Tool.DOCKER, command, joined_path(".", path))

    def _all_texts(self, text: str) -> tuple[str, ...]:
        return self._values.texts(text, self._job, is_orb=self._home.is_orb)

    def _published_login(self, moment: Moment, step: Step) -> StepLogin:
        named = items_of(value_of(step.value, "registries"))
        patterns = [
            pattern
            for item in named
            for pattern in self._all_texts(step.bindings.expand(text_of(item) or ""))
        ]
        names = [self._argument(step, key, "") for key in ("username", "password")]
        credentials = [
            self._settings.variable(name) if name and _NAME.fullmatch(name) else UNKNOWN_VALUE
            for name in names
        ]
        return StepLogin(
            moment,
            tuple(normalise_host(host) for host in patterns if not has_expression(host)),
            any_registry=not named,
            username_value=credentials[0],
            password_value=credentials[1],
            variables=_read_from_outside(credentials),
        )

    def _checked(self, moment: Moment, step: Step, version: str) -> StepLogin:
        spelling = spelling_of(version)
        registry = self._argument(step, "registry", DOCKER_HUB)
        username = password = None
        if spelling is not None:
            username = self._variable(step, spelling.username, DEFAULT_USERNAME)
            password = self._variable(step, spelling.password, DEFAULT_PASSWORD)
        credentials = [
            self._settings.variable(name) if name and _NAME.fullmatch(name) else UNKNOWN_VALUE
            for name in (username, password)
        ]
        return StepLogin(
            moment,
            () if registry is None else (normalise_host(registry),),
            any_registry=False,
            username_value=credentials[0],
            password_value=credentials[1],
            variables=_read_from_outside(credentials),
        )

    def _argument(self, step: Step, name: str, default: str) -> str | None:
        """The argument ``name`` of ``step``, else ``default``; None if unknown."""
        text = self._passed(step, name, default)
        return None if text is None or "$" in text else text

    def _variable(self, step: Step, name: str, default: str) -> str | None:
        """The variable in the argument ``name`` of ``step``, also if it is written ``$NAME``."""
        text = self._passed(step, name, default)
        return None if text is None else variable_in(text) or text

    def _passed(self, step: Step, name: str, default: str) -> str | None:
        text = argument(step, name)
        if text is None:
            return default
        texts = self._values.texts(text, self._job, is_orb=self._home.is_orb)
        return texts[0] if len(texts) == 1 and not has_expression(texts[0]) else None

    # Scripts

    def _script(self, order: int, run: RunStep, *, pulls_count: bool) -> None:
        self._uses_docker |= pulls_count and mentions_docker(run.script)
        if not (mentions_docker(run.script) or mentions_script(run.script)):
            return
        environment = {**self._literal_values(run.environment), **self._exported}
        self._environment, self._sourced = environment, []
        script = facts(run.script, step_dialect(run, self._daemon), environment)
        self._settings.script(script)
        is_reliable = not (run.only_on_failure or run.in_background)
        ways = (
            [run.working_directory]
            if run.working_directory is None
            else self._ways(run.working_directory)
        )
        for number, way in enumerate(ways):
            directory = self._folder.directory_of(way)
            for fact in script.facts:
                if number and not isinstance(fact, _DEPENDS_ON_FOLDER):
                    continue
                moment = Moment(order, run.step, ((script, fact),), is_reliable)
                self._fact(moment, fact, directory, pulls_count=pulls_count, depth=0)

    def _literal_values(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables of ``environment`` with literal values.

        CircleCI passes values on as they are: ``$NAME`` in one is not expanded.
        """
        return {
            name: self._value(text)
            for name, text in environment.items()
            if variable_in(text) is None
        }

    def _value(self, text: str) -> str:
        """``text`` with its parameters replaced if they have only one value."""
        if not has_expression(text):
            return text
        texts = self._values.texts(text, self._job, is_orb=self._home.is_orb)
        return texts[0] if len(texts) == 1 else text

    def _fact(
        self, moment: Moment, fact: Fact, directory: str | None, *, pulls_count: bool, depth: int
    ) -> None:
        fact = self._local.record(fact)
        match fact:
            case ImagePull():
                if pulls_count:
                    self._image_pull(moment, fact)
            case Build():
                for build in self._builds(fact) if pulls_count else ():
                    self._build(moment, build, directory)
            case BakeBuild():
                if pulls_count:
                    reason = "what docker buildx bake builds is not read"
                    self._undecided(moment, Tool.DOCKER, "docker buildx bake", reason)
            case ComposeCommand():
                for compose in self._composes(fact) if pulls_count else ():
                    self._compose(moment, compose, directory)
            case Login(registry=registry, tool=tool):
                named = None if registry is None else registry.value
                login = replace(self._login(moment, fact), config=self._config(fact.config))
                self.logins.append(self._with_keys(login, named, tool))
            case ClientAccess():
                login = self._step_login(
                    moment,
                    fact,
                    fact.username,
                    fact.password,
                    fact.stdin_password,
                    reads_stdin=fact.reads_stdin,
                )
                self.client_uses.append(ClientUse(fact.purpose, login))
            case CredentialFile(keys=keys):
                self.logins.append(
                    StepLogin(
                        moment,
                        tuple(normalise_host(key) for key in keys or ()),
                        any_registry=keys is None,
                        variables=fact.variables,
                        keys=keys or (),
                        config=self._config(fact.config),
                    )
                )
            case Logout(registry=registry):
                key = None if fact.all else login_key(None if registry is None else registry.value)
                self.logouts.append(StepLogout(moment, key, self._config(fact.config)))
            case LocalImage(image=image):
                self._loaded_something = self._loaded_something or image is None
            case ScriptCall():
                self._call(moment, fact, directory, pulls_count=pulls_count, depth=depth)
            case TaskCall():
                self._task(moment, fact, directory, pulls_count=pulls_count, depth=depth)
            case FunctionCall():
                self._function(moment, fact, directory, pulls_count=pulls_count, depth=depth)
            case Exit() | NamedImage():
                pass
            case _:
                assert_never(fact)

    def _call(
        self,
        moment: Moment,
        call: ScriptCall,
        directory: str | None,
        *,
        pulls_count: bool,
        depth: int,
    ) -> None:
        path = None
        if call.directory is not None and directory is not None:
            path = self._path(joined_path(directory, call.directory), call.path)
        text = None if path is None else self._file(path)
        if call.sourced:
            self._settings.sourced(call.path, text)
        if text is None:
            reason = "which script it is can't be determined"
            if not self._follows:
                reason = _NO_REPOSITORY
            elif path is not None and "$" not in path:
                reason = f"no {path} found"
            is_ours = not call.sourced and _is_own_script(call.path)
            self._not_followed(
                moment, call.path, reason, pulls_count=pulls_count, may_be_ours=is_ours
            )
            return
        self._settings.exported(text)
        self._uses_docker |= pulls_count and mentions_docker(text)
        if call.sourced and directory is not None:
            self._sourced.append((text, directory))
        if mentions_docker(text) or mentions_script(text):
            script = facts(text, Dialect.POSIX, dict(call.client_environment))
            self._follow(
                moment,
                script,
                script.facts,
                lambda offset: f"{path}:{text.count(chr(10), 0, offset) + 1}",
                directory,
                pulls_count=pulls_count,
                depth=depth,
            )

    def _task(
        self,
        moment: Moment,
        call: TaskCall,
        directory: str | None,
        *,
        pulls_count: bool,
        depth: int,
    ) -> None:
        if self._daemon is Daemon.NONE:
            return
        for words in self._ways(_SEPARATOR.join(call.arguments)):
            arguments = words.split(_SEPARATOR) if words else []
            title = task_title(call.program, arguments)
            where = UNKNOWN_FOLDER
            if call.directory is not None and directory is not None:
                where = self._path(directory, call.directory)
            environment = {**self._environment, **dict(call.environment)}
            outcome = task_script(call.program, arguments, where, self._file, environment)
            if isinstance(outcome, NotFollowed):
                self._not_followed(
                    moment,
                    title,
                    outcome.reason if self._follows else _NO_REPOSITORY,
                    pulls_count=pulls_count,
                    may_be_ours=outcome.may_be_ours,
                )
                continue
            if outcome.unread is not None:
                self._not_followed(moment, title, outcome.unread, pulls_count=pulls_count)
            self._settings.exported(outcome.text)
            self._uses_docker |= pulls_count and mentions_docker(outcome.text)
            if mentions_docker(outcome.text) or mentions_script(outcome.text):
                environment = {**self._environment, **dict(call.client_environment)}
                for name in (HOME, DOCKER_CONFIG):
                    if name not in dict(call.client_environment):
                        environment.pop(name, None)
                script = facts(outcome.text, Dialect.POSIX, environment)
                self._follow(
                    moment,
                    script,
                    script.facts,
                    outcome.place_of,
                    outcome.directory,
                    pulls_count=pulls_count,
                    depth=depth,
                )

    def _function(
        self,
        moment: Moment,
        call: FunctionCall,
        directory: str | None,
        *,
        pulls_count: bool,
        depth: int,
    ) -> None:
        """Read a call of a function of a sourced script: the facts of the function."""
        for text, _ in reversed(self._sourced):
            if not _defines(text, call.name):
                continue
            environment = dict(call.client_environment)
            script = facts(f"{text}\n{call.text}\n", Dialect.POSIX, environment)
            last = max((fact.place[0].slot for fact in script.facts if fact.place), default=0)
            alone = facts(text, Dialect.POSIX, environment)
            defining = {fact.place[0].slot for fact in alone.facts if fact.place}
            if last in defining:
                return
            inner = [fact for fact in script.facts if fact.place and fact.place[0].slot == last]
            inside = directory
            if directory is not None and call.directory is not None:
                inside = self._path(directory, call.directory)
            self._follow(moment, script, inner, None, inside, pulls_count=pulls_count, depth=depth)
            return

    def _follow(
        self,
        moment: Moment,
        script: Script,
        inside: Iterable[Fact],
        within: Callable[[int], str | None] | None,
        directory: str | None,
        *,
        pulls_count: bool,
        depth: int,
    ) -> None:
        """Read the facts ``inside`` of ``script``, which runs at ``moment``."""
        if any(script is outer for outer, _ in moment.facts):
            return  # it calls itself, and is being read
        self._calls += 1
        if depth >= _DEEPEST_CALL or self._calls > _MOST_CALLS:
            reason = "too many scripts and tasks call each other"
            self._not_followed(moment, step_title(moment.step), reason, pulls_count=pulls_count)
            return
        self._settings.script(script)
        outer = self._within, self._sourced
        self._within, self._sourced = within, list(self._sourced)
        for fact in inside:
            inner = Moment(
                moment.order, moment.step, (*moment.facts, (script, fact)), moment.is_reliable
            )
            self._fact(inner, fact, directory, pulls_count=pulls_count, depth=depth + 1)
        self._within, self._sourced = outer

    def _not_followed(
        self,
        moment: Moment,
        title: str,
        reason: str,
        may_be_ours: bool = True,
        *,
        pulls_count: bool,
    ) -> None:
        """Record a command that can't be read: it may log in, or pull."""
        if is_like_login(f"{step_title(moment.step)} {title}"):
            self.unread_logins.append(UnreadLogin(moment, title))
        elif may_be_ours and pulls_count:
            self._undecided(moment, Tool.DOCKER, title, reason, perhaps=True)

    def _ways(self, text: str) -> tuple[str, ...]:
        """The texts that ``text`` can become when CircleCI replaces its parameters."""
        return self._all_texts(text) if has_expression(text) else (text,)

    # Logins

    @staticmethod
    def _with_keys(
        login: StepLogin, server: str | None = None, tool: Tool = Tool.DOCKER
    ) -> StepLogin:
        """``login`` with the keys that it writes; ``server`` is the argument of the login.

        podman and buildah accept any name of Docker Hub.
        """
        keys = login.registries
        if tool is Tool.DOCKER and keys == (DOCKER_HUB,):
            keys = (login_key(server),)
        return replace(login, keys=keys)

    def _orb_login(self, login: StepLogin, server: str | None = None) -> StepLogin:
        return replace(self._with_keys(login, server), config=self._own_config)

    def _config(self, directory: str | None) -> str | None:
        """``directory``, where a client stores logins, by the same name throughout the job."""
        return USER_CONFIG if self._as_root and directory == _ROOT_CONFIG else directory

    def _config_at(self, moment: Moment) -> str | None:
        """Where the command of ``moment`` looks for logins."""
        fact = moment.facts[-1][1] if moment.facts else None
        if isinstance(fact, ImagePull | Build | BakeBuild | ComposeCommand):
            return self._config(fact.config)
        return self._own_config

    def _login(self, moment: Moment, login: Login) -> StepLogin:
        if login.kind is not LoginKind.LOGIN:
            read = login.variables - self._settings.assigned
            return StepLogin(
                moment, login.registries, any_registry=False, variables=read, tool=login.tool
            )
        password = None if login.password is None else login.password.value
        step_login = self._step_login(
            moment,
            login,
            login.username,
            password,
            login.stdin_password,
            reads_stdin=login.password_stdin,
        )
        return replace(step_login, tool=login.tool)

    def _step_login(
        self,
        moment: Moment,
        fact: Login | ClientAccess,
        username: Word | None,
        password: Word | None,
        stdin_password: str | None,
        *,
        reads_stdin: bool,
    ) -> StepLogin:
        secret, written_out = stdin_password, None
        if password is not None:
            secret = password.value
            written_out = None if "$" in secret or "<<" in secret else secret
            if password.quoting is Quoting.SINGLE and "$" in secret:
                secret = None
        credentials = [
            self._credential_value(None if username is None else username.value, is_secret=False),
            CredentialValue(Origin.DERIVED)
            if secret is None and reads_stdin
            else self._credential_value(secret, is_secret=True),
        ]
        return StepLogin(
            moment,
            fact.registries,
            any_registry=False,
            username_value=credentials[0],
            password_value=credentials[1],
            variables=(fact.variables - self._settings.assigned) | _read_from_outside(credentials),
            written_out=written_out,
            keys=fact.registries,
        )

    def _credential_value(self, text: str | None, *, is_secret: bool) -> CredentialValue:
        """The origin of ``text``, a user name or (``is_secret``) a password of a login."""
        if text is not None and has_expression(text):
            texts = self._values.texts(text, self._job, is_orb=self._home.is_orb)
            text = texts[0] if len(texts) == 1 else text
        value = credential_value(text, is_secret=is_secret)
        if value.origin is not Origin.VARIABLE or value.variable is None:
            return value
        return self._settings.judged(value)

    # Pulls

    def _image_pull(self, moment: Moment, pull: ImagePull) -> None:
        command = f"{pull.tool.value} {pull.verb.value}"
        if pull.is_local or (pull.image is not None and pull.image.value.startswith(_LOCAL)):
            return
        if pull.image is None:
            self._undecided(moment, pull.tool, command, "the command line does not name the image")
            return
        image = pull.image.value
        if not self._to_fetch(moment, pull, f"{command} {image}", [image]):
            return
        places: tuple[tuple[str, str], ...] = ()
        if self._within is not None:
            place = self._within(pull.image.start)
            places = () if place is None else ((image, place),)
        self._pull(moment, pull.tool, f"{command} {image}", [image], places)

    def _to_fetch(
        self,
        moment: Moment,
        pull: ImagePull | ComposeCommand,
        command: str,
        images: Sequence[str],
    ) -> list[str]:
        """Those of ``images`` that aren't there, as far as that is known.

        What `docker load` has brought isn't known by name: it may be any of them.
        """
        if pull.verb is Verb.PULL or pull.always_pulls:
            return list(images)
        missing = [image for image in images if not self._local.has(image)]
        if not self._loaded_something:
            return missing
        for image in missing:
            is_fetched = any(image in earlier.texts for earlier in self.pulls)
            if not is_fetched and _name_of(image) not in self._built_images:
                title = command if command.endswith(image) else f"{command} {image}"
                reason = "it may be what docker load has brought"
                self._undecided(moment, pull.tool, title, reason)
        return []

    def _builds(self, build: Build) -> Iterator[Build]:
        """``build`` for each value of the parameters of the job that say what it builds."""
        texts = (build.directory, build.context, build.dockerfile, build.target)
        for way in self._ways(_SEPARATOR.join(text or "" for text in texts)):
            directory, context, dockerfile, target = (
                None if text is None else value
                for text, value in zip(texts, way.split(_SEPARATOR), strict=True)
            )
            yield replace(
                build, directory=directory, context=context, dockerfile=dockerfile, target=target
            )

    def _composes(self, compose: ComposeCommand) -> Iterator[ComposeCommand]:
        """``compose`` for each value of the parameters of the job that say what it starts."""
        lists = (compose.files, compose.profiles, compose.services)
        folders = (compose.directory, compose.project_directory)
        texts = [*(text or "" for text in folders), *chain.from_iterable(lists)]
        for way in self._ways(_SEPARATOR.join(texts)):
            values = iter(way.split(_SEPARATOR))
            directory, project = (
                value if text is not None else None
                for text, value in zip(folders, values, strict=False)
            )
            files, profiles, services = (
                tuple(next(values) for _ in unexpanded) for unexpanded in lists
            )
            yield replace(
                compose,
                directory=directory,
                project_directory=project,
                files=files,
                profiles=profiles,
                services=services,
            )

    def _path(self, directory: str, path: str) -> str:
        """``path`` seen from ``directory``, from the repository's root if it is in there."""
        joined = joined_path(directory, path)
        return self._folder.inside(joined) or joined

    def _build(self, moment: Moment, build: Build, directory: str | None) -> None:
        command = f"{build.tool.value} build"
        if build.dockerfile_text is not None:
            self._built(moment, build.tool, command, build.dockerfile_text, build, None)
            return
        path = build.dockerfile_path
        if path is None or directory is None or "$" in path or has_expression(path):
            reason = "which Dockerfile it builds cannot be told"
            self._undecided(moment, build.tool, command, reason)
            return
        self._dockerfile(moment, build.tool, command, self._path(directory, path), build)

    def _dockerfile(
        self, moment: Moment, tool: Tool, command: str, path: str, build: Build | None = None
    ) -> None:
        text = self._file(path)
        if text is None:
            self._undecided(moment, tool, command, f"no {path} found")
            return
        self._built(moment, tool, f"{command} ({path})", text, build, path)

    def _built(
        self,
        moment: Moment,
        tool: Tool,
        command: str,
        text: str,
        build: Build | None,
        path: str | None,
    ) -> None:
        images = images_of(
            text,
            None if build is None else build.target,
            {} if build is None else dict(build.build_args),
            {} if build is None else dict(build.build_contexts),
        )
        places = (
            () if path is None else tuple((image.name, f"{path}:{image.line}") for image in images)
        )
        self._pull(
            moment, tool, command, list(dict.fromkeys(image.name for image in images)), places
        )

    def _compose(self, moment: Moment, compose: ComposeCommand, directory: str | None) -> None:
        command = f"{compose.tool.value} compose {compose.verb.value}"
        paths = compose.file_paths
        if paths is None or directory is None:
            self._undecided(moment, compose.tool, command, "where it runs cannot be told")
            return
        paths = tuple(self._path(directory, path) for path in paths)
        if any("$" in path or has_expression(path) for path in paths):
            reason = "which Compose files it reads can't be determined"
            self._undecided(moment, compose.tool, command, reason)
            return
        if not paths and compose.directory is not None:
            paths = default_paths(self._path(directory, compose.directory), self._file)
        if not paths:
            self._undecided(moment, compose.tool, command, "no Compose file found")
            return
        services = services_of(
            paths,
            self._file,
            compose.services,
            profiles=compose.profiles,
            with_dependencies=compose.with_dependencies,
            project_directory=compose.project_directory,
            environment=dict(compose.environment),
        )
        for problem in services.problems:
            reason = f"{problem.path}: {problem.reason}"
            self._undecided(moment, compose.tool, command, reason)
        built = {
            same_image_key(build.image) for build in services.builds if build.image is not None
        }
        if compose.verb is not Verb.BUILD:
            images = [run.image for run in services.images]
            others = [image for image in images if same_image_key(image) not in built]
            self._pull(
                moment,
                compose.tool,
                command,
                self._to_fetch(moment, compose, command, others),
                tuple(self._places(paths, images)),
            )
        if compose.verb is Verb.PULL:
            return
        for image in built:
            self._local.add(image)
        for service in services.builds:
            context = joined_path(service.directory, service.context)
            path = joined_path(context, service.dockerfile or "Dockerfile")
            text = service.dockerfile_text or self._file(path)
            if text is None:
                reason = f"no {path} found"
                self._undecided(moment, compose.tool, command, reason)
                continue
            fetched = images_of(text, service.target, dict(service.build_args))
            images = list(dict.fromkeys(image.name for image in fetched))
            places = tuple((image.name, f"{path}:{image.line}") for image in fetched)
            self._pull(moment, compose.tool, f"{command} ({path})", images, places)

    def _places(self, paths: Sequence[str], images: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Where the Compose files ``paths`` name each of ``images``, if one does literally."""
        for path in paths:
            first: dict[str, int] = {}
            for number, line in enumerate((self._file(path) or "").splitlines(), start=1):
                first.setdefault(line.partition("image:")[2].split("#")[0].strip(" \t\"'"), number)
            for image in dict.fromkeys(images):
                if image in first:
                    yield image, f"{path}:{first[image]}"

    def _pull(
        self,
        moment: Moment,
        tool: Tool,
        command: str,
        images: Sequence[str],
        places: tuple[tuple[str, str], ...] = (),
    ) -> None:
        hosts: set[str] = set()
        texts: dict[str, None] = {}
        undecided: str | None = None
        for image in images:
            for text in self._texts(image):
                reference = parse_image_reference(text)
                if isinstance(reference, ImageReference) and reference.is_scratch:
                    continue
                texts[text] = None
                host = pull_key(text) if tool is Tool.DOCKER else registry_of(text)
                if isinstance(host, Undecidable):
                    undecided = undecided or host.reason
                else:
                    hosts.add(host)
        if texts:
            self.pulls.append(
                StepPull(
                    moment,
                    tool,
                    command,
                    tuple(texts),
                    frozenset(hosts),
                    undecided,
                    places,
                    self._config_at(moment),
                )
            )

    def _texts(self, image: str) -> tuple[str, ...]:
        if isinstance(registry_of(image), Undecidable) and has_expression(image):
            return self._values.texts(image, self._job, is_orb=self._home.is_orb)
        return (image,)

    def _undecided(
        self, moment: Moment, tool: Tool, command: str, reason: str, *, perhaps: bool = False
    ) -> None:
        config = self._config_at(moment)
        pull = StepPull(
            moment, tool, command, (), frozenset(), reason, config=config, perhaps=perhaps
        )
        self.pulls.append(pull)


#: Facts that mean something else in another folder.
_DEPENDS_ON_FOLDER = (Build, ComposeCommand, ScriptCall, TaskCall, FunctionCall)
#: Stands between texts that are expanded together, as one has the same values in all of them.
_SEPARATOR = "\0"


def step_dialect(run: RunStep, daemon: Daemon) -> Dialect:
    """The dialect of a step's script; on Windows, PowerShell is the default."""
    if run.shell is None and daemon is Daemon.WINDOWS:
        return Dialect.POWERSHELL
    return dialect_of(run.shell)


_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
#: Folders of third-party programs.
_THIRD_PARTY_FOLDERS = re.compile(r"(?:^|/)(?:node_modules|vendor|\.?venv|env/bin|target|dist)/")


def _is_own_script(path: str) -> bool:
    """Whether ``path``, as a command names it, is likely one of the repository's own scripts."""
    if path.startswith(("$", "~", "`")):
        return path.endswith((".sh", ".bash")) and not path.startswith(("~", "$HOME", "${HOME}"))
    return _THIRD_PARTY_FOLDERS.search(path) is None


def _defines(text: str, name: str) -> bool:
    """Whether the script ``text`` may define a function ``name``."""
    return f"{name}()" in text or f"{name} ()" in text or f"function {name}" in text


def _read_from_outside(values: Iterable[CredentialValue]) -> frozenset[str]:
    return frozenset(
        value.variable
        for value in values
        if value.variable is not None and value.origin is Origin.VARIABLE
    )
