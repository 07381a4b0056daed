"""The credentials under images that are as the policy would write them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf

from msgspec import Struct

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import credential_of
from cci_migrate.assessing.credential_uses import AssessedImage
from cci_migrate.assessing.credential_values import values_of
from cci_migrate.assessing.image_states import Authenticated
from cci_migrate.assessing.impact import registry_name
from cci_migrate.circleci.images import ImageAuth
from cci_migrate.circleci.sharing import Users
from cci_migrate.findings import Effect, Finding, FindingKey, Fix, NoFix, Place
from cci_migrate.lossless.merging import MERGE_KEY, entries_of, own_entry, sources_of
from cci_migrate.lossless.nodes import Alias, Mapping, Node, walk
from cci_migrate.lossless.operations import MergeToAlias, Operation, RemoveEntry
from cci_migrate.policy.settings import RegistryCredential
from cci_migrate.rule_ids import UNAUTHENTICATED_IMAGE
from cci_migrate.rules.owners import owners_of


class _CredentialRemoval(Struct, frozen=True, eq=False):
    """One piece of text that gives ``images`` their credentials.

    ``holder`` is the mapping that it is taken out of, ``key`` the entry: ``auth``, or the merge key
    by which an anchored login comes in.
    """

    holder: Mapping
    key: str
    auth: ImageAuth
    images: tuple[AssessedImage, ...]

    @property
    def place(self) -> Place:
        return Place(self.auth.entry.key, self.images[0].image.route)

    @property
    def finding_key(self) -> FindingKey:
        """The key of the finding that takes it out."""
        return self.place.key(UNAUTHENTICATED_IMAGE)

    @property
    def value(self) -> Node:
        entry = own_entry(self.holder, self.key)
        assert entry is not None  # noqa: S101 - the removal was made for it
        return entry.value


class CredentialRemovals:
    """The credentials of a config that can be removed, and the obstacles to removing others."""

    def __init__(
        self, assessment: Assessment, own_names: MappingOf[str, RegistryCredential]
    ) -> None:
        """``own_names`` are the credentials of logins in steps, by registry.

        A fix takes names from them, so an ``auth`` with these names may be the work of a fix.
        """
        self._assessment = assessment
        self._users = Users((image, image.image.item.mapping) for image in assessment.images)
        self._removals = tuple(_removals(assessment, own_names))
        self._by_image = {image: removal for removal in self._removals for image in removal.images}
        self._restores_aliases = not any(
            is_only_merge(image.image.item.node) for image in assessment.images
        )
        self._reasons = self._find_obstacles()

    def _find_obstacles(self) -> dict[_CredentialRemoval, NoFix]:
        """The obstacles to removals, including those that follow from other obstacles."""
        obstacles: dict[_CredentialRemoval, NoFix] = {}
        while True:
            remaining = [removal for removal in self._removals if removal not in obstacles]
            blocked = {
                removal: reason
                for removal in remaining
                if (reason := self._obstacle(removal, remaining)) is not None
            }
            if not blocked:
                return obstacles
            obstacles |= blocked

    def key_of(self, image: AssessedImage) -> FindingKey | None:
        """The key of the finding that removes the credentials of ``image``; None if they stay."""
        removal = self._by_image.get(image)
        if removal is None or removal in self._reasons:
            return None
        return removal.finding_key

    def findings(self) -> Iterator[Finding]:
        """One finding for each ``auth`` in the text. An anchor comes after its aliases."""
        for removal in sorted(
            self._removals, key=lambda removal: bool(self._aliases_into(removal))
        ):
            image = removal.images[0].image
            title = f"remove {removal.auth.form.value} under the image"
            remedy = self._reasons.get(removal) or Fix(title, (self._operation(removal),))
            name = registry_name(image.host or "")
            yield Finding(
                rule=UNAUTHENTICATED_IMAGE,
                place=removal.place,
                message=f"{image.item.text} has the policy's credentials for {name}",
                plural=f"images have the policy's credentials for {name}",
                subject=image.item.text,
                owner=owners_of(*(assessed.image for assessed in removal.images)),
                effect=Effect.WARNING,
                because="",
                remedy=remedy,
                registry=image.host,
                after_all=tuple(
                    sorted(other.finding_key for other in self._users_of_anchors(removal))
                ),
            )

    def _operation(self, removal: _CredentialRemoval) -> Operation:
        holder = removal.holder
        is_item = any(image.image.item.node is holder for image in removal.images)
        is_other_entry = is_item and removal.key != MERGE_KEY
        if self._restores_aliases and is_other_entry and is_alias_with_one_more(holder):
            return MergeToAlias(holder)
        return RemoveEntry(holder, removal.key)

    def _obstacle(
        self, removal: _CredentialRemoval, remaining: list[_CredentialRemoval]
    ) -> NoFix | None:
        """Why ``removal`` can't be made if only ``remaining`` are made, if so."""
        holder = removal.holder
        images = set(removal.images)
        source = removal.auth.entry.holder
        for user in self._users.of(holder):
            auth = user.image.auth
            if user not in images and auth is not None and auth.entry.holder is source:
                return NoFix(
                    f"{user.image.route} shares them and keeps them",
                    "give each image its own credentials, and run again",
                )
        nodes = [owner.item.node for image in removal.images for owner in image.image.owners]
        users = [owner.item.node for user in self._users.of(holder) for owner in user.image.owners]
        if self._assessment.sharing.has_other_users(holder, [*nodes, *users]):
            return NoFix(
                f"something else also uses the anchor &{holder.anchor}",
                "remove them by hand",
            )
        removed_aliases = {alias for other in remaining for alias in _aliases_in(other.value)}
        for alias in self._aliases_into(removal):
            if alias not in removed_aliases:
                line = alias.source.position(alias.start).line
                return NoFix(
                    f"*{alias.name} on line {line} refers to a part of them and stays",
                    "write out the alias, and run again",
                )
        return None

    def _aliases_into(self, removal: _CredentialRemoval) -> list[Alias]:
        """The aliases of anchors that ``removal`` removes."""
        parts = [node for node in walk(removal.value) if not isinstance(node, Alias)]
        return [alias for node in parts for alias in self._assessment.sharing.aliases_of(node)]

    def _users_of_anchors(self, removal: _CredentialRemoval) -> Iterator[_CredentialRemoval]:
        """The removals that must be made too, as they remove aliases of anchors in ``removal``."""
        aliases = set(self._aliases_into(removal))
        for other in self._removals if aliases else ():
            if other is not removal and not aliases.isdisjoint(_aliases_in(other.value)):
                yield other


