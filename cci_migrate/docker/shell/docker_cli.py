"""Turns commands of docker, docker-compose, podman and buildah into facts.

Options are those of the reference pages: https://docs.docker.com/reference/cli/docker/,
https://docs.podman.io/en/latest/Commands.html, https://github.com/containers/buildah/tree/main/docs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.docker.image_reference import (
    has_placeholder,
    masked_placeholders,
    normalise_host,
    registry_of,
)
from cci_migrate.docker.shell.client_config import (
    DOCKER_CONFIG,
    HOME,
    ClientEnvironment,
    config_directory,
)
from cci_migrate.docker.shell.command_line import (
    CommandLine,
    is_only_placeholder,
    may_hold_options,
    names,
    parse,
)
from cci_migrate.docker.shell.facts import (
    BakeBuild,
    Build,
    ClientAccess,
    ComposeCommand,
    Fact,
    ImagePull,
    LocalImage,
    Login,
    LoginKind,
    Logout,
    NamedImage,
    PasswordArgument,
    Purpose,
    Quoting,
    Tool,
    Verb,
    Word,
)
from cci_migrate.docker.shell.flow import Place
from cci_migrate.docker.shell.shell_words import expands_braces, variables_in
from cci_migrate.escaping.hidden_fields import repr_without

_DOCKER_VALUED = names(
    "--config -c --context -H --host -l --log-level --tlscacert --tlscert --tlskey"
    # podman, buildah
    " --root --runroot --storage-driver --storage-opt --cgroup-manager --url --connection"
    " --identity --registries-conf --network-cmd-path --tmpdir --conmon --runtime"
)
_RUN_SWITCHES = names(
    "-d --detach -i --interactive -t --tty --rm --init --privileged --read-only -P --publish-all"
    " --no-healthcheck --oom-kill-disable --sig-proxy --disable-content-trust -q --quiet --help"
    " --use-api-socket --replace --tls-verify --no-hosts --rmi --env-host --http-proxy"
    " --no-hostname"
)
_PULL_SWITCHES = names(
    "-a --all-tags -q --quiet --disable-content-trust --help --tls-verify --all --policy-always"
)
_BUILD_SWITCHES = names(
    "--no-cache --pull --rm --force-rm --squash -q --quiet --compress --push --load --stream"
    " --disable-content-trust --check -D --debug --tls-verify --layers --help --squash-all"
    " --pull-always --pull-never --no-hosts --http-proxy --omit-history --skip-unused-stages"
)
_FROM_SWITCHES = names("--pull --pull-always --pull-never -q --quiet --tls-verify --http-proxy")
_BAKE_SWITCHES = names("--no-cache --pull --push --load --print --check -D --debug --help")
_LOGIN_SWITCHES = names(
    "--password-stdin --help --tls-verify --get-login -v --verbose --verify-path"
)
_COMPOSE_SWITCHES = names(
    "--verbose --compatibility --dry-run --all-resources --no-ansi --tls --tlsverify -D -v"
    " --version --skip-hostname-check -h --help --debug"
)
_UP_SWITCHES = names(
    "-d --detach --build --no-build --no-deps --no-start --no-recreate --force-recreate"
    " --always-recreate-deps --abort-on-container-exit --abort-on-container-failure"
    " --remove-orphans -V --renew-anon-volumes --quiet-pull --quiet-build --no-color"
    " --no-log-prefix --timestamps --wait --menu -w --watch --attach-dependencies -y --yes --help"
    # run
    " --rm -T --no-TTY --no-tty --service-ports -P --use-aliases -i --interactive -q --quiet --tty"
    # build
    " --no-cache --push --force-rm --no-rm --compress --parallel --no-parallel --with-dependencies"
    " --check --print"
    # pull
    " --include-deps --ignore-pull-failures --ignore-buildable"
)
#: The one option that takes a value for some commands of compose and none for others.
_PULL_IS_SWITCH = frozenset({Verb.BUILD})

#: Of ``inspect``, ``save``, ``history``, ``images`` and ``ps``.
_NAMING_SWITCHES = names(
    "-a --all -q --quiet -s --size -H --human --no-trunc --digests --tree -l --latest --help"
)
_REMOVE_SWITCHES = names("-f --force --no-prune -a --all -i --ignore --help")
_ANCESTOR = "ancestor="
_STDIN = "-"
_MANAGEMENT = {
    ("image", "pull"): "pull",
    ("image", "build"): "build",
    ("image", "tag"): "tag",
    ("image", "load"): "load",
    ("image", "import"): "import",
    ("image", "inspect"): "image inspect",
    ("image", "save"): "save",
    ("image", "history"): "history",
    ("image", "rm"): "rmi",
    ("image", "remove"): "rmi",
    ("image", "ls"): "images",
    ("image", "list"): "images",
    ("container", "ls"): "ps",
    ("container", "ps"): "ps",
    ("container", "list"): "ps",
    ("builder", "build"): "build",
    ("buildx", "build"): "build",
    ("buildx", "b"): "build",
    ("buildx", "bake"): "bake",
    ("container", "run"): "run",
    ("container", "create"): "create",
    ("container", "commit"): "commit",
}
_COMPOSE_VERBS = {verb.value: verb for verb in Verb}


class Invocation(Struct, frozen=True):
    """Where and how one command runs.

    ``start``/``end`` enclose it with everything in front of it (``sudo``); ``statement_*`` enclose
    the pipeline. ``stdin``: it has input; ``stdin_text`` is that input, ``stdin_file`` its file,
    ``stdin_word`` its only word, each if known. ``lookup`` returns a variable's value;
    ``variables`` are the names of all that the pipeline reads. ``xargs_appends``, ``replaces`` and
    ``obstacle``: see `Unwrapped`. ``environment`` says where logins are kept.
    """

    start: int
    end: int
    statement_start: int
    statement_end: int
    place: Place
    directory: str | None
    lookup: Callable[[str], str | None]
    assignments: Mapping[str, str] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()
    stdin: bool = False
    stdin_text: str | None = None
    stdin_file: str | None = None
    stdin_word: str | None = None
    xargs_appends: bool = False
    replaces: str | None = None
    obstacle: str | None = None
    environment: ClientEnvironment = field(default_factory=dict)

    __repr__ = repr_without("stdin_text", "stdin_word")

    def config_of(self, tool: Tool) -> str | None:
        """The directory in which ``tool`` looks for logins: podman and buildah in Docker's too."""
        if tool is Tool.DOCKER:
            return config_directory(self.environment, self.directory)
        home = {name: value for name, value in self.environment.items() if name == HOME}
        return config_directory(home)


