"""What the steps of a job pull, and where they log in, in the order in which they run.

A script of the repository that a step runs is read too, and what that one runs; so are the
Dockerfiles and Compose files that its commands name, where they are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.circleci import published_orbs
from cci_migrate.circleci.build_pulls import BuildPulls
from cci_migrate.circleci.called_scripts import (
    CalledText,
    PlaceOf,
    called_function,
    called_script,
    called_task,
)
from cci_migrate.circleci.checked_out_files import CheckedOutFiles, ReadText
from cci_migrate.circleci.checkout_folder import CheckoutFolder
from cci_migrate.circleci.compose_pulls import ComposePulls
from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.docker_daemon import Daemon, JobDaemons
from cci_migrate.circleci.docker_orb import DOCKER_ORB
from cci_migrate.circleci.downloaded_files import DownloadedFiles
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.job_logins import JobLogins
from cci_migrate.circleci.job_pulls import JobPulls, PullCommand
from cci_migrate.circleci.job_texts import JobTexts
from cci_migrate.circleci.login_directories import login_directories
from cci_migrate.circleci.orb_commands import OrbCommands
from cci_migrate.circleci.step_moments import Moment
from cci_migrate.circleci.step_pulls import JobDocker, StepLogin, UnreadLogin
from cci_migrate.circleci.step_scripts import facts, step_dialect
from cci_migrate.circleci.steps import (
    SETUP,
    RunStep,
    Step,
    StepDefaults,
    argument,
    is_true,
    run_step,
    script_node,
    sets_up_docker,
)
from cci_migrate.circleci.unread_logins import is_like_login, step_title
from cci_migrate.circleci.variable_settings import VariableSettings, exported_values
from cci_migrate.docker.container_tools import Tool, has_tool
from cci_migrate.docker.mentions import (
    commands_in_variables,
    mentions_call,
    mentions_docker,
    mentions_script,
)
from cci_migrate.docker.shell.client_config import DOCKER_CONFIG
from cci_migrate.docker.shell.facts import (
    BakeBuild,
    Build,
    ClientAccess,
    ComposeCommand,
    CredentialFile,
    Exit,
    Fact,
    FunctionCall,
    ImagePull,
    LocalImage,
    Login,
    Logout,
    NamedImage,
    Script,
    ScriptCall,
    SharedFile,
    TaskCall,
)
from cci_migrate.docker.tasks.runners import task_title
from cci_migrate.docker.tasks.task_script import NotFollowed

#: Scripts and tasks that call each other deeper than this are not followed.
_DEEPEST_CALL = 6
#: How many of them are followed in one job.
_MOST_CALLS = 300
#: Facts that mean something else in another folder.
_DEPENDS_ON_FOLDER = (Build, ComposeCommand, ScriptCall, TaskCall, FunctionCall)


def _no_place(_offset: int) -> None:
    """The place in a file of what is in the config itself."""


class _Scope(Struct, frozen=True, eq=False):
    """Where a script runs: in ``directory``, with the variables ``environment`` of its step.

    ``depth`` counts the calls that lead to it.
    ``sourced`` are the texts of the scripts that it has sourced, to which others are added.
    """

    directory: str | None
    environment: Mapping[str, str]
    sourced: list[str]
    place_of: PlaceOf = _no_place
    depth: int = 0


def may_log_in(step: Step, *, has_repository: bool) -> bool:
    """Whether ``step``, in a job without a Docker, may log in to a registry.

    ``has_repository``: the scripts that it calls can be read.
    """
    command = script_node(step)
    if command is None:
        return "/" in step.name or " " in step.name
    return script_may_log_in(step.bindings.expand(command.value), has_repository=has_repository)


def script_may_log_in(text: str, *, has_repository: bool) -> bool:
    """Whether the script ``text`` may log in, or one that it calls: see `may_log_in`."""
    return mentions_docker(text) or (has_repository and mentions_call(text))


class StepReader:
    """Reads the steps of one job, which talk to ``daemon``, in order.

    ``texts`` are of that job, ``read`` returns the files of its repository. ``image_environment``
    are the variables that its image sets.
    """

    def __init__(
        self,
        texts: JobTexts,
        read: ReadText | None,
        daemon: Daemon,
        defaults: StepDefaults,
        image_environment: frozenset[str] = frozenset(),
        *,
        as_root: bool = False,
    ) -> None:
        self._texts = texts
        self._daemon = daemon
        self._defaults = defaults
        self._folder = CheckoutFolder(texts.value(defaults.working_directory or "") or None)
        self._files = CheckedOutFiles(self._folder, read, DownloadedFiles())
        self._settings = VariableSettings(image_environment)
        self._default_values = texts.literal_values(defaults.environment)
        self._directories = login_directories(self._default_values, as_root=as_root)
        self._logins = JobLogins(texts, self._directories, self._settings)
        self._pulls = JobPulls(texts, self._directories)
        self._builds = BuildPulls(texts, self._files, self._pulls)
        self._composes = ComposePulls(texts, self._files, self._pulls, self._builds)
        self._orbs = OrbCommands(texts, self._logins, self._pulls, self._builds)
        self._own_runs: list[RunStep] = []
        self._unread_logins: list[UnreadLogin] = []
        #: Whether there is a daemon that pulls in the current step.
        self._pulls_count = False
        #: Whether some step mentions Docker once there is a daemon.
        self._uses_docker = False
        self._calls = 0
        self._exported: dict[str, str] = {}

    @property
    def logins(self) -> Sequence[StepLogin]:
        """The logins so far."""
        return self._logins.logins

    @property
    def has_pulls(self) -> bool:
        """Whether a step has pulled something so far."""
        return bool(self._pulls.pulls)

    def job_docker(
        self,
        declared: DeclaredJob,
        entry: WorkflowJob | None,
        daemons: JobDaemons,
        steps: Sequence[Step],
    ) -> JobDocker:
        """Read ``steps``, all those of the job ``declared``."""
        docker_from = len(steps) if daemons.main is Daemon.NONE else 0
        if daemons.main is Daemon.REMOTE:
            docker_from = next(order for order, step in enumerate(steps) if sets_up_docker(step))
        set_before: list[frozenset[str]] = []
        for order, step in enumerate(steps):
            self._settings.enter(self._defaults.environment)
            set_before.append(self._settings.lasting)
            self.step(order, step, pulls_count=order >= docker_from)
        after = docker_from + 1
        is_unused = not self._uses_docker and not self.has_pulls
        if daemons.main is Daemon.REMOTE and is_unused and after < len(steps):
            reason = "no visible later step uses it"
            moment = Moment(after, steps[after], ())
            self._pulls.undecided(PullCommand(moment, Tool.DOCKER, SETUP), reason, perhaps=True)
        return JobDocker(
            declared=declared,
            entry=entry,
            daemons=daemons,
            defaults=self._defaults,
            steps=tuple(steps),
            own_runs=tuple(self._own_runs),
            pulls=tuple(self._pulls.pulls),
            logins=tuple(self._logins.logins),
            logouts=tuple(self._logins.logouts),
            unread_logins=tuple(self._unread_logins),
            set_before=tuple(set_before),
            client_uses=tuple(self._logins.client_uses),
            config=self._directories.own,
        )

    def step(self, order: int, step: Step, *, pulls_count: bool) -> None:
        """Read one step; ``pulls_count``: there is a daemon that pulls."""
        self._pulls_count = pulls_count
        run = run_step(step, self._defaults)
        if run is not None:
            if not step.home.is_published:
                self._own_runs.append(run)
            self._settings.enter(run.environment)
            self._settings.exported(run.script)
            self._files.downloaded.ran(run.script)
            self._script(order, run)
            self._exported.update(exported_values(run.script, DOCKER_CONFIG))
        elif step.name == "checkout":
            path = argument(step, "path")
            self._folder.checked_out(None if path is None else self._texts.value(path))
        elif step.home.is_published and " " in step.name:
            is_reliable = not is_true(argument(step, "perhaps"))
            self._uses_docker |= pulls_count and is_reliable
            moment = Moment(order, step, (), is_reliable)
            self._orbs.of_published_orb(moment, pulls_count=pulls_count)
        elif "/" in step.name:
            self._orb_command(Moment(order, step, ()))

    def _orb_command(self, moment: Moment) -> None:
        """Read a command of the Docker orb; other orbs' are expanded or unknown: see `steps`."""
        step = moment.step
        orb = step.home.imported.get(step.name.partition("/")[0])
        if orb is None:
            return
        if orb.name == DOCKER_ORB:
            self._uses_docker |= self._pulls_count
            self._orbs.of_docker_orb(moment, orb.version, pulls_count=self._pulls_count)
        elif self._daemon is Daemon.REMOTE and not published_orbs.is_read(orb.name):
            self._not_followed(moment, step.name, f"the orb {orb.name} is unknown")

    def _script(self, order: int, run: RunStep) -> None:
        if not self._matters(run.script) and not self._runs_variable(run):
            return
        environment = self._default_values
        if run.environment != self._defaults.environment:
            environment = self._texts.literal_values(run.environment)
        environment = {**environment, **self._exported}
        script = facts(run.script, step_dialect(run, self._daemon), environment)
        self._settings.script(script)
        is_reliable = not (run.only_on_failure or run.in_background)
        directory = run.working_directory
        ways = [None] if directory is None else self._texts.ways(directory)
        sourced: list[str] = []
        for number, way in enumerate(ways):
            scope = _Scope(self._folder.directory_of(way), environment, sourced)
            for fact in script.facts:
                if number and not isinstance(fact, _DEPENDS_ON_FOLDER):
                    continue
                self._fact(Moment(order, run.step, ((script, fact),), is_reliable), fact, scope)

    def _matters(self, text: str) -> bool:
        """Whether the script ``text`` may have to do with Docker, or call one that has."""
        if mentions_docker(text):
            self._uses_docker |= self._pulls_count
            return True
        if self._daemon is Daemon.NONE:
            return script_may_log_in(text, has_repository=self._files.read is not None)
        return mentions_script(text)

    def _runs_variable(self, run: RunStep) -> bool:
        """Whether the script of ``run`` may run a command that a variable of the config holds."""
        if not run.environment or "$" not in run.script:
            return False
        held = [name for name in run.environment if name in run.script]
        run_first = commands_in_variables(run.script) if held else frozenset()
        return any(
            (name in run_first or has_tool(run.environment[name]))
            and self._matters(run.environment[name])
            for name in held
        )

    def _fact(self, moment: Moment, fact: Fact, scope: _Scope) -> None:
        fact = self._pulls.with_local_images(fact)
        match fact:
            case ImagePull() | Build() | BakeBuild() | ComposeCommand() if not self._pulls_count:
                pass
            case ImagePull(image=image):
                place = None if image is None else scope.place_of(image.start)
                self._pulls.command(moment, fact, place)
            case Build():
                self._builds.command(moment, fact, scope.directory)
            case BakeBuild():
                command = PullCommand(moment, Tool.DOCKER, "docker buildx bake")
                self._pulls.undecided(command, "docker buildx bake isn't read")
            case ComposeCommand():
                self._composes.command(moment, fact, scope.directory)
            case Login():
                self._logins.log_in(moment, fact)
            case ClientAccess():
                self._logins.use(moment, fact)
            case CredentialFile():
                self._logins.write_file(moment, fact)
            case SharedFile():
                self._logins.share(fact)
            case Logout():
                self._logins.log_out(moment, fact)
            case ScriptCall():
                for call in self._texts.ways_of(fact, "path", "directory"):
                    self._call(moment, call, scope)
            case TaskCall():
                for task in self._texts.ways_of(fact, "arguments", "directory"):
                    self._task(moment, task, scope)
            case FunctionCall():
                self._function(moment, fact, scope)
            case Exit() | LocalImage() | NamedImage():
                pass
            case _:
                assert_never(fact)

    def _call(self, moment: Moment, call: ScriptCall, scope: _Scope) -> None:
        called = called_script(call, scope.directory, self._files)
        text = called.text if isinstance(called, CalledText) else None
        if call.sourced:
            self._settings.sourced(call.path, text)
            if isinstance(called, CalledText) and called.directory is not None:
                scope.sourced.append(called.text)
        # What a sourced script sources is there for the one that has sourced it.
        inner = scope if call.sourced else replace(scope, sourced=list(scope.sourced))
        self._run_called(moment, call.path, called, inner)

    def _task(self, moment: Moment, call: TaskCall, scope: _Scope) -> None:
        if self._daemon is Daemon.NONE:
            return
        called = called_task(call, scope.directory, self._files, scope.environment)
        inner = replace(scope, sourced=list(scope.sourced))
        self._run_called(moment, task_title(call.program, call.arguments), called, inner)

    def _run_called(
        self, moment: Moment, title: str, called: CalledText | NotFollowed, scope: _Scope
    ) -> None:
        """Read what a call of ``title`` in ``scope`` runs."""
        if isinstance(called, NotFollowed):
            self._not_followed(moment, title, called.reason, may_be_ours=called.may_be_ours)
            return
        if called.unread is not None:
            self._not_followed(moment, title, called.unread)
        self._settings.exported(called.text)
        self._files.downloaded.ran(called.text)
        if self._matters(called.text):
            script = facts(called.text, called.dialect, called.environment)
            inside = replace(scope, directory=called.directory, place_of=called.place_of)
            self._follow(moment, script, script.facts, inside)

    def _function(self, moment: Moment, call: FunctionCall, scope: _Scope) -> None:
        if has_expression(call.name):
            self._command_by_parameter(moment, call, scope)
            return
        called = called_function(call, reversed(scope.sourced))
        if called is None:
            if call.hidden:
                words = (call.hidden,)
                at = (call.start, call.end, call.place, call.directory, ())
                unread = TaskCall(*at, call.name, words, ())
                self._task(moment, unread, scope)
            return
        directory = self._files.path(scope.directory, call.directory)
        script, inside = called
        inner = replace(scope, directory=directory, place_of=_no_place)
        self._follow(moment, script, inside, inner)

    def _command_by_parameter(self, moment: Moment, call: FunctionCall, scope: _Scope) -> None:
        directory = self._files.path(scope.directory, call.directory)
        environment = {**scope.environment, **dict(call.client_environment)}
        for text in self._texts.ways(call.text):
            called: CalledText | NotFollowed = CalledText(text, directory, environment, _no_place)
            if text.startswith("<<"):
                is_command = self._texts.is_string(call.name)
                called = NotFollowed("the parameter has no known value", is_command)
            self._run_called(moment, call.name, called, scope)

    def _follow(
        self, moment: Moment, script: Script, inside: Iterable[Fact], scope: _Scope
    ) -> None:
        """Read the facts ``inside`` of ``script``, which runs in ``scope`` at ``moment``."""
        if any(script is outer for outer, _ in moment.facts):
            return  # it calls itself, and is being read
        self._calls += 1
        if scope.depth >= _DEEPEST_CALL or self._calls > _MOST_CALLS:
            reason = "scripts and tasks call each other too deeply"
            self._not_followed(moment, step_title(moment.step), reason)
            return
        self._settings.script(script)
        within = replace(scope, depth=scope.depth + 1)
        for fact in inside:
            inner = Moment(
                moment.order, moment.step, (*moment.facts, (script, fact)), moment.is_reliable
            )
            self._fact(inner, fact, within)

    def _not_followed(
        self, moment: Moment, title: str, reason: str, *, may_be_ours: bool = True
    ) -> None:
        """Record a command that can't be read: it may log in, or pull."""
        if is_like_login(f"{step_title(moment.step)} {title}"):
            self._unread_logins.append(UnreadLogin(moment, title))
        elif may_be_ours and self._pulls_count:
            self._pulls.undecided(PullCommand(moment, Tool.DOCKER, title), reason, perhaps=True)
