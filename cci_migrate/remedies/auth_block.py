"""The operations that add an ``auth``, ``aws_auth`` or ``gcp_auth`` entry to an image."""

from __future__ import annotations

from typing_extensions import assert_never

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
    match form:
        case Anchored(target, name, is_merge):
            reachable = place.mapping.entries and anchor_is_before(form, place.mapping)
            if reachable and not is_merge:
                return AddEntry(
                    place.mapping, form_of(credential).value, AliasTo(target, name), place.after
                )
            if reachable and own_entry(place.mapping, MERGE_KEY) is None:
                return AddEntry(place.mapping, MERGE_KEY, AliasTo(target, name), place.after)
            written = PLAIN
        case Written():
            written = form
        case _:
            assert_never(form)
    return AddEntry(
        place.mapping, form_of(credential).value, _block(credential, written), place.after
    )


def give_credential(
    place: AuthPlace | AuthSplit, credential: RegistryCredential, form: AuthForm
) -> tuple[Operation, ...]:
    """The operations that add ``credential``, written as ``form``, at a place or at each alias."""
    if isinstance(place, AuthPlace):
        return (add_credential(place, credential, form),)
    written = form if isinstance(form, Written) else PLAIN
    key = form_of(credential).value
    block = Entries(((key, _block(credential, written)),))
    return tuple(WrapInMerge(alias, block) for alias in place.aliases)


def _block(credential: RegistryCredential, form: Written) -> Content:
    pairs = [(key, Text(value)) for key, value in values_of(credential).items()]
    if form.password_first:
        pairs.reverse()
    return Entries(tuple(pairs), flow=form.flow)
