"""The commands of docker, docker-compose, podman and buildah, and which facts they are.

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
from cci_migrate.docker.shell.command_line import (
    CommandLine,
    is_whole_placeholder,
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
from cci_migrate.docker.shell.words import expands_braces, variables_in
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


class Setting(Struct, frozen=True):
    """What is around one command.

    ``start``/``end`` hold it with all that stands in front; ``statement_*`` the pipeline.
    ``stdin`` says that something is fed to it; ``stdin_text`` what, where that is written out,
    ``stdin_file`` from which file, ``stdin_word`` the one word that is printed to it. ``lookup``
    gives variables; ``variables`` are all the names that the pipeline reads.
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
    fed_words: bool = False
    replaces: str | None = None
    obstacle: str | None = None

    __repr__ = repr_without("stdin_text", "stdin_word")


def docker_facts(words: Sequence[Word], program: str, setting: Setting) -> list[Fact]:
    """The facts of a command whose first word runs ``program``, one of the Docker family."""
    if program in ("docker-compose", "podman-compose"):
        tool = Tool.PODMAN if program == "podman-compose" else Tool.DOCKER
        return _compose(words[1:], tool, setting)
    tool = Tool(program)
    line = parse(words[1:], (), interspersed=False, valued=_DOCKER_VALUED)
    arguments = line.arguments
    if not arguments:
        return []
    command = arguments[0].value
    rest = arguments[1:]
    if tool is not Tool.BUILDAH:
        if command == "compose":
            return _compose(rest, tool, setting)
        if len(rest) and command in ("image", "builder", "buildx", "container"):
            behind = parse(rest, (), interspersed=False, valued=("--builder",)).arguments
            if not behind:
                return []
            command = _MANAGEMENT.get((command, behind[0].value), "")
            rest = behind[1:]
    reader = _BUILDAH.get(command) if tool is Tool.BUILDAH else _COMMANDS.get(command)
    return [] if reader is None else reader(rest, tool, setting)


_Reader = Callable[[Sequence[Word], Tool, Setting], "list[Fact]"]


def _image_facts(line: CommandLine, verb: Verb, tool: Tool, setting: Setting) -> list[Fact]:
    policy = line.text("--pull") or ""
    if policy == "never" or line.has("--pull-never"):
        return []
    images: list[Word | None] = list(line.arguments[:1])
    if verb is Verb.PULL:
        # podman takes several; docker refuses them, so nothing is lost.
        images = list(line.arguments)
    if not images:
        if not setting.fed_words:
            return []
        images = [None]
    if line.last("--creds") is not None:
        halves = written_pair(line, "--creds")
        return [
            client_access(Purpose.PULL, registries_holding(image.value), halves, setting)
            for image in images
            if image is not None
        ]
    always = verb is Verb.PULL or policy in ("always", "newer") or line.has("--pull-always")
    facts: list[Fact] = []
    for image in images:
        unknown = image is None or (
            (setting.replaces and setting.replaces in image.value)
            or expands_braces(image)
            or image.value == ""
        )
        facts.append(
            ImagePull(
                setting.start,
                setting.end,
                tool,
                verb,
                None if unknown else image,
                is_local=False,
                always_pulls=always,
                place=setting.place,
            )
        )
    return facts


def _pull(words: Sequence[Word], tool: Tool, setting: Setting) -> list[Fact]:
    return _image_facts(parse(words, _PULL_SWITCHES), Verb.PULL, tool, setting)


def _run(words: Sequence[Word], tool: Tool, setting: Setting) -> list[Fact]:
    line = parse(words, _RUN_SWITCHES, interspersed=False)
    return _image_facts(line, Verb.RUN, tool, setting)


def _create(words: Sequence[Word], tool: Tool, setting: Setting) -> list[Fact]:
    line = parse(words, _RUN_SWITCHES, interspersed=False)
    return _image_facts(line, Verb.CREATE, tool, setting)


def _from(words: Sequence[Word], tool: Tool, setting: Setting) -> list[Fact]:
    line = parse(words, _FROM_SWITCHES)
    if line.arguments and line.arguments[0].value == "scratch":
        return []
    return _image_facts(line, Verb.CREATE, tool, setting)


