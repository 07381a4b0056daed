"""The credentials under images that are as the policy would write them."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingOf

from msgspec import Struct

from cci_migrate.assessing.assessment import AssessedImage, Assessment
from cci_migrate.assessing.conventions import credential_of, policy_for
from cci_migrate.assessing.credential_values import values_of
from cci_migrate.assessing.image_states import Authenticated
from cci_migrate.assessing.impact import registry_name
from cci_migrate.circleci.images import ImageAuth
from cci_migrate.circleci.sharing import Users, sources_of
from cci_migrate.findings import Finding, FindingKey, Fix, NoFix, Place, Remedy, Severity
from cci_migrate.lossless.merging import MERGE_KEY, entries_of, own_entry
from cci_migrate.lossless.nodes import Alias, Mapping, Node, walk
from cci_migrate.lossless.operations import MergeToAlias, Operation, RemoveEntry
from cci_migrate.policy.model import RegistryCredential
from cci_migrate.rule_ids import UNAUTHENTICATED_IMAGE
from cci_migrate.rules.wording import owners_of


class _Removal(Struct, frozen=True, eq=False):
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
    """What credentials of a config can go, and what stands in the way of others."""

    def __init__(
        self, assessment: Assessment, own_names: MappingOf[str, RegistryCredential]
    ) -> None:
        """``own_names`` are those with which the steps log in, by registry: the policy follows
        them.
        """
        self._assessment = assessment
        self._users = Users((one, one.image.item.mapping) for one in assessment.images)
        self._removals = tuple(_removals(assessment, own_names))
        self._by_image = {one: removal for removal in self._removals for one in removal.images}
        self._restores_aliases = not any(
            _is_only_merge(one.image.item.node) for one in assessment.images
        )
        self._reasons = self._what_stays()

    def _what_stays(self) -> dict[_Removal, NoFix]:
        """Why removals cannot be made: until no other one follows from these."""
        found: dict[_Removal, NoFix] = {}
        while True:
            going = [one for one in self._removals if one not in found]
            more = {
                one: reason for one in going if (reason := self._obstacle(one, going)) is not None
            }
            if not more:
                return found
            found |= more

    def key_of(self, image: AssessedImage) -> FindingKey | None:
        """The key of the finding that takes the credentials of ``image`` out; None if they stay."""
        removal = self._by_image.get(image)
        if removal is None or removal in self._reasons:
            return None
        return removal.finding_key

    def findings(self) -> Iterator[Finding]:
        """One for each piece of text. What aliases mean goes after the aliases."""
        for removal in sorted(self._removals, key=lambda one: bool(self._aliases_into(one))):
            image = removal.images[0].image
            form = removal.auth.form.value
            remedy: Remedy
            if (reason := self._reasons.get(removal)) is not None:
                remedy = reason
            else:
                remedy = Fix(f"take out {form} under the image", (self._operation(removal),))
            name = registry_name(image.host or "")
            yield Finding(
                rule=UNAUTHENTICATED_IMAGE,
                place=removal.place,
                message=f"{image.item.text} has the credentials of the policy for {name}",
                subject=image.item.text,
                owner=owners_of(*(one.image for one in removal.images)),
                severity=Severity.WARNING,
                because="",
                remedy=remedy,
                registry=image.host,
                after_all=tuple(
                    sorted(other.finding_key for other in self._users_of_anchors(removal))
                ),
            )

    def _operation(self, removal: _Removal) -> Operation:
        holder = removal.holder
        is_item = any(one.image.item.node is holder for one in removal.images)
        merged = own_entry(holder, MERGE_KEY)
        if (
            self._restores_aliases
            and is_item
            and removal.key != MERGE_KEY
            and len(holder.entries) == 2
            and holder.anchor is None
            and merged is not None
            and isinstance(merged.value, Alias)
        ):
            return MergeToAlias(holder)
        return RemoveEntry(holder, removal.key)

    def _obstacle(self, removal: _Removal, going: list[_Removal]) -> NoFix | None:
        """Why ``removal`` cannot be made while only ``going`` go."""
        holder = removal.holder
        wanted = set(removal.images)
        for user in self._users.of(holder):
            if user not in wanted and self._gets_it_from(user, removal):
                return NoFix(
                    f"{user.image.route} has them from the same place, and is to keep them",
                    "give each image credentials of its own, and run again",
                )
        nodes = [owner.node for one in removal.images for owner in one.image.owners]
        users = [owner.node for one in self._users.of(holder) for owner in one.image.owners]
        if self._assessment.sharing.has_other_users(holder, [*nodes, *users]):
            return NoFix(
                f"the anchor &{holder.anchor} is used by something else too",
                "take them out by hand",
            )
        gone = {alias for one in going for alias in _aliases_in(one.value)}
        for alias in self._aliases_into(removal):
            if alias not in gone:
                line = alias.source.position(alias.start).line
                return NoFix(
                    f"*{alias.name} on line {line} means a part of them, and is to stay",
                    "write out what the alias means, and run again",
                )
        return None

    def _gets_it_from(self, user: AssessedImage, removal: _Removal) -> bool:
        auth = user.image.auth
        return auth is not None and auth.entry.holder is removal.auth.entry.holder

    def _aliases_into(self, removal: _Removal) -> list[Alias]:
        """The aliases of what goes with ``removal``."""
        parts = [node for node in walk(removal.value) if not isinstance(node, Alias)]
        return [alias for node in parts for alias in self._assessment.sharing.aliases_of(node)]

    def _users_of_anchors(self, removal: _Removal) -> Iterator[_Removal]:
        """The removals without which this one would leave an alias of nothing."""
        aliases = set(self._aliases_into(removal))
        for other in self._removals if aliases else ():
            if other is not removal and not aliases.isdisjoint(_aliases_in(other.value)):
                yield other


def _removals(
    assessment: Assessment, own_names: MappingOf[str, RegistryCredential]
) -> Iterator[_Removal]:
    found: dict[tuple[Mapping, str], list[tuple[AssessedImage, ImageAuth]]] = {}
    for one in assessment.images:
        auth = _as_the_policy_has_it(one, assessment, own_names)
        if auth is not None:
            holder, key = _where(one.image.item.mapping, auth)
            found.setdefault((holder, key), []).append((one, auth))
    for (holder, key), users in found.items():
        yield _Removal(holder, key, users[0][1], tuple(one for one, _ in users))


def _as_the_policy_has_it(
    one: AssessedImage, assessment: Assessment, own_names: MappingOf[str, RegistryCredential]
) -> ImageAuth | None:
    """The credentials of an image if they are what the policy would give it, else None."""
    image, policy = one.image, assessment.policy
    if not isinstance(one.state, Authenticated) or one.misrouted_to or len(image.auths) != 1:
        return None
    host = image.host
    registry = None if host is None else policy_for(host, policy)
    if host is None or registry is None or any(policy.exempts(text) for text in image.texts):
        return None
    auth = image.auths[0]
    credential = credential_of(auth)
    if credential is None or credential not in (*registry.credentials, own_names.get(host)):
        return None
    is_plain = entries_of(auth.entry.value).keys() == values_of(credential).keys()
    return auth if is_plain else None


def _where(item: Mapping, auth: ImageAuth) -> tuple[Mapping, str]:
    """The mapping and the key by which ``auth`` gets to ``item``.

    An anchor that holds a login and nothing else stays: what merges it goes.
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


def _is_only_merge(node: Node) -> bool:
    return (
        isinstance(node, Mapping)
        and len(node.entries) == 1
        and own_entry(node, MERGE_KEY) is not None
    )