def docker_facts(words: Sequence[Word], program: str, invocation: Invocation) -> list[Fact]:
    """The facts of the command ``words``, whose first word runs ``program``, one of `PROGRAMS`."""
    if program in ("docker-compose", "podman-compose"):
        tool = Tool.PODMAN if program == "podman-compose" else Tool.DOCKER
        return _compose(words[1:], tool, invocation)
    tool = Tool(program)
    line = parse(words[1:], (), interspersed=False, valued=_DOCKER_VALUED)
    arguments = line.arguments
    if not arguments:
        return []
    config = line.text("--config")
    if config is not None:
        invocation = replace(
            invocation, environment={**invocation.environment, DOCKER_CONFIG: config}
        )
    command = arguments[0].value
    following = arguments[1:]
    if tool is not Tool.BUILDAH:
        if command == "compose":
            return _compose(following, tool, invocation)
        if len(following) and command in ("image", "builder", "buildx", "container"):
            subcommand = parse(following, (), interspersed=False, valued=("--builder",)).arguments
            if not subcommand:
                return []
            command = _MANAGEMENT.get((command, subcommand[0].value), "")
            following = subcommand[1:]
    reader = _BUILDAH.get(command) if tool is Tool.BUILDAH else _COMMANDS.get(command)
    return [] if reader is None else reader(following, tool, invocation)