def _build(words: Sequence[Word], tool: Tool, setting: Setting) -> list[Fact]:
    line = parse(words, _BUILD_SWITCHES)
    if line.has("--help"):
        return []
    context = line.arguments[-1].value if line.arguments else None
    if context is None and tool is Tool.DOCKER and not setting.fed_words:
        # `docker build` alone is an error; a placeholder of options may have hidden the context.
        hidden = [word for word in words if may_hold_options(word)]
        if not hidden:
            return []
    elif context is None and not setting.fed_words:
        context = "."
    file = line.text("-f", "--file")
    text = None
    if file == _STDIN or (context == _STDIN and file is None):
        text = setting.stdin_text
        if text is None and setting.stdin_file is not None:
            file = setting.stdin_file
    build_args = tuple(_pairs(line.all("--build-arg")))
    contexts = tuple(
        (name, value) for name, value in _pairs(line.all("--build-context")) if value is not None
    )
    return [
        Build(
            setting.start,
            setting.end,
            tool,
            directory=setting.directory,
            context=context,
            dockerfile=file,
            dockerfile_text=text,
            target=line.text("--target"),
            build_args=build_args,
            build_contexts=contexts,
            tags=line.all("-t", "--tag"),
            always_pulls=line.has("--pull", "--pull-always"),
            place=setting.place,
        )
    ]


def _pairs(values: Sequence[str]) -> list[tuple[str, str | None]]:
    pairs: list[tuple[str, str | None]] = []
    for value in values:
        name, equals, rest = value.partition("=")
        pairs.append((name, rest if equals else None))
    return pairs


def _bake(words: Sequence[Word], _tool: Tool, setting: Setting) -> list[Fact]:
    line = parse(words, _BAKE_SWITCHES)
    if line.has("--print"):
        return []
    return [
        BakeBuild(
            setting.start,
            setting.end,
            directory=setting.directory,
            files=line.all("-f", "--file"),
            targets=tuple(word.value for word in line.arguments),
            place=setting.place,
        )
    ]


def _tag(words: Sequence[Word], _tool: Tool, setting: Setting) -> list[Fact]:
    arguments = parse(words, ()).arguments
    return [
        *_named(arguments[:1], setting),
        *(
            LocalImage(setting.start, setting.end, word.value, setting.place)
            for word in arguments[1:]
        ),
    ]


def _named(words: Iterable[Word], setting: Setting) -> list[Fact]:
    return [NamedImage(setting.start, setting.end, word, setting.place) for word in words]


def _image_names(words: Sequence[Word], _tool: Tool, setting: Setting) -> list[Fact]:
    return _named(parse(words, _NAMING_SWITCHES).arguments, setting)


def _remove(words: Sequence[Word], _tool: Tool, setting: Setting) -> list[Fact]:
    return _named(parse(words, _REMOVE_SWITCHES).arguments, setting)


def _inspect(words: Sequence[Word], _tool: Tool, setting: Setting) -> list[Fact]:
    line = parse(words, _NAMING_SWITCHES)
    only_images = line.text("--type") == "image"
    # A bare name may be a container's.
    told = (word for word in line.arguments if only_images or re.search("[:@/]", word.value))
    return _named(told, setting)


def _ps(words: Sequence[Word], _tool: Tool, setting: Setting) -> list[Fact]:
    line = parse(words, _NAMING_SWITCHES)
    found: list[Word] = []
    for option in line.options_named("-f", "--filter"):
        word = option.value
        if word is None or not word.value.startswith(_ANCESTOR):
            continue
        quotes = 1 if word.quoting in (Quoting.SINGLE, Quoting.DOUBLE) else 0
        start, end = word.start + quotes + len(_ANCESTOR), word.end - quotes
        text = word.text[quotes + len(_ANCESTOR) : len(word.text) - quotes]
        inner = Word(start, end, text, word.value[len(_ANCESTOR) :])
        if word.quoting is not Quoting.MIXED and word.text[quotes:].startswith(_ANCESTOR):
            found.append(inner)
    return _named(found, setting)


def _load(_words: Sequence[Word], _tool: Tool, setting: Setting) -> list[Fact]:
    return [LocalImage(setting.start, setting.end, None, setting.place)]


def _import(words: Sequence[Word], _tool: Tool, setting: Setting) -> list[Fact]:
    arguments = parse(words, ()).arguments
    name = arguments[1].value if len(arguments) > 1 else None
    return [LocalImage(setting.start, setting.end, name, setting.place)]


def _commit(words: Sequence[Word], _tool: Tool, setting: Setting) -> list[Fact]:
    arguments = parse(words, ("-p", "--pause", "-q", "--quiet", "--rm", "--squash")).arguments
    name = arguments[1].value if len(arguments) > 1 else None
    return [LocalImage(setting.start, setting.end, name, setting.place)]


