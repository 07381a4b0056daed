"""Which images that steps fetch from Docker Hub can be pulled through a mirror, and which cannot.

A local image is known by the name under which it was pulled. So a name is rewritten in all scripts
of a job that have it, or in none; and where nothing but a ``docker pull`` has it, something that
the config does not show may count on it: that is a question.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

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
from cci_migrate.docker.shell import ComposeCommand, ImagePull, Quoting, Verb, Word
from cci_migrate.lossless.nodes import Scalar
from cci_migrate.lossless.operations import ReplaceText
from cci_migrate.lossless.scalar_positions import source_offsets

#: Commands that speak of an image, or list images, by the name of its repository.
_SPEAKS_OF_IMAGES = re.compile(
    r"\b(?:docker|podman|buildah)\b.*\b(?:tag|inspect|images?|save|rmi|push|history|manifest)\b"
    r"|ancestor=|cache-from"
)
_OFFICIAL = "library/"


@dataclass(frozen=True, slots=True, eq=False)
class NameSite:
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


@dataclass(frozen=True, slots=True, eq=False)
class NotRewritten:
    """A pull from Docker Hub that stays, the reason, and what to write by hand."""

    docker: JobDocker
    pull: StepPull
    reason: str
    instead: str


@dataclass(frozen=True, slots=True)
class StepMirroring:
    """What is to be done about the pulls of steps: ``sites`` are to be rewritten, all of them."""

    sites: tuple[NameSite, ...]
    stays: tuple[NotRewritten, ...]
    rewritten: frozenset[int] = field(default_factory=frozenset)
    """The id() of the pulls that ``sites`` are of."""


@dataclass(slots=True)
class _Job:
    """What the pulls of one way of running a job come to."""

    docker: JobDocker
    sites: list[NameSite] = field(default_factory=list)
    others: dict[int, tuple[StepPull, str]] = field(default_factory=dict)
    scripts: dict[int, Scalar] = field(default_factory=dict)


def step_mirroring(
    dockers: Iterable[JobDocker], mirror: Mirror, exempt: Iterable[str]
) -> StepMirroring:
    """What is to be done for ``mirror`` about the pulls of ``dockers`` that have no login.

    Images that ``exempt`` globs match stay.
    """
    globs = tuple(exempt)
    jobs = [_read(docker, mirror, globs) for docker in dockers]
    refused: dict[tuple[int, int], str] = {}
    while True:
        found = {
            (id(site.command), site.start): reason
            for job in jobs
            for site in job.sites
            if (id(site.command), site.start) not in refused
            and (reason := _obstacle(job, site, refused)) is not None
        }
        if not found:
            break
        refused.update(found)
    sites: dict[tuple[int, int], NameSite] = {}
    stays: list[NotRewritten] = []
    rewritten: set[int] = set()
    for job in jobs:
        for site in job.sites:
            key = (id(site.command), site.start)
            if key in refused:
                stays.append(_stays(job.docker, site.pull, refused[key], mirror))
            else:
                if key not in sites or site.is_only_pulled:
                    sites[key] = site
                rewritten.add(id(site.pull))
        for pull, reason in job.others.values():
            stays.append(_stays(job.docker, pull, reason, mirror))
    return StepMirroring(tuple(sites.values()), tuple(stays), frozenset(rewritten))


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
            job.scripts[id(run.command)] = run.command
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
    for pull in hub:
        if anonymous.isdisjoint(_names(pull)):
            continue
        site = _site(docker, pull, mirror, verbs)
        if isinstance(site, NameSite):
            job.sites.append(site)
        else:
            job.others[id(pull)] = (pull, site)
    return job


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
    word = _word(docker, run, pull)
    if word is None:
        return "where its name stands in the script cannot be told"
    quotes = 0 if word.quoting is Quoting.NONE else 1
    inner = word.text[quotes : len(word.text) - quotes]
    if word.quoting is Quoting.MIXED or "\\" in inner:
        return "its name is put together from parts"
    head = mirrored(inner, mirror)
    if not isinstance(head, NewHead):
        return "its name is a variable's" if inner[:1] == "$" else head.reason
    name = _repository(inner[head.length :] if head.length else inner)
    start = word.start + quotes
    only_pulled = all(verbs[one] == {Verb.PULL} for one in _names(pull))
    return NameSite(docker, pull, run.command, start, start + len(inner), head, name, only_pulled)


def _word(docker: JobDocker, run: RunStep, pull: StepPull) -> Word | None:
    """The word that names the image in the script as it stands in the config."""
    script, fact = pull.moment.facts[0]
    pulls = [one for one in script.facts if isinstance(one, ImagePull)]
    index = next((i for i, one in enumerate(pulls) if one is fact or one == fact), None)
    written = facts(run.command.value, step_dialect(run, docker.daemon), run.environment)
    as_written = [one for one in written.facts if isinstance(one, ImagePull)]
    if index is None or len(as_written) != len(pulls):
        return None
    found = as_written[index]
    word = found.image
    if word is None or not found.start <= word.start <= word.end <= found.end:
        return None
    return word if run.command.value[word.start : word.end] == word.text else None


def _obstacle(job: _Job, site: NameSite, refused: Mapping[tuple[int, int], str]) -> str | None:
    """What forbids to rewrite ``site``: its image is named where that cannot be."""
    names = _names(site.pull) | {site.name}
    for other, _ in job.others.values():
        if not names.isdisjoint(_names(other)):
            return f"{other.command} counts on the same name"
    for other_site in job.sites:
        if (id(other_site.command), other_site.start) in refused and not names.isdisjoint(
            _names(other_site.pull) | {other_site.name}
        ):
            return "the same name cannot be rewritten everywhere"
    known = {(id(one.command), one.start): one.end for one in job.sites}
    for command in job.scripts.values():
        for start, text in _mentions(site.name, command.value):
            end = known.get((id(command), start))
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
    for match in pattern.finditer(script):
        line_start = script.rfind("\n", 0, match.start()) + 1
        line_end = script.find("\n", match.end())
        line = script[line_start : line_end if line_end >= 0 else len(script)]
        if line.lstrip().startswith("#"):
            continue
        is_image = match["rest"] is not None or "/" in match[0] or _SPEAKS_OF_IMAGES.search(line)
        if is_image:
            yield match.start(), match[0]


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
