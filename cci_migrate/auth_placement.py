"""Where the credentials of an image go: the definition that all its users share, or each user.

An image may be defined once and reached through aliases and merge keys. The edit goes to the
outermost definition whose every user is a pull that needs these very credentials; a definition
that something else uses too is left alone, and the edit goes to the using entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cci_migrate.circleci.images import PulledImage
from cci_migrate.circleci.sharing import Sharing, merge_chain, merges
from cci_migrate.lossless.merging import MERGE_KEY, own_entry
from cci_migrate.lossless.nodes import Alias, Mapping


@dataclass(frozen=True, slots=True, eq=False)
class AuthPlace:
    """``auth`` is to be added to ``mapping`` after its entry ``after``."""

    mapping: Mapping
    after: str | None


@dataclass(frozen=True, slots=True, eq=False)
class AuthSplit:
    """``auth`` is to be added where each of ``aliases`` stands, not to what they mean."""

    aliases: tuple[Alias, ...]


@dataclass(frozen=True, slots=True)
class NoPlace:
    """Why the image's credentials cannot be put anywhere."""

    reason: str


def place_auth(
    image: PulledImage,
    alike: Iterable[PulledImage],
    images: Sequence[PulledImage],
    sharing: Sharing,
) -> AuthPlace | AuthSplit | NoPlace:
    """Where credentials for ``image`` go.

    ``alike`` are the images (this one included) that are to get the same credentials; ``images``
    are all of the config.
    """
    wanting = {id(other) for other in alike}
    item = image.item.mapping
    for candidate in merge_chain(item, image.item.image.holder):
        users = [other for other in images if merges(other.item.mapping, candidate)]
        known = [owner.node for user in users for owner in user.owners]
        if all(
            id(user) in wanting or _has_its_own(user, candidate) for user in users
        ) and not sharing.has_other_users(candidate, known):
            return AuthPlace(candidate, _neighbour(candidate))
    others = [
        other
        for other in images
        if other is not image and merges(other.item.mapping, item) and id(other) not in wanting
    ]
    if any(not _has_its_own(other, item) for other in others):
        aliases = [owner.node for owner in image.owners if isinstance(owner.node, Alias)]
        if len(aliases) == len(image.owners):
            return AuthSplit(tuple({id(alias): alias for alias in aliases}.values()))
        return NoPlace(
            f"the image is also merged into {others[0].route}, which comes from another registry"
        )
    # What else means this very item is not a pull that is known here; it gets the same image.
    return AuthPlace(item, _neighbour(item))


def _has_its_own(user: PulledImage, candidate: Mapping) -> bool:
    """Whether ``user`` has credentials that win over those that ``candidate`` would give it."""
    return any(auth.entry.holder is not candidate for auth in user.auths)


def _neighbour(mapping: Mapping) -> str | None:
    if own_entry(mapping, "image") is not None:
        return "image"
    has_merge = own_entry(mapping, MERGE_KEY) is not None
    return MERGE_KEY if has_merge else None
