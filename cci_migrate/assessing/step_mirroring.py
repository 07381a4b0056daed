"""Which images that steps pull from Docker Hub can come from a mirror, and which can't.

A local image has the name under which it was pulled. So a name is rewritten in all scripts of a job
that contain it, or in none. If only a ``docker pull`` contains it, something outside the config may
depend on the name, and the user is asked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property

from msgspec import Struct, field

from cci_migrate.circleci.config import Job
from cci_migrate.circleci.step_pulls import JobDocker, StepPull
from cci_migrate.circleci.step_scripts import written_script
from cci_migrate.circleci.steps import run_step
from cci_migrate.docker.container_tools import ANY_TOOL
from cci_migrate.docker.image_patterns import without_tag
from cci_migrate.docker.image_reference import (
    OFFICIAL,
    ImageReference,
    has_placeholder,
    masked_placeholders,
    parse_image_reference,
    registry_of,
)
from cci_migrate.docker.mentions import mentions_docker
from cci_migrate.docker.mirrors import Mirror, NewHead, mirrored
from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.docker.shell.facts import (
    ComposeCommand,
    ImagePull,
    NamedImage,
    Quoting,
    Script,
    Verb,
    Word,
)
from cci_migrate.groups import grouped
from cci_migrate.lossless.nodes import Scalar
from cci_migrate.lossless.operations import ReplaceText
from cci_migrate.lossless.scalar_positions import source_offsets

#: Commands that name an image or list images by repository: a tool followed by one of its
#: subcommands, or an option that is enough by itself.
_TOOL = re.compile(rf"\b(?:{ANY_TOOL})\b")
_ON_IMAGES = re.compile(r"\b(?:tag|inspect|images?|save|rmi|push|history|manifest)\b")
_IMAGE_OPTION = re.compile(r"ancestor=|cache-from")


class NameSite(Struct, frozen=True, eq=False):
    """A place in a script that names an image that is to come from the mirror.

    ``name`` is its repository on Docker Hub; ``start``..``end`` is the name in ``command``'s value,
    and ``head`` replaces its beginning.
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
    def names(self) -> frozenset[str]:
        """The repositories on Docker Hub that it may name, by any value of its parameters."""
        return _names(self.pull) | {self.name}

    @property
    def operation(self) -> ReplaceText:
        """The operation that rewrites it."""
        return ReplaceText(self.command, self.start, self.start + self.head.length, self.head.text)


#: A scalar, and the offset in its value.
_SiteKey = tuple[Scalar, int]


def _key(site: NameSite) -> _SiteKey:
    return site.command, site.start


class NotRewritten(Struct, frozen=True, eq=False):
    """A pull from Docker Hub that is not rewritten, the reason, and what to write by hand."""

    docker: JobDocker
    pull: StepPull
    reason: str
    instead: str


class NameChange(Struct, frozen=True, eq=False):
    """The change of an image's name at all ``sites``, which are only changed together.

    The first pull comes first. ``pulls`` are the pulls at these sites, ``jobs`` run them.
    """

    sites: tuple[NameSite, ...]
    pulls: frozenset[StepPull]
    jobs: frozenset[Job]

    @property
    def is_only_pulled(self) -> bool:
        """Whether a job only pulls it, without a visible use."""
        return any(site.is_only_pulled for site in self.sites)

    @property
    def operations(self) -> tuple[ReplaceText, ...]:
        """The operations that rewrite it everywhere."""
        return tuple(site.operation for site in self.sites)


class StepMirroring(Struct, frozen=True, dict=True):
    """The changes to the pulls of steps, and the pulls that stay."""

    changes: tuple[NameChange, ...]
    stays: tuple[NotRewritten, ...]

    @cached_property
    def rewritten(self) -> frozenset[StepPull]:
        """The pulls that are to come from the mirror: all pulls in steps are looked up in them."""
        return frozenset(pull for change in self.changes for pull in change.pulls)


class _MirroredJob(Struct):
    """The pulls from Docker Hub of one way of running a job."""

    docker: JobDocker
    sites: list[NameSite] = field(default_factory=list)
    #: The pulls that can't be rewritten, with the reasons.
    others: dict[StepPull, str] = field(default_factory=dict)
    scripts: dict[Scalar, None] = field(default_factory=dict)
    #: Where commands that pull nothing name the images.
    named_sites: list[NameSite] = field(default_factory=list)