_Reader = Callable[[Sequence[Word], Tool, Invocation], "list[Fact]"]


def _image_facts(line: CommandLine, verb: Verb, tool: Tool, invocation: Invocation) -> list[Fact]:
    policy = line.text("--pull") or ""
    if policy == "never" or line.has("--pull-never"):
        return []
    images: list[Word | None] = list(line.arguments[:1])
    if verb is Verb.PULL:
        # podman accepts several; docker rejects them, so nothing is lost.
        images = list(line.arguments)
    if not images:
        if not invocation.xargs_appends:
            return []
        images = [None]
    if line.last("--creds") is not None:
        credentials = written_pair(line, "--creds")
        return [
            client_access(Purpose.PULL, registries_holding(image.value), credentials, invocation)
            for image in images
            if image is not None
        ]
    always = verb is Verb.PULL or policy in ("always", "newer") or line.has("--pull-always")
    facts: list[Fact] = []
    for image in images:
        unknown = image is None or (
            (invocation.replaces and invocation.replaces in image.value)
            or expands_braces(image)
            or image.value == ""
        )
        facts.append(
            ImagePull(
                invocation.start,
                invocation.end,
                tool,
                verb,
                None if unknown else image,
                is_local=False,
                always_pulls=always,
                place=invocation.place,
                config=invocation.config_of(tool),
            )
        )
    return facts


