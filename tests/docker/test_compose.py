"""Which images the services of Compose files are made of."""

from __future__ import annotations

import pytest

from cci_migrate.docker.compose import ComposeServices, default_paths, services_of


def made_of(text: str, *services: str, **options: object) -> list[str]:
    found = services_of(["c.yml"], {"c.yml": text}.get, services, **options)  # type: ignore[arg-type]
    assert found.problems == ()
    return described(found)


def described(found: ComposeServices) -> list[str]:
    return [f"{image.service}: {image.image}" for image in found.images] + [
        f"{build.service}: build {build.dockerfile_path}" for build in found.builds
    ]


FILE = """
version: "3.8"
x-base: &base
  image: base:1
services:
  web:
    build: .
    depends_on: [db]
    links: ["cache:c"]
  db:
    image: postgres:${PG:-15}
  cache:
    <<: *base
    network_mode: service:net
  net:
    image: net
  tool:
    image: tool
    profiles: [tools]
"""


@pytest.mark.parametrize(
    ("services", "options", "expected"),
    [
        ((), {}, ["db: postgres:15", "cache: base:1", "net: net", "web: build Dockerfile"]),
        (("web",), {}, ["db: postgres:15", "cache: base:1", "net: net", "web: build Dockerfile"]),
        (("web",), {"with_dependencies": False}, ["web: build Dockerfile"]),
        (("db", "gone"), {}, ["db: postgres:15"]),
        (("tool",), {}, ["tool: tool"]),
        ((), {"profiles": ["tools"]},
         ["db: postgres:15", "cache: base:1", "net: net", "tool: tool", "web: build Dockerfile"]),
        (("$SERVICES",), {"with_dependencies": False},
         ["db: postgres:15", "cache: base:1", "net: net", "web: build Dockerfile"]),
        (("db",), {"environment": {"PG": "9"}}, ["db: postgres:9"]),
    ],
)  # fmt: skip
def test_chosen_services(
    services: tuple[str, ...], options: dict[str, object], expected: list[str]
) -> None:
    assert made_of(FILE, *services, **options) == expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("{image: a}", ["s: a"]),
        ("{image: 'a:$TAG'}", ["s: a:$TAG"]),
        ("{image: 'a:${TAG}'}", ["s: a:${TAG}"]),
        ("{image: 'a:${TAG-b}'}", ["s: a:b"]),
        ("{image: '${R:-${S:-quay.io}}/a'}", ["s: quay.io/a"]),
        ("{image: 'a:${TAG:?no tag}'}", ["s: a:${TAG:?no tag}"]),
        ("{image: 'a${TAG:+:x}'}", ["s: a"]),
        ("{image: 'a$$b'}", ["s: a$b"]),
        ("{build: sub}", ["s: build sub/Dockerfile"]),
        ("{build: {context: sub, dockerfile: ../D}}", ["s: build D"]),
        ("{build: {dockerfile: D}}", ["s: build D"]),
        ("{image: me/x, build: .}", ["s: build Dockerfile"]),
        ("{build: 'https://github.com/a/b.git'}", ["s: build None"]),
        ("{build: {dockerfile_inline: 'FROM a'}}", ["s: build None"]),
        ("{image: a, pull_policy: never}", []),
        ("{command: x}", []),
        ("null", []),
        ("{image: !reset x}", []),
        ("{image: !override x}", ["s: x"]),
        ("{image: [a]}", []),
    ],
)
def test_one_service(service: str, expected: list[str]) -> None:
    assert made_of(f"services: {{s: {service}}}") == expected


def test_a_build_in_full() -> None:
    text = """
services:
  s:
    image: me/x:${T:-1}
    build:
      context: ./app
      dockerfile: D
      target: dev
      args: {A: "${T:-1}", B: null, C: true}
      additional_contexts: [base=docker-image://a]
"""
    (build,) = services_of(["d/c.yml"], {"d/c.yml": text}.get).builds
    assert (build.image, build.directory, build.target) == ("me/x:1", "d", "dev")
    assert build.dockerfile_path == "d/app/D"
    assert build.build_args == (("A", "1"), ("B", None), ("C", "true"))
    assert build.build_contexts == (("base", "docker-image://a"),)
    arguments = "services: {s: {build: {args: [A=b, C]}}}"
    (build,) = services_of(["c.yml"], {"c.yml": arguments}.get).builds
    assert build.build_args == (("A", "b"), ("C", None))


def test_several_files_are_merged() -> None:
    files = {
        "a.yml": "services: {s: {image: a, build: {context: x, args: {A: 1}}}, t: {image: t}}",
        "b.yml": "services: {s: {build: {dockerfile: D, args: {B: 2}}}, t: {image: t2}}",
    }
    found = services_of(["a.yml", "b.yml"], files.get)
    assert described(found) == ["t: t2", "s: build x/D"]
    assert found.builds[0].build_args == (("A", "1"), ("B", "2"))


