"""Where the credentials of an image are added: to a shared definition, or to each user of it.

An image may be defined once and used through aliases and merge keys. The credentials are added to
the outermost definition all of whose users need exactly them. A definition that something else
uses too is not changed; the entry that uses it is.
"""

from __future__ import annotations

from msgspec import Struct

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.circleci.images import PulledImage
from cci_migrate.circleci.sharing import Users, merge_chain
from cci_migrate.findings import NoFix
from cci_migrate.lossless.merging import MERGE_KEY, own_entry
from cci_migrate.lossless.nodes import Alias, Mapping


class AuthPlace(Struct, frozen=True, eq=False):
    """``auth`` is to be added to ``mapping`` after its entry ``after``."""

    mapping: Mapping
    after: str | None


class AuthSplit(Struct, frozen=True, eq=False):
    """``auth`` is to be added at each of ``aliases``, not to what they mean."""

    aliases: tuple[Alias, ...]


class AuthPlacement:
    """Finds the places for credentials among all images of a config."""

    def __init__(self, assessment: Assessment) -> None:
        images = (assessed.image for assessed in assessment.images)
        self._users = Users((image, image.item.mapping) for image in images)
        self._sharing = assessment.sharing
        self._is_for_all: dict[tuple[Mapping, frozenset[PulledImage]], bool] = {}

    def place(
        self, image: PulledImage, alike: frozenset[PulledImage]
    ) -> AuthPlace | AuthSplit | NoFix:
        """Where credentials for ``image`` are added, or why there is no place.

        ``alike`` are the images, including ``image``, that are to get the same credentials.
        """
        item = image.item.mapping
        for candidate in merge_chain(item, image.item.image.holder):
            if self._all_want(candidate, alike):
                return AuthPlace(candidate, _neighbour(candidate))
        others = [
            other
            for other in self._users.of(item)
            if other is not image and other not in alike and not _has_its_own(other, item)
        ]
        if others:
            nodes = [owner.item.node for owner in image.owners]
            aliases = [node for node in nodes if isinstance(node, Alias)]
            if len(aliases) == len(nodes):
                return AuthSplit(tuple(dict.fromkeys(aliases)))
            where = others[0].route
            return NoFix(f"{where} merges this image and comes from another registry")
        # Whatever else uses this item is no known pull; it has the same image.
        return AuthPlace(item, _neighbour(item))

    def _all_want(self, candidate: Mapping, alike: frozenset[PulledImage]) -> bool:
        """Whether each user of ``candidate`` is to get these credentials, or has its own."""
        key = (candidate, alike)
        if key not in self._is_for_all:
            users = self._users.of(candidate)
            user_nodes = [owner.item.node for user in users for owner in user.owners]
            self._is_for_all[key] = all(
                user in alike or _has_its_own(user, candidate) for user in users
            ) and not self._sharing.has_other_users(candidate, user_nodes)
        return self._is_for_all[key]


def _has_its_own(user: PulledImage, candidate: Mapping) -> bool:
    """Whether ``user`` has credentials that win over those that ``candidate`` would give it."""
    return any(auth.entry.holder is not candidate for auth in user.auths)


def _neighbour(mapping: Mapping) -> str | None:
    if own_entry(mapping, "image") is not None:
        return "image"
    has_merge = own_entry(mapping, MERGE_KEY) is not None
    return MERGE_KEY if has_merge else None