def _pull(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    return _image_facts(parse(words, _PULL_SWITCHES), Verb.PULL, tool, invocation)


def _run(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    line = parse(words, _RUN_SWITCHES, interspersed=False)
    return _image_facts(line, Verb.RUN, tool, invocation)


def _create(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    line = parse(words, _RUN_SWITCHES, interspersed=False)
    return _image_facts(line, Verb.CREATE, tool, invocation)


def _from(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    line = parse(words, _FROM_SWITCHES)
    if line.arguments and line.arguments[0].value == "scratch":
        return []
    return _image_facts(line, Verb.CREATE, tool, invocation)


def _build(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    line = parse(words, _BUILD_SWITCHES)
    if line.has("--help"):
        return []
    context = line.arguments[-1].value if line.arguments else None
    if context is None and tool is Tool.DOCKER and not invocation.xargs_appends:
        # `docker build` alone is an error; a placeholder of options may have hidden the context.
        hidden = [word for word in words if may_hold_options(word)]
        if not hidden:
            return []
    elif context is None and not invocation.xargs_appends:
        context = "."
    file = line.text("-f", "--file")
    text = None
    if file == _STDIN or (context == _STDIN and file is None):
        text = invocation.stdin_text
        if text is None and invocation.stdin_file is not None:
            file = invocation.stdin_file
    build_args = tuple(_pairs(line.all("--build-arg")))
    contexts = tuple(
        (name, value) for name, value in _pairs(line.all("--build-context")) if value is not None
    )
    return [
        Build(
            invocation.start,
            invocation.end,
            tool,
            directory=invocation.directory,
            context=context,
            dockerfile=file,
            dockerfile_text=text,
            target=line.text("--target"),
            build_args=build_args,
            build_contexts=contexts,
            tags=line.all("-t", "--tag"),
            always_pulls=line.has("--pull", "--pull-always"),
            place=invocation.place,
            config=invocation.config_of(tool),
        )
    ]


def _pairs(values: Sequence[str]) -> list[tuple[str, str | None]]:
    pairs: list[tuple[str, str | None]] = []
    for value in values:
        name, equals, text = value.partition("=")
        pairs.append((name, text if equals else None))
    return pairs


def _bake(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    line = parse(words, _BAKE_SWITCHES)
    if line.has("--print"):
        return []
    return [
        BakeBuild(
            invocation.start,
            invocation.end,
            directory=invocation.directory,
            files=line.all("-f", "--file"),
            targets=tuple(word.value for word in line.arguments),
            place=invocation.place,
            config=invocation.config_of(tool),
        )
    ]


def _tag(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    arguments = parse(words, ()).arguments
    return [
        *_named(arguments[:1], invocation),
        *(
            LocalImage(invocation.start, invocation.end, word.value, invocation.place)
            for word in arguments[1:]
        ),
    ]


def _named(words: Iterable[Word], invocation: Invocation) -> list[Fact]:
    return [NamedImage(invocation.start, invocation.end, word, invocation.place) for word in words]


def _image_names(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    return _named(parse(words, _NAMING_SWITCHES).arguments, invocation)


def _remove(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    return _named(parse(words, _REMOVE_SWITCHES).arguments, invocation)


def _inspect(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    line = parse(words, _NAMING_SWITCHES)
    only_images = line.text("--type") == "image"
    # A bare name may be a container's.
    image_words = (word for word in line.arguments if only_images or re.search("[:@/]", word.value))
    return _named(image_words, invocation)


def _ps(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    line = parse(words, _NAMING_SWITCHES)
    image_words: list[Word] = []
    for option in line.options_named("-f", "--filter"):
        word = option.value
        if word is None or not word.value.startswith(_ANCESTOR):
            continue
        quotes = 1 if word.quoting in (Quoting.SINGLE, Quoting.DOUBLE) else 0
        start, end = word.start + quotes + len(_ANCESTOR), word.end - quotes
        text = word.text[quotes + len(_ANCESTOR) : len(word.text) - quotes]
        inner = Word(start, end, text, word.value[len(_ANCESTOR) :])
        if word.quoting is not Quoting.MIXED and word.text[quotes:].startswith(_ANCESTOR):
            image_words.append(inner)
    return _named(image_words, invocation)


def _load(_words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    return [LocalImage(invocation.start, invocation.end, None, invocation.place)]


def _import(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    arguments = parse(words, ()).arguments
    name = arguments[1].value if len(arguments) > 1 else None
    return [LocalImage(invocation.start, invocation.end, name, invocation.place)]


def _commit(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    arguments = parse(words, ("-p", "--pause", "-q", "--quiet", "--rm", "--squash")).arguments
    name = arguments[1].value if len(arguments) > 1 else None
    return [LocalImage(invocation.start, invocation.end, name, invocation.place)]


def login_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """The login of ``tool``, or of a program that shares its credentials.

    ``words`` are the arguments. Empty if they don't log in (``--help``).
    """
    line = parse(words, _LOGIN_SWITCHES)
    if line.has("--help", "--get-login"):
        return []
    registry = line.arguments[0] if line.arguments else None
    stdin = line.has("--password-stdin")
    username = line.last("-u", "--username")
    password = None
    options = line.options_named("-p", "--password")
    if options and options[-1].value is not None:
        option = options[-1]
        assert option.value is not None  # noqa: S101 - tested just above
        obstacle = invocation.obstacle
        if invocation.stdin:
            obstacle = "something else is fed to it already"
        elif len(options) > 1:
            obstacle = "the password is given twice"
        elif line.options_named("-e", "--email"):
            # Gone in Docker 17.06; --password-stdin came with 17.07.
            obstacle = "only a Docker without --password-stdin takes its e-mail option"
        elif not option.separable:
            obstacle = "the password's option is written together with another"
        password = PasswordArgument(
            option.start, option.end, option.value, invocation.start, obstacle
        )
    return [
        Login(
            invocation.start,
            invocation.end,
            invocation.statement_start,
            invocation.statement_end,
            LoginKind.LOGIN,
            tool,
            registry,
            registries_named(None if registry is None else registry.value)
            or _BY_USERNAME.get("" if username is None else username.value, ()),
            username,
            password,
            stdin,
            invocation.variables,
            invocation.place,
            invocation.stdin_word,
            invocation.config_of(tool),
        )
    ]


#: User names that go with a cloud's token, so that the registry is one of that cloud's:
#: https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html,
#: https://cloud.google.com/artifact-registry/docs/docker/authentication
_BY_USERNAME = {
    "AWS": ("*.dkr.ecr*.amazonaws.com*", "public.ecr.aws"),
    "oauth2accesstoken": ("*gcr.io", "*-docker.pkg.dev"),
    "_json_key": ("*gcr.io", "*-docker.pkg.dev"),
    "_json_key_base64": ("*gcr.io", "*-docker.pkg.dev"),
}


def registries_named(host: str | None) -> tuple[str, ...]:
    """The patterns, for `host_matches`, of the registries that a login's argument names.

    None is Docker Hub. An unknown part becomes ``*``; there is no pattern if nothing is known.
    """
    if host is None or not host.strip():
        return ("docker.io",)
    pattern = re.sub("[\0*]+", "*", masked_placeholders(host))
    for scheme in ("https://", "http://"):
        pattern = pattern.removeprefix(scheme)
    pattern = pattern.partition("/")[0]
    if "$" in pattern or "<" in pattern or not pattern.strip("*.-:"):
        return ()
    return (normalise_host(pattern),)


def registries_holding(image: str) -> tuple[str, ...]:
    """The registry of ``image``, as `registries_named` has it; empty if it is unknown."""
    host = registry_of(image)
    return (host,) if isinstance(host, str) else ()


#: ``NAME:PASSWORD``; the colons in ``${X:-y}`` and in parameters don't separate.
_PAIR = re.compile(r"((?:\$\{[^{}]*\}|<<[^<>]*>>|[^:$<]|\$(?!\{)|<(?!<))+):(.+)", re.DOTALL)

_Credentials = tuple["Word | None", "Word | None"]


def written_pair(line: CommandLine, *options: str) -> _Credentials:
    """The user name and the password in an option's ``NAME:PASSWORD``; None if it isn't one."""
    word = line.last(*options)
    match = None if word is None else _PAIR.fullmatch(word.value)
    if word is None or match is None:
        return None, None
    name, password = (replace(word, value=part) for part in match.groups())
    return name, password


def client_access(
    purpose: Purpose,
    registries: tuple[str, ...],
    credentials: _Credentials,
    invocation: Invocation,
    *,
    reads_stdin: bool = False,
) -> ClientAccess:
    """The use of ``registries`` by a program with ``credentials``, user name and password.

    ``reads_stdin``: the password is on its standard input.
    """
    username, password = credentials
    variables = invocation.variables if purpose is Purpose.LOGIN else frozenset()
    for word in credentials:
        variables |= frozenset() if word is None else variables_in(word.value)
    return ClientAccess(
        invocation.start,
        invocation.end,
        purpose,
        registries,
        username,
        password,
        reads_stdin,
        variables,
        invocation.place,
        invocation.stdin_word if reads_stdin else None,
    )


def _logout(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    line = parse(words, ("-a", "--all", "--help"), valued=("--authfile",))
    registry = line.arguments[0] if line.arguments else None
    return [
        Logout(
            invocation.start,
            invocation.end,
            tool,
            registry,
            line.has("-a", "--all"),
            invocation.place,
            invocation.config_of(tool),
        )
    ]


def _compose(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    line = parse(words, _COMPOSE_SWITCHES, interspersed=False)
    arguments = line.arguments
    verb = _COMPOSE_VERBS.get(arguments[0].value) if arguments else None
    if verb is None:
        return []
    switches = _UP_SWITCHES | {"--pull"} if verb in _PULL_IS_SWITCH else _UP_SWITCHES
    command = parse(arguments[1:], switches, interspersed=verb is not Verb.RUN)
    if command.has("--help", "--print"):
        return []
    if command.text("--pull") == "never" and not command.has("--build"):
        return []

    def environment(name: str) -> str | None:
        return invocation.assignments.get(name) or invocation.lookup(name)

    files = line.all("-f", "--file")
    if not files:
        named = environment("COMPOSE_FILE")
        files = tuple(named.split(":")) if named and not has_placeholder(named) else ()
        if named and not files:
            files = (named,)
    profiles = line.all("--profile")
    if not profiles:
        profiles = tuple(filter(None, (environment("COMPOSE_PROFILES") or "").split(",")))
    services = tuple(
        word.value
        for word in (command.arguments[:1] if verb is Verb.RUN else command.arguments)
        if word.value and not (verb is not Verb.RUN and may_hold_options(word))
    )
    if verb is not Verb.RUN and any(is_only_placeholder(word) for word in command.arguments):
        # `up $SERVICES`: the names are unknown, so all.
        services = ()
    if verb in (Verb.PULL, Verb.BUILD):
        dependencies = command.has("--with-dependencies", "--include-deps")
    else:
        dependencies = not command.has("--no-deps")
    return [
        ComposeCommand(
            invocation.start,
            invocation.end,
            tool,
            verb,
            directory=invocation.directory,
            files=files,
            project_directory=line.text("--project-directory", "--workdir"),
            profiles=profiles,
            services=services,
            with_dependencies=dependencies,
            always_pulls=verb is Verb.PULL
            or command.text("--pull") == "always"
            or (verb is Verb.BUILD and command.has("--pull")),
            environment=tuple(sorted(invocation.assignments.items())),
            place=invocation.place,
            config=invocation.config_of(tool),
        )
    ]


_COMMANDS: dict[str, _Reader] = {
    "pull": _pull,
    "run": _run,
    "create": _create,
    "build": _build,
    "bake": _bake,
    "tag": _tag,
    "load": _load,
    "import": _import,
    "commit": _commit,
    "inspect": _inspect,
    "image inspect": _image_names,
    "save": _image_names,
    "history": _image_names,
    "rmi": _remove,
    "images": _image_names,
    "ps": _ps,
    "login": login_facts,
    "logout": _logout,
}
_BUILDAH: dict[str, _Reader] = {
    "from": _from,
    "pull": _pull,
    "bud": _build,
    "build": _build,
    "build-using-dockerfile": _build,
    "tag": _tag,
    "commit": _commit,
    "login": login_facts,
    "logout": _logout,
}
#: Programs that `docker_facts` reads.
PROGRAMS = frozenset({"docker", "docker-compose", "podman", "podman-compose", "buildah"})


def same_image_key(image: str) -> str:
    """A key that is equal for all names of one local image: ``:latest`` is added."""
    last = image.rpartition("/")[2]
    name = image if ":" in last or "@" in last else f"{image}:latest"
    for prefix in ("docker.io/library/", "docker.io/", "localhost/"):
        name = name.removeprefix(prefix)
    return name


class LocalImages:
    """The images that a script has built, tagged or loaded so far."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def has(self, image: str) -> bool:
        """Whether ``image`` needs no pull."""
        return same_image_key(image) in self._keys

    def add(self, image: str) -> None:
        """Record that ``image`` needs no pull from here on."""
        self._keys.add(same_image_key(image))

    def record(self, fact: Fact) -> Fact:
        """Record the images that ``fact`` creates; return it, marked local if it needs no pull."""
        if isinstance(fact, Build):
            self._keys.update(map(same_image_key, fact.tags))
        elif isinstance(fact, LocalImage) and fact.image is not None:
            self.add(fact.image)
        elif (
            isinstance(fact, ImagePull)
            and fact.image is not None
            and not fact.always_pulls
            and self.has(fact.image.value)
        ):
            return replace(fact, is_local=True)
        return fact
