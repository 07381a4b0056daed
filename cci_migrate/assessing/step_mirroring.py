"""Which images that steps fetch from Docker Hub can be pulled through a mirror, and which cannot.

A local image is known by the name under which it was pulled. So a name is rewritten in all scripts
of a job that have it, or in none; and where nothing but a ``docker pull`` has it, something that
the config does not show may count on it: that is a question.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from msgspec import Struct, field

from cci_migrate.circleci.config import Job
from cci_migrate.circleci.step_pulls import JobDocker, StepPull
from cci_migrate.circleci.step_reading import facts, step_dialect
from cci_migrate.circleci.steps import RunStep, run_step
from cci_migrate.docker.image_reference import (
    DOCKER_HUB,
    ImageReference,
    masked_placeholders,
    parse_image_reference,
    registry_of,
)
from cci_migrate.docker.mirrors import Mirror, NewHead, mirrored
from cci_migrate.docker.shell import (
    ComposeCommand,
    ImagePull,
    NamedImage,
    Quoting,
    Verb,
    Word,
    mentions_docker,
)
from cci_migrate.lossless.nodes import Scalar
from cci_migrate.lossless.operations import ReplaceText
from cci_migrate.lossless.scalar_positions import source_offsets

#: Commands that speak of an image, or list images, by the name of its repository: a tool, and
#: behind it on the line what it does; or an option that says enough by itself.
_TOOL = re.compile(r"\b(?:docker|podman|buildah)\b")
_ON_IMAGES = re.compile(r"\b(?:tag|inspect|images?|save|rmi|push|history|manifest)\b")
_IMAGE_OPTION = re.compile(r"ancestor=|cache-from")
_OFFICIAL = "library/"


class NameSite(Struct, frozen=True, eq=False):
    """A place in a script where an image is named that is to come from the mirror.

    ``name`` is its repository on Docker Hub; ``start``..``end`` is the name in ``command``'s value,
    of which ``head`` is to replace the beginning.
    """

    docker: JobDocker
    pull: StepPull
    command: Scalar
    start: int
    end: int
    head: NewHead
    name: str
    is_only_pulled: bool

    @property
    def operation(self) -> ReplaceText:
        """What rewrites it."""
        return ReplaceText(self.command, self.start, self.start + self.head.length, self.head.text)


#: A scalar, and the offset in its value.
_SiteKey = tuple[Scalar, int]


def _key(site: NameSite) -> _SiteKey:
    return site.command, site.start


class NotRewritten(Struct, frozen=True, eq=False):
    """A pull from Docker Hub that stays, the reason, and what to write by hand."""

    docker: JobDocker
    pull: StepPull
    reason: str
    instead: str


class NameChange(Struct, frozen=True, eq=False):
    """An image whose name is to change wherever it is named, or nowhere.

    ``sites`` are those places, the first pull first; ``pulls`` the pulls among them,
    ``jobs`` the jobs that run them.
    """

    sites: tuple[NameSite, ...]
    pulls: frozenset[StepPull]
    jobs: frozenset[Job]

    @property
    def is_only_pulled(self) -> bool:
        """Whether some job only pulls it, and nothing that is known uses it then."""
        return any(site.is_only_pulled for site in self.sites)

    @property
    def operations(self) -> tuple[ReplaceText, ...]:
        """What rewrites it everywhere."""
        return tuple(site.operation for site in self.sites)


class StepMirroring(Struct, frozen=True):
    """What is to be done about the pulls of steps."""

    changes: tuple[NameChange, ...]
    stays: tuple[NotRewritten, ...]

    @property
    def rewritten(self) -> frozenset[StepPull]:
        """The pulls that are to come from the mirror."""
        return frozenset(pull for change in self.changes for pull in change.pulls)


class _Job(Struct):
    """What the pulls of one way of running a job come to."""

    docker: JobDocker
    sites: list[NameSite] = field(default_factory=list)
    #: Why pulls stay.
    others: dict[StepPull, str] = field(default_factory=dict)
    scripts: dict[Scalar, None] = field(default_factory=dict)
    #: Where else images are named, by commands that fetch none.
    named: list[NameSite] = field(default_factory=list)


def step_mirroring(
    dockers: Iterable[JobDocker], mirror: Mirror, exempt: Iterable[str]
) -> StepMirroring:
    """What is to be done for ``mirror`` about the pulls of ``dockers`` that have no login.

    Images that ``exempt`` globs match stay.
    """
    globs = tuple(exempt)
    jobs = [_read(docker, mirror, globs) for docker in dockers]
    refused: dict[_SiteKey, str] = {}
    while True:
        found = {
            _key(site): reason
            for job in jobs
            for site in job.sites
            if _key(site) not in refused and (reason := _obstacle(job, site, refused)) is not None
        }
        if not found:
            break
        refused.update(found)
    stays: list[NotRewritten] = []
    groups = _Groups()
    for job in jobs:
        for site in job.sites:
            key = _key(site)
            if key in refused:
                stays.append(_stays(job.docker, site.pull, refused[key], mirror))
            else:
                groups.add(job, site, is_pull=True)
        for one in job.named:
            if any(site.name == one.name and _key(site) not in refused for site in job.sites):
                groups.add(job, one, is_pull=False)
        for pull, reason in job.others.items():
            stays.append(_stays(job.docker, pull, reason, mirror))
    return StepMirroring(groups.changes(), tuple(stays))


class _Groups:
    """Puts together what must be rewritten together: a name in a job, scripts that jobs share."""

    def __init__(self) -> None:
        self._sites: dict[_SiteKey, NameSite] = {}
        self._pulls: dict[_SiteKey, set[StepPull]] = defaultdict(set)
        self._jobs: dict[_SiteKey, set[Job]] = defaultdict(set)
        self._leaders: dict[object, object] = {}

    def add(self, job: _Job, site: NameSite, *, is_pull: bool) -> None:
        key = _key(site)
        if key not in self._sites or site.is_only_pulled:
            self._sites[key] = site
        if is_pull:
            self._pulls[key].add(site.pull)
        self._jobs[key].add(job.docker.job)
        self._leaders[self._leader(key)] = self._leader((job.docker.job, site.name))

    def _leader(self, one: object) -> object:
        while (leader := self._leaders.get(one, one)) != one:
            one = leader
        return one

    def changes(self) -> tuple[NameChange, ...]:
        found: dict[object, list[_SiteKey]] = defaultdict(list)
        for key in self._sites:
            found[self._leader(key)].append(key)
        return tuple(
            NameChange(
                tuple(self._sites[key] for key in keys),
                frozenset(pull for key in keys for pull in self._pulls[key]),
                frozenset(job for key in keys for job in self._jobs[key]),
            )
            for keys in found.values()
        )


def _read(docker: JobDocker, mirror: Mirror, exempt: tuple[str, ...]) -> _Job:
    """The pulls from Docker Hub of a job, but for images that are only pulled after a login."""
    job = _Job(docker)
    hub = [
        pull
        for pull in docker.pulls
        if any(
            registry_of(text) == DOCKER_HUB and not any(fnmatchcase(text, one) for one in exempt)
            for text in pull.texts
        )
    ]
    if not hub:
        return job
    for step in docker.steps:
        run = run_step(step, docker.defaults)
        if run is not None:
            job.scripts[run.command] = None
    named = list(_named(docker, hub[0], mirror))
    anonymous = {
        name
        for pull in hub
        if docker.login_before(pull, DOCKER_HUB) is None
        for name in _names(pull)
    }
    verbs: dict[str, set[Verb | None]] = defaultdict(set)
    for pull in hub:
        for name in _names(pull):
            verbs[name].add(_verb(pull))
    for one in named:
        verbs[one.name].add(None)
    for pull in hub:
        if anonymous.isdisjoint(_names(pull)):
            continue
        site = _site(docker, pull, mirror, verbs)
        if isinstance(site, NameSite):
            job.sites.append(site)
        else:
            job.others[pull] = site
    fetched = {site.name for site in job.sites}
    job.named = [one for one in named if one.name in fetched]
    return job


def _named(docker: JobDocker, pull: StepPull, mirror: Mirror) -> Iterator[NameSite]:
    """Where the scripts of a job name images of Docker Hub that are there already."""
    told: set[_SiteKey] = set()
    for step in docker.steps:
        run = run_step(step, docker.defaults)
        if run is None or not mentions_docker(run.command.value):
            continue
        script = facts(run.command.value, step_dialect(run, docker.daemon), run.environment)
        for fact in script.facts:
            if not isinstance(fact, NamedImage):
                continue
            found = _head(run.command, fact, fact.image, mirror)
            if isinstance(found, tuple) and (run.command, found[0]) not in told:
                start, end, head = found
                told.add((run.command, start))
                name = _repository(run.command.value[start + head.length : end])
                yield NameSite(docker, pull, run.command, start, end, head, name, False)


def _names(pull: StepPull) -> frozenset[str]:
    """The repositories on Docker Hub that ``pull`` fetches from."""
    return frozenset(_repository(text) for text in pull.texts if registry_of(text) == DOCKER_HUB)


def _repository(text: str) -> str:
    """The repository on Docker Hub that ``text`` names, placeholders as they are."""
    whole = parse_image_reference(text)
    if isinstance(whole, ImageReference):
        return whole.path
    masked = masked_placeholders(text)
    end = re.search("[:@]", masked)
    name = text if end is None else text[: end.start()]
    return name if "/" in name else _OFFICIAL + name


def _verb(pull: StepPull) -> Verb | None:
    fact = pull.moment.facts[-1][1] if pull.moment.facts else None
    return fact.verb if isinstance(fact, ImagePull) else None


def _site(
    docker: JobDocker, pull: StepPull, mirror: Mirror, verbs: Mapping[str, set[Verb | None]]
) -> NameSite | str:
    """Where ``pull`` names its image; why that cannot be rewritten."""
    run = run_step(pull.moment.step, docker.defaults)
    if run is None:
        return "the image is an argument of an orb's command"
    fact = pull.moment.facts[-1][1]
    if not isinstance(fact, ImagePull):
        kind = "Compose file" if isinstance(fact, ComposeCommand) else "Dockerfile"
        return f"a {kind} names the image"
    if len(pull.moment.facts) > 1:
        return "a script of the repository names the image"
    written = _as_written(docker, run, pull)
    if written is None or written.image is None:
        return "where its name stands in the script cannot be told"
    found = _head(run.command, written, written.image, mirror)
    if isinstance(found, str):
        return found
    start, end, head = found
    name = _repository(run.command.value[start + head.length : end])
    only_pulled = all(verbs[one] == {Verb.PULL} for one in {*_names(pull), name})
    return NameSite(docker, pull, run.command, start, end, head, name, only_pulled)


def _head(
    command: Scalar, fact: ImagePull | NamedImage, word: Word, mirror: Mirror
) -> tuple[int, int, NewHead] | str:
    """From where to where ``word`` of ``fact`` names an image, and how it is to begin."""
    is_here = fact.start <= word.start <= word.end <= fact.end
    if not is_here or command.value[word.start : word.end] != word.text:
        return "where its name stands in the script cannot be told"
    quotes = 0 if word.quoting is Quoting.NONE else 1
    inner = word.text[quotes : len(word.text) - quotes]
    if word.quoting is Quoting.MIXED or "\\" in inner:
        return "its name is put together from parts"
    head = mirrored(inner, mirror)
    if not isinstance(head, NewHead):
        return "its name is a variable's" if inner[:1] == "$" else head.reason
    start = word.start + quotes
    return start, start + len(inner), head


def _as_written(docker: JobDocker, run: RunStep, pull: StepPull) -> ImagePull | None:
    """The fact of ``pull`` in the script as it stands in the config."""
    script, fact = pull.moment.facts[0]
    pulls = [one for one in script.facts if isinstance(one, ImagePull)]
    index = next((i for i, one in enumerate(pulls) if one is fact or one == fact), None)
    written = facts(run.command.value, step_dialect(run, docker.daemon), run.environment)
    as_written = [one for one in written.facts if isinstance(one, ImagePull)]
    return None if index is None or len(as_written) != len(pulls) else as_written[index]


def _obstacle(job: _Job, site: NameSite, refused: Mapping[_SiteKey, str]) -> str | None:
    """What forbids to rewrite ``site``: its image is named where that cannot be."""
    names = _names(site.pull) | {site.name}
    for other in job.others:
        if not names.isdisjoint(_names(other)):
            return f"{other.command} counts on the same name"
    for other_site in job.sites:
        if _key(other_site) in refused and not names.isdisjoint(
            _names(other_site.pull) | {other_site.name}
        ):
            return "the same name cannot be rewritten everywhere"
    known = {(one.command, one.start): one.end for one in (*job.sites, *job.named)}
    for command in job.scripts:
        for start, text in _mentions(site.name, command.value):
            end = known.get((command, start))
            if end is None or end < start + len(text):
                offsets = source_offsets(command)
                at = command.start if offsets is None else offsets[start]
                line = command.source.position(at).line
                return f"{text} is also named in line {line}, for something else"
    return None


def _mentions(name: str, script: str) -> Iterator[tuple[int, str]]:
    """Where ``script`` speaks of the image ``name`` of Docker Hub: offset and text."""
    short = name.removeprefix(_OFFICIAL)
    pattern = re.compile(
        r"(?<![\w./:@$}-])(?:(?:index\.)?docker\.io/)?(?:library/)?"
        + re.escape(short)
        + r"(?P<rest>[:@][^\s\"'`;|&()<>,]+)?(?![\w./-])"
    )
    offset = 0
    for line in script.split("\n"):
        if short in line and not line.lstrip().startswith("#"):
            speaks_of_images = _speaks_of_images(line)
            for match in pattern.finditer(line):
                if match["rest"] is not None or "/" in match[0] or speaks_of_images:
                    yield offset + match.start(), match[0]
        offset += len(line) + 1


def _speaks_of_images(line: str) -> bool:
    tool = _TOOL.search(line)
    if tool is not None and _ON_IMAGES.search(line, tool.end()):
        return True
    return _IMAGE_OPTION.search(line) is not None


def _stays(docker: JobDocker, pull: StepPull, reason: str, mirror: Mirror) -> NotRewritten:
    written: dict[str, None] = {}
    for text in pull.texts:
        head = mirrored(text, mirror) if registry_of(text) == DOCKER_HUB else None
        if isinstance(head, NewHead):
            place = dict(pull.places).get(text)
            where = "" if place is None else f" in {place}"
            new = head.text + text[head.length :]
            written[f"write {new} for {text}{where}"] = None
    instead = "; ".join(list(written)[:3]) or f"begin the image's name with {mirror}/"
    return NotRewritten(docker, pull, reason, instead)