def step_mirroring(
    dockers: Iterable[JobDocker], mirror: Mirror, is_exempt: Callable[[str], bool]
) -> StepMirroring:
    """The changes that make pulls of ``dockers`` without a login come from ``mirror``.

    Images that are exempt stay.
    """
    jobs = [_read(docker, mirror, is_exempt) for docker in dockers]
    refused: dict[_SiteKey, str] = {}
    while True:
        newly_refused = {
            _key(site): reason
            for job in jobs
            for site in job.sites
            if _key(site) not in refused and (reason := _obstacle(job, site, refused)) is not None
        }
        if not newly_refused:
            break
        refused.update(newly_refused)
    stays: list[NotRewritten] = []
    groups = _Groups()
    for job in jobs:
        for pull_site in job.sites:
            key = _key(pull_site)
            if key in refused:
                stays.append(_stays(job.docker, pull_site.pull, refused[key], mirror))
            else:
                groups.add(job, pull_site, is_pull=True)
        for site in job.named_sites:
            if any(
                pull_site.name == site.name and _key(pull_site) not in refused
                for pull_site in job.sites
            ):
                groups.add(job, site, is_pull=False)
        for pull, reason in job.others.items():
            stays.append(_stays(job.docker, pull, reason, mirror))
    return StepMirroring(groups.changes(), tuple(stays))


class _Groups:
    """Groups what must be rewritten together: a name in a job, scripts that jobs share."""

    def __init__(self) -> None:
        self._sites: dict[_SiteKey, NameSite] = {}
        self._pulls: dict[_SiteKey, set[StepPull]] = defaultdict(set)
        self._jobs: dict[_SiteKey, set[Job]] = defaultdict(set)
        self._leaders: dict[object, object] = {}

    def add(self, job: _MirroredJob, site: NameSite, *, is_pull: bool) -> None:
        key = _key(site)
        if key not in self._sites or site.is_only_pulled:
            self._sites[key] = site
        if is_pull:
            self._pulls[key].add(site.pull)
        self._jobs[key].add(job.docker.job)
        self._leaders[self._leader(key)] = self._leader((job.docker.job, site.name))

    def _leader(self, member: object) -> object:
        while (leader := self._leaders.get(member, member)) != member:
            member = leader
        return member

    def changes(self) -> tuple[NameChange, ...]:
        by_leader = grouped((self._leader(key), key) for key in self._sites)
        return tuple(
            NameChange(
                tuple(self._sites[key] for key in keys),
                frozenset(pull for key in keys for pull in self._pulls[key]),
                frozenset(job for key in keys for job in self._jobs[key]),
            )
            for keys in by_leader.values()
        )


def _read(docker: JobDocker, mirror: Mirror, is_exempt: Callable[[str], bool]) -> _MirroredJob:
    """The pulls from Docker Hub of a job, except of images that are only pulled after a login."""
    job = _MirroredJob(docker)
    hub_pulls = [
        pull
        for pull in docker.pulls
        if any(registry_of(text) == DOCKER_HUB and not is_exempt(text) for text in pull.texts)
    ]
    if not hub_pulls:
        return job
    job.scripts.update(dict.fromkeys(run.command for run in docker.own_runs))
    named_sites = list(_named(docker, hub_pulls[0], mirror))
    anonymous = {
        name
        for pull in hub_pulls
        if docker.login_before(pull, DOCKER_HUB) is None
        for name in _names(pull)
    }
    verbs = grouped((name, _verb(pull)) for pull in hub_pulls for name in _names(pull))
    # What names an image without a pull uses it.
    used = {site.name for site in named_sites}
    only_pulled = {name for name, of in verbs.items() if {*of} == {Verb.PULL}} - used
    for pull in hub_pulls:
        if anonymous.isdisjoint(_names(pull)):
            continue
        site = _site(docker, pull, mirror, only_pulled)
        if isinstance(site, NameSite):
            job.sites.append(site)
        else:
            job.others[pull] = site
    fetched = {site.name for site in job.sites}
    job.named_sites = [named_site for named_site in named_sites if named_site.name in fetched]
    return job


def _named(docker: JobDocker, pull: StepPull, mirror: Mirror) -> Iterator[NameSite]:
    """Where the scripts of a job name local images from Docker Hub."""
    reported: set[_SiteKey] = set()
    for run in docker.own_runs:
        if not mentions_docker(run.command.value):
            continue
        script = written_script(run, docker.daemon)
        for fact in script.facts:
            if not isinstance(fact, NamedImage):
                continue
            position = _head(run.command, fact, fact.image, mirror)
            if isinstance(position, tuple) and (run.command, position[0]) not in reported:
                start, end, head = position
                reported.add((run.command, start))
                name = _repository(run.command.value[start + head.length : end])
                yield NameSite(docker, pull, run.command, start, end, head, name, False)