def login_facts(words: Sequence[Word], tool: Tool, setting: Setting) -> list[Fact]:
    """The login of ``tool``, or of what shares its credentials, with the arguments ``words``."""
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
        assert option.value is not None  # noqa: S101 - asked just above
        obstacle = setting.obstacle
        if setting.stdin:
            obstacle = "something else is fed to it already"
        elif len(options) > 1:
            obstacle = "the password is given twice"
        elif line.options_named("-e", "--email"):
            # Gone in Docker 17.06; --password-stdin came with 17.07.
            obstacle = "only a Docker without --password-stdin takes its e-mail option"
        elif not option.separable:
            obstacle = "the password's option is written together with another"
        password = PasswordArgument(option.start, option.end, option.value, setting.start, obstacle)
    return [
        Login(
            setting.start,
            setting.end,
            setting.statement_start,
            setting.statement_end,
            LoginKind.LOGIN,
            tool,
            registry,
            registries_named(None if registry is None else registry.value)
            or _BY_USERNAME.get("" if username is None else username.value, ()),
            username,
            password,
            stdin,
            setting.variables,
            setting.place,
            setting.stdin_word,
        )
    ]


#: User names that stand for a cloud's token, so that the registry is one of that cloud's:
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

    None is Docker Hub. What is not known becomes ``*``; nothing at all known gives no pattern.
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
    """The registry from which ``image`` comes, as `registries_named`; none where it is unknown."""
    host = registry_of(image)
    return (host,) if isinstance(host, str) else ()


#: ``NAME:PASSWORD``; the colons in ``${X:-y}`` and parameters are part of a half.
_PAIR = re.compile(r"((?:\$\{[^{}]*\}|<<[^<>]*>>|[^:$<]|\$(?!\{)|<(?!<))+):(.+)", re.DOTALL)

_Halves = tuple["Word | None", "Word | None"]


def written_pair(line: CommandLine, *options: str) -> _Halves:
    """The halves of an option's ``NAME:PASSWORD``; None where they are not written apart."""
    word = line.last(*options)
    match = None if word is None else _PAIR.fullmatch(word.value)
    if word is None or match is None:
        return None, None
    name, password = (replace(word, value=half) for half in match.groups())
    return name, password


def client_access(
    purpose: Purpose,
    registries: tuple[str, ...],
    halves: _Halves,
    setting: Setting,
    *,
    is_fed: bool = False,
) -> ClientAccess:
    """What a program does at ``registries`` with the user name and password ``halves``."""
    username, password = halves
    read = setting.variables if purpose is Purpose.LOGIN else frozenset()
    for half in halves:
        read |= frozenset() if half is None else variables_in(half.value)
    return ClientAccess(
        setting.start,
        setting.end,
        purpose,
        registries,
        username,
        password,
        is_fed,
        read,
        setting.place,
        setting.stdin_word if is_fed else None,
    )


def _logout(words: Sequence[Word], tool: Tool, setting: Setting) -> list[Fact]:
    line = parse(words, ("-a", "--all", "--help"), valued=("--authfile",))
    registry = line.arguments[0] if line.arguments else None
    return [
        Logout(setting.start, setting.end, tool, registry, line.has("-a", "--all"), setting.place)
    ]


def _compose(words: Sequence[Word], tool: Tool, setting: Setting) -> list[Fact]:
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
        return setting.assignments.get(name) or setting.lookup(name)

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
    if verb is not Verb.RUN and any(is_whole_placeholder(word) for word in command.arguments):
        # `up $SERVICES`: which ones is not told, so all.
        services = ()
    if verb in (Verb.PULL, Verb.BUILD):
        dependencies = command.has("--with-dependencies", "--include-deps")
    else:
        dependencies = not command.has("--no-deps")
    return [
        ComposeCommand(
            setting.start,
            setting.end,
            tool,
            verb,
            directory=setting.directory,
            files=files,
            project_directory=line.text("--project-directory", "--workdir"),
            profiles=profiles,
            services=services,
            with_dependencies=dependencies,
            always_pulls=verb is Verb.PULL
            or command.text("--pull") == "always"
            or (verb is Verb.BUILD and command.has("--pull")),
            environment=tuple(sorted(setting.assignments.items())),
            place=setting.place,
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
    """``image`` as a key by which the names of one local image are the same: ``:latest`` added."""
    last = image.rpartition("/")[2]
    name = image if ":" in last or "@" in last else f"{image}:latest"
    for prefix in ("docker.io/library/", "docker.io/", "localhost/"):
        name = name.removeprefix(prefix)
    return name


class LocalImages:
    """The images that a script has made so far."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def seen(self, fact: Fact) -> Fact:
        """Take note of what ``fact`` makes; give it back, marked if it needs no pull."""
        if isinstance(fact, Build):
            self._keys.update(map(same_image_key, fact.tags))
        elif isinstance(fact, LocalImage) and fact.image is not None:
            self._keys.add(same_image_key(fact.image))
        elif (
            isinstance(fact, ImagePull)
            and fact.image is not None
            and not fact.always_pulls
            and same_image_key(fact.image.value) in self._keys
        ):
            return replace(fact, is_local=True)
        return fact
