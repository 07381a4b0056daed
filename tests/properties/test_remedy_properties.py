"""What holds of a mirror and of an upgrade, shown on configs that nobody wrote."""

from __future__ import annotations

from hypothesis import given, note, settings

from cci_migrate.docker.mirrors import Mirror
from cci_migrate.policy.settings import PasswordAuth, Policy, RegistryPolicy
from tests.oracle.plain_yaml import Data, mapping_of, read
from tests.oracle.pulled_images import pulled_images
from tests.processing import fixed
from tests.properties.generated_configs import config_texts

MIRROR = Policy(
    mirror=Mirror("mirror.acme.dev", "hub"),
    registries=(
        RegistryPolicy("mirror.acme.dev", PasswordAuth("$MIRROR_USER", "$MIRROR_TOKEN"), "mirror"),
    ),
)
UPGRADE = Policy(upgrade_version=True, select=frozenset({"sunset-version"}))
#: Fewer than elsewhere: what these share with other fixes is shown there.
FEWER = settings(max_examples=settings().max_examples * 2 // 5)


def changed(text: str, policy: Policy) -> str:
    """What the tool makes of ``text``."""
    note(text)
    after = fixed(text, policy)
    note(after)
    return after


def at_the_mirror(name: str) -> str:
    first, _, rest = name.partition("/")
    bare = rest if first.endswith(("docker.io", "hub.docker.com")) else name
    return f"mirror.acme.dev/hub/{'' if '/' in bare.split(':')[0] else 'library/'}{bare}"


@FEWER
@given(config_texts())
def test_every_image_is_the_one_that_it_was(before: str) -> None:
    after = changed(before, MIRROR)
    old = {image.place: image for image in pulled_images(read(before)).images}
    new = {image.place: image for image in pulled_images(read(after)).images}
    assert old.keys() == new.keys()
    for place, image in new.items():
        was = old[place]
        if image.text == was.text:
            assert was.has_any_auth or not was.is_hub or "<<" in was.text, place
            continue
        assert was.is_hub
        assert not was.has_any_auth
        assert image.text.strip() == at_the_mirror(was.text.strip())
        assert image.credential == ("$MIRROR_USER", "$MIRROR_TOKEN")
    assert changed(after, MIRROR) == after


@FEWER
@given(config_texts())
def test_an_upgrade_changes_the_version_and_nothing_else(before: str) -> None:
    after = changed(before, UPGRADE)
    if after == before:
        return
    old, new = mapping_of(read(before)), mapping_of(unescaped(read(after)))
    assert str(old.pop("version")) in ("2", "2.0")
    assert str(new.pop("version")) == "2.1"
    mapping_of(old, "workflows").pop("version", None)
    mapping_of(new, "workflows").pop("version", None)
    assert new == old


def unescaped(data: Data) -> Data:
    """``data`` as 2.1 reads it."""
    if isinstance(data, str):
        assert "<<" not in data.replace("\\<<", "")
        return data.replace("\\<<", "<<")
    if isinstance(data, list):
        return [unescaped(item) for item in data]
    if isinstance(data, dict):
        return {key: unescaped(value) for key, value in data.items()}
    return data
