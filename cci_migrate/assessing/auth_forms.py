"""The form in which credentials are written under an image: written out, or through an anchor."""

from __future__ import annotations

from msgspec import Struct

from cci_migrate.circleci.images import PASSWORD, USERNAME, ImageAuth, PulledImage
from cci_migrate.lossless.merging import is_merge_key
from cci_migrate.lossless.nodes import Alias, Node, Scalar, alias_means, resolved
from cci_migrate.lossless.nodes import Mapping as MappingNode


class Written(Struct, frozen=True):
    """Credentials written out under each image; ``flow``: as ``{username: ..., password: ...}``."""

    flow: bool = False
    password_first: bool = False


class Anchored(Struct, frozen=True, eq=False):
    """Credentials in an anchor; images have ``auth: *name``, or ``<<: *name`` if ``is_merge``."""

    target: MappingNode
    name: str
    is_merge: bool


AuthForm = Written | Anchored
PLAIN = Written()


def form_under(image: PulledImage, auth: ImageAuth) -> AuthForm:
    """The form in which ``auth`` is written under ``image``."""
    entry = auth.entry
    item = image.item.mapping
    if isinstance(entry.value, Alias) and isinstance(entry.value.target, MappingNode):
        return Anchored(entry.value.target, entry.value.name, is_merge=False)
    holder = entry.holder
    if holder is not item and holder.anchor is not None and holds_auth_alone(holder):
        return Anchored(holder, holder.anchor, is_merge=True)
    value = resolved(entry.value)
    if not isinstance(value, MappingNode):
        return PLAIN
    keys = [key.value for key, _ in value.entries if isinstance(key, Scalar)]
    first = PASSWORD in keys and USERNAME in keys and keys.index(PASSWORD) < keys.index(USERNAME)
    is_flow = value.is_flow and not item.is_flow
    return Written(flow=is_flow, password_first=first)


def holds_auth_alone(mapping: MappingNode) -> bool:
    """Whether ``mapping`` has exactly one entry, and that is no merge key."""
    keys = [key for key, _ in mapping.entries]
    return len(keys) == 1 and not is_merge_key(keys[0])


def anchor_is_before(form: Anchored, at: Node) -> bool:
    """Whether an alias written at ``at`` would mean the anchor of ``form``."""
    return alias_means(form.target, form.name, at)