def test_extends_and_include() -> None:
    files = {
        "d/c.yml": """
include:
  - inc/one.yml
  - path: [inc/two.yml]
    project_directory: p
services:
  a: {extends: b, image: own}
  b: {image: base, depends_on: [one]}
  c: {extends: {service: far, file: ../o/o.yml}}
""",
        "d/inc/one.yml": "services: {one: {build: x}}",
        "d/inc/two.yml": "services: {two: {build: x}}",
        "o/o.yml": "services: {far: {build: sub}}",
    }
    found = services_of(["d/c.yml"], files.get)
    assert described(found) == [
        "a: own",
        "b: base",
        "one: build d/inc/x/Dockerfile",
        "two: build d/p/x/Dockerfile",
        "c: build o/sub/Dockerfile",
    ]
    assert found.problems == ()
    assert described(services_of(["d/c.yml"], files.get, ["b"])) == [
        "b: base",
        "one: build d/inc/x/Dockerfile",
    ]


def test_variables_of_the_env_file() -> None:
    files = {
        "d/c.yml": "services: {s: {image: '$A:$B'}}",
        "d/.env": "# x\nA=one\nexport B='two' # y\n",
    }
    assert described(services_of(["d/c.yml"], files.get)) == ["s: one:two"]
    given = services_of(["d/c.yml"], files.get, environment={"A": "three"})
    assert described(given) == ["s: three:two"]


def test_the_first_format_has_services_at_the_top() -> None:
    assert made_of("web: {build: .}\ndb: {image: x}\n") == ["db: x", "web: build Dockerfile"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "file not found"),
        ("a: [", "not YAML"),
        ("a: b: c", "not YAML"),
        ("", "no services"),
        ("- a", "no services"),
        ("a: *b", "not YAML"),
        ("services: {s: {extends: gone}}", "doesn't exist"),
        ("? {a: b}\n: c\n? [a]\n: d", "not YAML"),
    ],
)
def test_what_cannot_be_read_is_said(text: str | None, reason: str) -> None:
    found = services_of(["c.yml"], lambda path: text if path == "c.yml" else None)
    assert found.images == ()
    assert [problem.path for problem in found.problems] == ["c.yml"]
    assert all(reason in problem.reason for problem in found.problems)


def test_files_that_lead_to_each_other_come_to_an_end() -> None:
    files = {
        "c.yml": "include: [c.yml, d.yml]\nservices: {a: {extends: b}, b: {extends: a}}",
        "d.yml": "include: [c.yml, d.yml]\nservices: {x: {image: y, depends_on: [x]}}",
    }
    assert described(services_of(["c.yml"], files.get)) == ["x: y"]


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ([], ()),
        (["d/docker-compose.yml"], ("d/docker-compose.yml",)),
        (["d/docker-compose.yml", "d/compose.yaml"], ("d/compose.yaml",)),
        (["d/docker-compose.yml", "d/docker-compose.override.yml", "d/compose.override.yml"],
         ("d/docker-compose.yml", "d/docker-compose.override.yml")),
    ],
)  # fmt: skip
def test_the_files_that_are_taken_by_default(there: list[str], expected: tuple[str, ...]) -> None:
    assert default_paths("d", dict.fromkeys(there, "").get) == expected


def test_an_anchor_may_be_set_again(recwarn: pytest.WarningsRecorder) -> None:
    text = "x-old: &it {image: old}\nx-new: &it {image: new}\nservices: {app: *it}\n"
    assert made_of(text) == ["app: new"]
    assert not recwarn.list


def test_files_are_not_changed_by_reading_them_twice() -> None:
    text = "services: {s: {build: {args: {A: 1}}}}"
    over = "services: {s: {build: {args: {B: 2}}}}"
    files = {"a.yml": text, "b.yml": over}
    first = services_of(["a.yml", "b.yml"], files.get)
    assert services_of(["a.yml", "b.yml"], files.get) == first
    assert services_of(["a.yml"], files.get).builds[0].build_args == (("A", "1"),)


def test_a_long_chain_of_extends_is_a_problem() -> None:
    chain = "".join(f"  s{n}: {{extends: s{n - 1}}}\n" for n in range(1, 30))
    files = {"compose.yaml": f"services:\n  s0: {{image: redis}}\n{chain}"}
    found = services_of(["compose.yaml"], files.get, ["s29"])
    assert "services extend each other more than 10 deep" in {
        problem.reason for problem in found.problems
    }
