"""The images that a config's Docker executors pull, and their effective credentials.

https://circleci.com/docs/guides/execution-managed/private-images/: an item of a ``docker`` list
has its credentials in ``auth``, ``aws_auth`` or ``gcp_auth``. Unused executors count: their images
are pulled as soon as a job uses them. ``machine.image`` is a virtual machine's, not a pull.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from cci_migrate.circleci.config import Config, Executor, ImageItem, Job, Namespace
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.docker.image_reference import Undecidable, registry_of
from cci_migrate.docker.registries import CredentialForm
from cci_migrate.groups import grouped
from cci_migrate.lossless.merging import Entry, entries_of, entry_of, is_null, text_of
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node, Scalar, resolved

USERNAME = "username"
PASSWORD = "password"  # noqa: S105 - the name of a key
AWS_ROLE = "oidc_role_arn"
AWS_KEY_ID = "aws_access_key_id"
AWS_SECRET = "aws_secret_access_key"  # noqa: S105 - the name of a key
GCP_KEYS = ("oidc_service_account", "workload_identity_pool", "workload_identity_provider")

#: The forms of credentials by the keys of an image.
_FORMS = {form.value: form for form in CredentialForm}
#: The keys whose values must never be written out.
SECRET_KEYS = frozenset({PASSWORD, AWS_SECRET})


def variable_in(text: str) -> str | None:
    """The name of the variable that ``text`` consists of (``$NAME``, ``${NAME}``); else None."""
    if "$" not in text:
        return None
    text = text.strip()
    name = text[2:-1] if text.startswith("${") and text.endswith("}") else text[1:]
    return name if text[0] == "$" and name.isascii() and name.isidentifier() else None


class ImageAuth(Struct, frozen=True, eq=False):
    """The credentials of an image.

    ``entry`` is the ``auth`` (or other) entry of its item, own or merged; ``values`` has those of
    the form's keys that have a value, ``missing`` those that have none. ``is_expression``: all of
    it is a parameter (``<< parameters.auth >>``), and nothing else is known.
    """

    form: CredentialForm
    entry: Entry
    values: Mapping[str, Entry]
    missing: tuple[str, ...]
    is_expression: bool

    @property
    def is_complete(self) -> bool:
        """Whether no key is missing, as far as known."""
        return self.is_expression or not self.missing

    def text(self, key: str) -> str | None:
        """The text of the value of ``key``; None if it has none."""
        entry = self.values.get(key)
        return None if entry is None else text_of(entry.value)

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that are values."""
        names = (variable_in(self.text(key) or "") for key in self.values)
        return tuple(name for name in names if name is not None)


class ImageOwner(Struct, frozen=True, eq=False):
    """A job or an executor (``job`` is None) with the image ``item`` in its ``docker`` list."""

    executor: Executor
    job: Job | None
    home: Namespace
    item: ImageItem

    @property
    def title(self) -> str:
        """``job build``, ``executor default``."""
        kind = "executor" if self.job is None else "job"
        orb = self.home.route.replace("orbs.", "").replace(".", "/")
        return f"{kind} {orb}{self.executor.name}"


class PulledImage(Struct, frozen=True, eq=False):
    """One image, where it is defined, with all owners whose ``docker`` lists it is in.

    ``definition`` is the route of the first image with the same ``image`` entry, which several may
    merge. ``texts`` are the names it can have, ``hosts`` the registries it can come from;
    ``undecided`` says why others are possible.
    """

    item: ImageItem
    route: str
    definition: str
    owners: tuple[ImageOwner, ...]
    texts: tuple[str, ...]
    hosts: frozenset[str]
    undecided: str | None
    auths: tuple[ImageAuth, ...]

    @property
    def host(self) -> str | None:
        """The only registry it can come from; None if there are several or unknown ones."""
        if self.undecided is not None or len(self.hosts) != 1:
            return None
        return next(iter(self.hosts))

    @property
    def auth(self) -> ImageAuth | None:
        """Its credentials, complete ones if possible; None if it has none."""
        for auth in self.auths:
            if auth.is_complete:
                return auth
        return self.auths[0] if self.auths else None


def pulled_images(config: Config, values: ParameterValues) -> tuple[PulledImage, ...]:
    """The images of all jobs and executors of ``config`` and its inline orbs, each once."""
    owners_by_image = grouped((owner.item.mapping, owner) for owner in _owners(config))
    definitions: dict[Node, str] = {}
    pulled: list[PulledImage] = []
    for owners in owners_by_image.values():
        item = owners[0].item
        route = f"{owners[0].executor.route}.docker[{item.index}]"
        definition = definitions.setdefault(item.image.key, route)
        pulled.append(_pulled(item, route, definition, tuple(owners), values))
    return tuple(pulled)


def _owners(config: Config) -> Iterator[ImageOwner]:
    for home in config.body.walk():
        for job in home.jobs.values():
            for item in job.runs_on.docker or ():
                yield ImageOwner(job.runs_on, job, home, item)
        for executor in home.executors.values():
            for item in executor.docker or ():
                yield ImageOwner(executor, None, home, item)


def _pulled(
    item: ImageItem,
    route: str,
    definition: str,
    owners: tuple[ImageOwner, ...],
    values: ParameterValues,
) -> PulledImage:
    texts: tuple[str, ...] = (item.text,)
    if isinstance(registry_of(item.text), Undecidable) and has_expression(item.text):
        texts = texts_with_values(item, owners, values)
    hosts: set[str] = set()
    undecided: str | None = None
    for text in texts:
        registry = registry_of(text)
        if isinstance(registry, Undecidable):
            undecided = undecided or registry.reason
        else:
            hosts.add(registry)
    return PulledImage(
        item=item,
        route=route,
        definition=definition,
        owners=owners,
        texts=texts,
        hosts=frozenset(hosts),
        undecided=undecided,
        auths=tuple(auths_of(item.mapping)),
    )


def texts_with_values(
    item: ImageItem, owners: Iterable[ImageOwner], values: ParameterValues
) -> tuple[str, ...]:
    """The text of ``item`` with each value that its parameters can take in ``owners``."""
    texts: dict[str, None] = {}
    for owner in owners:
        at = owner.job or owner.executor
        texts.update(dict.fromkeys(values.texts(item.text, at, is_orb=owner.home.is_orb)))
    return tuple(texts)


def auths_of(item: MappingNode) -> Iterator[ImageAuth]:
    """The credentials in the mapping of an image, one for each form that it has."""
    for key, form in _FORMS.items():
        entry = entry_of(item, key)
        if entry is not None:
            yield _auth(form, entry)


def _auth(form: CredentialForm, entry: Entry) -> ImageAuth:
    value = resolved(entry.value)
    values = {
        name: item for name, item in entries_of(value).items() if _has_value(resolved(item.value))
    }
    text = text_of(value)
    is_expression = text is not None and has_expression(text)
    needed = () if is_expression else needed_keys(form, values)
    missing = tuple(key for key in needed if key not in values)
    return ImageAuth(form, entry, values, missing, is_expression)


def needed_keys(form: CredentialForm, present: Mapping[str, object]) -> tuple[str, ...]:
    """The keys that credentials of ``form`` require, given the keys ``present``."""
    if form is CredentialForm.AUTH:
        return (USERNAME, PASSWORD)
    if form is CredentialForm.GCP_AUTH:
        return GCP_KEYS
    return (AWS_ROLE,) if AWS_ROLE in present else (AWS_KEY_ID, AWS_SECRET)


def _has_value(node: Node) -> bool:
    return isinstance(node, Scalar) and not is_null(node) and bool(node.value.strip())
