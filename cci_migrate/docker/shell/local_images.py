"""The images that need no pull: those that a script has built, tagged or loaded."""

from __future__ import annotations

from msgspec.structs import replace

from cci_migrate.docker.shell.facts import Build, Fact, ImagePull, LocalImage


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