def _removals(
    assessment: Assessment, own_names: MappingOf[str, RegistryCredential]
) -> Iterator[_CredentialRemoval]:
    by_place: dict[tuple[Mapping, str], list[tuple[AssessedImage, ImageAuth]]] = defaultdict(list)
    for image in assessment.images:
        auth = _as_the_policy_has_it(image, assessment, own_names)
        if auth is not None:
            by_place[_where(image.image.item.mapping, auth)].append((image, auth))
    for (holder, key), users in by_place.items():
        yield _CredentialRemoval(holder, key, users[0][1], tuple(image for image, _ in users))


def _as_the_policy_has_it(
    assessed: AssessedImage, assessment: Assessment, own_names: MappingOf[str, RegistryCredential]
) -> ImageAuth | None:
    """The credentials of an image if a fix would write them just so, else None."""
    image, policy = assessed.image, assessment.policy
    is_authenticated = isinstance(assessed.state, Authenticated) and not assessed.misrouted_to
    if not is_authenticated or len(image.auths) != 1:
        return None
    host = image.host
    registry = None if host is None else policy.registry_for(host)
    if host is None or registry is None or any(policy.exempts(text) for text in image.texts):
        return None
    auth = image.auths[0]
    credential = credential_of(auth)
    if credential is None or credential not in (*registry.credentials, own_names.get(host)):
        return None
    is_plain = entries_of(auth.entry.value).keys() == values_of(credential).keys()
    return auth if is_plain else None


def _where(item: Mapping, auth: ImageAuth) -> tuple[Mapping, str]:
    """The mapping and key of the entry to remove so that ``item`` loses ``auth``.

    An anchored mapping with only a login stays; the merge of it is removed.
    """
    holder = auth.entry.holder
    if len(holder.entries) == 1:
        for mapping in sources_of(item):
            merge = own_entry(mapping, MERGE_KEY)
            alias = None if merge is None else merge.value
            if isinstance(alias, Alias) and alias.target is holder:
                return mapping, MERGE_KEY
    return holder, auth.entry.key.value


def _aliases_in(value: Node) -> Iterator[Alias]:
    return (node for node in walk(value) if isinstance(node, Alias))


def is_only_merge(node: Node | None) -> bool:
    """Whether ``node`` is a mapping that could be an alias: it merges, and has nothing else."""
    if not isinstance(node, Mapping) or len(node.entries) != 1:
        return False
    return own_entry(node, MERGE_KEY) is not None


def is_alias_with_one_more(mapping: Mapping) -> bool:
    """Whether ``mapping`` could be an alias without one of its two entries."""
    merged = own_entry(mapping, MERGE_KEY) if len(mapping.entries) == 2 else None
    return mapping.anchor is None and merged is not None and isinstance(merged.value, Alias)
