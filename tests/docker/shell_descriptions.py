"""Facts in a few words, for tables."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.docker.shell.dialects import Dialect
from cci_migrate.docker.shell.facts import (
    BakeBuild,
    Build,
    ClientAccess,
    ComposeCommand,
    CredentialFile,
    Exit,
    Fact,
    FunctionCall,
    ImagePull,
    LocalImage,
    Login,
    Logout,
    NamedImage,
    Script,
    ScriptCall,
    SharedFile,
    TaskCall,
)
from cci_migrate.docker.shell.script_reading import facts_of


def described(fact: Fact) -> str:
    """What ``fact`` says, without where."""
    match fact:
        case ImagePull():
            image = "?" if fact.image is None else fact.image.value
            return f"{fact.verb.value} {image}" + (" (local)" if fact.is_local else "")
        case Build():
            parts = ["build", fact.dockerfile_path or "-"]
            if fact.target is not None:
                parts.append(f"target={fact.target}")
            parts += [f"{name}={value}" for name, value in fact.build_args]
            if fact.dockerfile_text is not None:
                parts.append(repr(fact.dockerfile_text))
            return " ".join(parts)
        case BakeBuild():
            return " ".join(("bake", *fact.files, *fact.targets))
        case ComposeCommand():
            files = fact.file_paths
            parts = ["compose", fact.verb.value, "?" if files is None else ",".join(files) or "-"]
            parts += fact.services
            if not fact.with_dependencies:
                parts.append("(alone)")
            return " ".join(parts)
        case Login():
            return f"login {','.join(fact.registries) or '?'}"
        case ClientAccess():
            halves = (fact.username, fact.password)
            given = ":".join("" if half is None else half.value for half in halves)
            return f"{fact.purpose.value} {','.join(fact.registries) or '?'} {given}".rstrip(": ")
        case Logout(all=True):
            return f"logout of all in {fact.config}"
        case Logout():
            return f"logout {'docker.io' if fact.registry is None else fact.registry.value}"
        case CredentialFile():
            return "credentials"
        case SharedFile():
            return "shared credentials"
        case LocalImage():
            return f"local {fact.image or '?'}"
        case NamedImage():
            return f"named {fact.image.value}"
        case ScriptCall():
            return f"{'source' if fact.sourced else 'script'} {fact.path} in {fact.directory}"
        case TaskCall():
            words = " ".join((fact.program, *fact.arguments))
            return f"task {words} in {fact.directory}"
        case FunctionCall():
            return f"function {fact.text}"
        case Exit():
            return "exit"
        case _:
            assert_never(fact)


FactT = TypeVar("FactT")


def the_fact(
    kind: type[FactT], text: str, dialect: Dialect = Dialect.POSIX, **environment: str
) -> FactT:
    """The only fact of a script, which is of ``kind``."""
    (fact,) = facts_of(text, dialect, environment).facts
    assert isinstance(fact, kind)
    return fact


def facts_in(text: str, dialect: Dialect = Dialect.POSIX) -> list[str]:
    """The facts of a script, each in a few words."""
    return [described(fact) for fact in facts_of(text, dialect).facts]


def pulls_in(script: Script) -> list[str]:
    """Those that may fetch something."""
    kinds = (ImagePull, Build, BakeBuild, ComposeCommand)
    return [described(fact) for fact in script.facts if isinstance(fact, kinds)]


def without_places(script: Script) -> Script:
    """``script`` without what is equal only to itself, for comparisons."""
    facts, uncalled = (
        tuple(replace(fact, place=()) for fact in facts)
        for facts in (script.facts, script.uncalled)
    )
    return replace(script, facts=facts, uncalled=uncalled)