def _names(pull: StepPull) -> frozenset[str]:
    """The repositories on Docker Hub that ``pull`` pulls from."""
    return frozenset(_repository(text) for text in pull.texts if registry_of(text) == DOCKER_HUB)


def _repository(text: str) -> str:
    """The repository on Docker Hub that ``text`` names, with its placeholders."""
    whole = parse_image_reference(text)
    if isinstance(whole, ImageReference):
        return whole.path
    masked = masked_placeholders(text)
    end = re.search("[:@]", masked)
    name = text if end is None else text[: end.start()]
    return name if "/" in name else OFFICIAL + name


def _verb(pull: StepPull) -> Verb | None:
    fact = pull.moment.facts[-1][1] if pull.moment.facts else None
    return fact.verb if isinstance(fact, ImagePull) else None


def _site(
    docker: JobDocker, pull: StepPull, mirror: Mirror, only_pulled: AbstractSet[str]
) -> NameSite | str:
    """Where ``pull`` names its image, or why that can't be rewritten."""
    run = run_step(pull.moment.step, docker.defaults)
    if run is None or pull.moment.step.home.is_published:
        return "the image is an argument of an orb's command"
    fact = pull.moment.facts[-1][1]
    if not isinstance(fact, ImagePull):
        kind = "Compose file" if isinstance(fact, ComposeCommand) else "Dockerfile"
        return f"a {kind} names the image"
    if len(pull.moment.facts) > 1:
        return "a script of the repository names the image"
    read = _image_pulls(pull.moment.facts[0][0])
    written = _image_pulls(written_script(run, docker.daemon))
    as_written = written[read.index(fact)] if len(read) == len(written) else None
    if as_written is None or as_written.image is None:
        return "can't locate its name in the script"
    position = _head(run.command, as_written, as_written.image, mirror)
    if isinstance(position, str):
        return position
    start, end, head = position
    name = _repository(run.command.value[start + head.length : end])
    is_only_pulled = _names(pull) | {name} <= only_pulled
    return NameSite(docker, pull, run.command, start, end, head, name, is_only_pulled)


def _head(
    command: Scalar, fact: ImagePull | NamedImage, word: Word, mirror: Mirror
) -> tuple[int, int, NewHead] | str:
    """The span in which ``word`` of ``fact`` names an image and its new head, or an obstacle."""
    is_here = fact.start <= word.start <= word.end <= fact.end
    if not is_here or command.value[word.start : word.end] != word.text:
        return "can't locate its name in the script"
    quotes = 0 if word.quoting is Quoting.NONE else 1
    inner = word.text[quotes : len(word.text) - quotes]
    if word.quoting is Quoting.MIXED or "\\" in inner:
        return "its name is built from parts"
    head = mirrored(inner, mirror)
    if not isinstance(head, NewHead):
        return "its name is a variable" if inner[:1] == "$" else head.reason
    start = word.start + quotes
    return start, start + len(inner), head


def _image_pulls(script: Script) -> list[ImagePull]:
    return [fact for fact in script.facts if isinstance(fact, ImagePull)]


def _obstacle(job: _MirroredJob, site: NameSite, refused: Mapping[_SiteKey, str]) -> str | None:
    """Why ``site`` can't be rewritten: its image is also named where that is impossible."""
    for other in job.others:
        if not site.names.isdisjoint(_names(other)):
            return f"{other.command} needs the same name"
    for other_site in job.sites:
        if _key(other_site) in refused and not site.names.isdisjoint(other_site.names):
            return "the same name can't be changed everywhere"
    ends = {_key(known_site): known_site.end for known_site in (*job.sites, *job.named_sites)}
    version = _version(site.command.value[site.start + site.head.length : site.end])
    for command in job.scripts:
        for start, text in _mentions(site.name, command.value):
            if version and _version(text) not in ("", version):
                continue  # another image of the same repository
            end = ends.get((command, start))
            if end is None or end < start + len(text):
                offsets = source_offsets(command)
                at = command.start if offsets is None else offsets[start]
                line = command.source.position(at).line
                return f"line {line} uses {text} for something else"
    return None


def _version(image: str) -> str:
    """The tag or digest of ``image``, if it has one without placeholders."""
    version = image[len(without_tag(image)) :]
    return "" if has_placeholder(version) else version


def _mentions(name: str, script: str) -> Iterator[tuple[int, str]]:
    """Where ``script`` names the image ``name`` of Docker Hub: offset and text."""
    short = name.removeprefix(OFFICIAL)
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
    instead = "; ".join(list(written)[:3]) or f"write {mirror}/ before the image's name"
    return NotRewritten(docker, pull, reason, instead)
