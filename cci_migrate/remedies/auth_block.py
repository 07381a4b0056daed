"""The operations that add an ``auth``, ``aws_auth`` or ``gcp_auth`` entry to an image."""

from __future__ import annotations

from cci_migrate.assessing.auth_forms import PLAIN, Anchored, AuthForm, Written, anchor_is_before
from cci_migrate.assessing.credential_values import form_of, values_of
from cci_migrate.lossless.merging import MERGE_KEY, own_entry
from cci_migrate.lossless.operations import (
    AddEntry,
    AliasTo,
    Content,
    Entries,
    Operation,
    Text,
    WrapInMerge,
)
from cci_migrate.policy.settings import RegistryCredential
from cci_migrate.remedies.auth_placement import AuthPlace, AuthSplit


def add_credential(place: AuthPlace, credential: RegistryCredential, form: AuthForm) -> AddEntry:
    """The operation that adds ``credential``, written as ``form``, to the image at ``place``.

    An anchor is used only if it is defined before the place, and, if it is to be merged, if the
    image merges nothing yet; otherwise the block is written out.
    """
    mapping, key = place.mapping, form_of(credential).value
    if isinstance(form, Anchored):
        has_room = not form.is_merge or own_entry(mapping, MERGE_KEY) is None
        if has_room and mapping.entries and anchor_is_before(form, mapping):
            alias = AliasTo(form.target, form.name)
            return AddEntry(mapping, MERGE_KEY if form.is_merge else key, alias, place.after)
    return AddEntry(mapping, key, _block(credential, form), place.after)


def give_credential(
    place: AuthPlace | AuthSplit, credential: RegistryCredential, form: AuthForm
) -> tuple[Operation, ...]:
    """The operations that add ``credential``, written as ``form``, at a place or at each alias."""
    if isinstance(place, AuthPlace):
        return (add_credential(place, credential, form),)
    block = Entries(((form_of(credential).value, _block(credential, form)),))
    return tuple(WrapInMerge(alias, block) for alias in place.aliases)


def _block(credential: RegistryCredential, form: AuthForm) -> Content:
    """``credential`` written out, as ``form`` if that is no anchor."""
    written = form if isinstance(form, Written) else PLAIN
    pairs = [(key, Text(value)) for key, value in values_of(credential).items()]
    if written.password_first:
        pairs.reverse()
    return Entries(tuple(pairs), flow=written.flow)
