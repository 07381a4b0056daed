"""Collects the images that the steps of a job pull, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.circleci.built_images import built_images
from cci_migrate.circleci.job_texts import JobTexts
from cci_migrate.circleci.login_directories import LoginDirectories
from cci_migrate.circleci.step_moments import Moment
from cci_migrate.circleci.step_pulls import StepPull
from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.image_patterns import without_tag
from cci_migrate.docker.image_reference import (
    ImageReference,
    Undecidable,
    parse_image_reference,
    registry_of,
)
from cci_migrate.docker.login_keys import pull_key
from cci_migrate.docker.shell.facts import ComposeCommand, Fact, ImagePull, LocalImage, Verb
from cci_migrate.docker.shell.local_images import LocalImages

#: Prefixes of images that a build has created and that are in no registry.
_LOCAL = ("local/", "localhost/")


class PullCommand(Struct, frozen=True, eq=False):
    """What pulls, at ``moment``: ``tool``, by the command ``title``."""

    moment: Moment
    tool: Tool
    title: str


class JobPulls:
    """The pulls of a job so far, and the images that are there without one."""

    def __init__(self, texts: JobTexts, directories: LoginDirectories) -> None:
        self.pulls: list[StepPull] = []
        self._texts = texts
        self._directories = directories
        self._local = LocalImages()
        self._loaded_something = False

    def with_local_images(self, fact: Fact) -> Fact:
        """Record the images that ``fact`` creates; return it, marked local if it needs no pull."""
        if isinstance(fact, LocalImage) and fact.image is None:
            self._loaded_something = True
        return self._local.record(fact)

    def build(self, image: str) -> None:
        """Record that ``image`` is built: it needs no pull from here on."""
        self._local.add(image)

    def command(self, moment: Moment, pull: ImagePull, place: str | None) -> None:
        """Add what the command ``pull`` pulls; ``place`` is that of its image in another file."""
        title = pull.title
        if pull.is_local or (pull.image is not None and pull.image.value.startswith(_LOCAL)):
            return
        if pull.image is None:
            reason = "the command line does not name the image"
            self.undecided(PullCommand(moment, pull.tool, title), reason)
            return
        image = pull.image.value
        command = PullCommand(moment, pull.tool, f"{title} {image}")
        if not self.to_fetch(command, pull, [image]):
            return
        if pull.keeps_login:
            self.without_login(command)
        else:
            self.images(command, [image], () if place is None else ((image, place),))

    def to_fetch(
        self, command: PullCommand, pull: ImagePull | ComposeCommand, images: Sequence[str]
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
            if not is_fetched and without_tag(image) not in built_images(self._texts.values.config):
                named = command
                if not command.title.endswith(image):
                    named = replace(command, title=f"{command.title} {image}")
                self.undecided(named, "it may come from docker load")
        return []

    def images(
        self, command: PullCommand, images: Iterable[str], places: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Add a pull of ``images`` by ``command``; ``places`` are theirs in other files."""
        hosts: set[str] = set()
        texts: dict[str, None] = {}
        undecided: str | None = None
        for image in images:
            for text in self._known_texts(image):
                reference = parse_image_reference(text)
                if isinstance(reference, ImageReference) and reference.is_scratch:
                    continue
                texts[text] = None
                host = pull_key(text) if command.tool.shares_logins else registry_of(text)
                if isinstance(host, Undecidable):
                    undecided = undecided or host.reason
                else:
                    hosts.add(host)
        if texts:
            self._add(command, tuple(texts), frozenset(hosts), undecided, places)

    def _known_texts(self, image: str) -> tuple[str, ...]:
        return self._texts.ways(image) if isinstance(registry_of(image), Undecidable) else (image,)

    def undecided(self, command: PullCommand, reason: str, *, perhaps: bool = False) -> None:
        """Add a pull of images that are unknown for ``reason``; ``perhaps``: or no pull at all."""
        self._add(command, (), frozenset(), reason, perhaps=perhaps)

    def without_login(self, command: PullCommand) -> None:
        """Add a pull by the nodes of a swarm, which no login serves."""
        reason = "without --with-registry-auth, the swarm pulls without a login"
        self._add(command, (), frozenset(), reason, ignores_logins=True)

    def _add(
        self,
        command: PullCommand,
        texts: tuple[str, ...],
        hosts: frozenset[str],
        undecided: str | None,
        places: tuple[tuple[str, str], ...] = (),
        *,
        perhaps: bool = False,
        ignores_logins: bool = False,
    ) -> None:
        moment, tool, title = command.moment, command.tool, command.title
        reads = self._directories.read_at(moment)
        self.pulls.append(
            StepPull(
                moment,
                tool,
                title,
                texts,
                hosts,
                undecided,
                places,
                *reads,
                perhaps,
                ignores_logins,
            )
        )
