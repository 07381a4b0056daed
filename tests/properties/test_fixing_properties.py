"""What holds of every fix, shown on configs that nobody wrote."""

from __future__ import annotations

import re

from hypothesis import given, note
from hypothesis import strategies as st

from tests.oracle.fix_judge import judge
from tests.oracle.plain_yaml import Data, list_of, mapping_of, read, value_at
from tests.oracle.pulled_images import pulled_images
from tests.oracle.step_logins import hub_logins, script_of
from tests.processing import examined
from tests.properties.generated_configs import config_texts, plain_texts, texts_of_one_config


def fixed(text: str) -> str:
    """What the tool makes of ``text``."""
    note(text)
    change = examined(text).change
    if change is None:
        return text
    (file,) = change.files
    assert file.before == text.encode()
    after = file.after.decode()
    note(after)
    return after


def pulls_before_login(steps: Data) -> list[str]:
    """The scripts that pull from Docker Hub before anything logged in to it."""
    found = []
    for step in list_of(steps):
        script = script_of(value_at(step, "run"))
        if "docker/check" in (step, *mapping_of(step)) or list(hub_logins(script)):
            break
        if (
            re.search(r"^(sudo )?docker (pull|run)\b", script, re.MULTILINE)
            and "quay" not in script
        ):
            found.append(script)
    return found


@given(config_texts())
def test_a_fix_is_right_whole_minimal_and_the_last(before: str) -> None:
    after = fixed(before)
    assert judge(before.encode(), after.encode()).complaints == ()
    data = read(after)
    images = pulled_images(data).images
    assert [image.place for image in images if image.is_hub and not image.is_authenticated] == []
    for name, job in mapping_of(data, "jobs").items():
        assert pulls_before_login(value_at(job, "steps")) == [], name
    assert fixed(after) == after, "fixing twice is not fixing once"


@given(texts_of_one_config())
def test_the_layout_does_not_matter_to_the_data(texts: tuple[str, str]) -> None:
    plain, other = texts
    assert read(fixed(other)) == read(fixed(plain))


@given(config_texts(), st.sampled_from(("", "\ufeff")), st.sampled_from(("\n", "\r\n")))
def test_line_ends_and_byte_order_mark_do_not_matter_to_the_text(
    text: str, bom: str, eol: str
) -> None:
    unix = re.sub(r"\r\n?", "\n", text)
    assert fixed(bom + unix.replace("\n", eol)) == bom + fixed(unix).replace("\n", eol)


@given(plain_texts())
def test_taking_the_added_lines_out_gives_the_original(before: str) -> None:
    after = iter(fixed(before).splitlines(keepends=True))
    lost = [line for line in before.splitlines(keepends=True) if line not in after]
    assert not [line for line in lost if line.endswith(("\n", "\r"))]
