"""Credentials as the content of an ``auth``, ``aws_auth`` or ``gcp_auth`` entry."""

from __future__ import annotations

from typing_extensions import assert_never

from cci_migrate.auth_placement import AuthPlace, AuthSplit
from cci_migrate.circleci.images import (
    AWS_KEY_ID,
    AWS_ROLE,
    AWS_SECRET,
    GCP_KEYS,
    PASSWORD,
    USERNAME,
    variable_in,
)
from cci_migrate.conventions import PLAIN, Anchored, AuthForm, Written, anchor_is_before
from cci_migrate.docker.registries import CredentialForm
from cci_migrate.lossless.merging import MERGE_KEY, own_entry
from cci_migrate.lossless.operations import (
    AddEntry,
    AliasTo,
    AliasToMerge,
    Content,
    Entries,
    Operation,
    Text,
)
from cci_migrate.policy import AwsKeyAuth, AwsRoleAuth, GcpAuth, PasswordAuth, RegistryCredential


def form_of(credential: RegistryCredential) -> CredentialForm:
    """The key under which ``credential`` is written."""
    match credential:
        case PasswordAuth():
            return CredentialForm.AUTH
        case AwsKeyAuth() | AwsRoleAuth():
            return CredentialForm.AWS_AUTH
        case GcpAuth():
            return CredentialForm.GCP_AUTH
        case _:
            assert_never(credential)


def values_of(credential: RegistryCredential) -> dict[str, str]:
    """The keys and values of ``credential``, in the order in which people write them."""
    match credential:
        case PasswordAuth(username, password):
            return {USERNAME: username, PASSWORD: password}
        case AwsKeyAuth(key_id, secret):
            return {AWS_KEY_ID: key_id, AWS_SECRET: secret}
        case AwsRoleAuth(role):
            return {AWS_ROLE: role}
        case GcpAuth(account, pool, provider):
            return dict(zip(GCP_KEYS, (account, pool, provider), strict=True))
        case _:
            assert_never(credential)


def add_credential(place: AuthPlace, credential: RegistryCredential, form: AuthForm) -> AddEntry:
    """The operation that gives the image at ``place`` its ``credential``.

    An anchor of the file is used where it is defined before the place, and, if it is to be merged,
    where the image merges nothing yet.
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
    """The operations that give an image its ``credential``, at one place or at each alias."""
    if isinstance(place, AuthPlace):
        return (add_credential(place, credential, form),)
    written = form if isinstance(form, Written) else PLAIN
    key = form_of(credential).value
    block = Entries(((key, _block(credential, written)),))
    return tuple(AliasToMerge(alias, block) for alias in place.aliases)


def _block(credential: RegistryCredential, form: Written) -> Content:
    pairs = [(key, Text(value)) for key, value in values_of(credential).items()]
    if form.password_first:
        pairs.reverse()
    return Entries(tuple(pairs), flow=form.flow)


def variables_of(credential: RegistryCredential) -> tuple[str, ...]:
    """The environment variables that ``credential`` is read from."""
    match credential:
        case PasswordAuth(username, password):
            texts: tuple[str, ...] = (username, password)
        case AwsKeyAuth(key_id, secret):
            texts = (key_id, secret)
        case AwsRoleAuth(role):
            texts = (role,)
        case GcpAuth(account, pool, provider):
            texts = (account, pool, provider)
    return tuple(name for text in texts if (name := variable_in(text)) is not None)
