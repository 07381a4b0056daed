"""Every pull of a config as a tree: who runs it, what it pulls, how it is authenticated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from typing_extensions import assert_never

from cci_migrate.engine.explanation import Access, ExplainedPull
from cci_migrate.escaping.terminal_text import printable

#: Adds a colour (one of click's names) to a text, or returns it as it is.
Paint = Callable[[str, str], str]


def plain(text: str, colour: str) -> str:
    """``text`` without colour."""
    del colour
    return text


def explanation_tree(pulls: Iterable[ExplainedPull], paint: Paint = plain) -> Iterator[str]:
    """The lines of the tree, without line ends.

    A pull is below its workflow and its workflow job with its contexts.
    """
    by_workflow: dict[str | None, dict[str, list[ExplainedPull]]] = {}
    for pull in pulls:
        owners = by_workflow.setdefault(pull.workflow, {})
        owners.setdefault(pull.workflow_job or pull.job, []).append(pull)
    for workflow, owners in by_workflow.items():
        yield "run by no workflow" if workflow is None else printable(f"workflow {workflow}")
        for owner, theirs in owners.items():
            yield f"  {printable(_owner(owner, theirs[0]))}"
            for pull in theirs:
                yield from (f"    {line}" for line in _pull(pull, paint))


def _owner(owner: str, pull: ExplainedPull) -> str:
    if pull.workflow is None:
        return owner
    runs = "" if pull.job == f"job {owner}" else f" ({pull.job})"
    contexts = f"contexts {', '.join(pull.contexts)}" if pull.contexts else "no context"
    return f"{owner}{runs}, {contexts}"


def _pull(pull: ExplainedPull, paint: Paint) -> Iterator[str]:
    image = pull.image or "unknown images"
    if pull.possible_images:
        image += f" ({', '.join(pull.possible_images)})"
    registry = pull.registry or "an unknown registry"
    yield printable(f"{image} from {registry}")
    yield f"  {printable(f'{pull.source}, {pull.path}:{pull.line}')}"
    yield f"  {_access(pull, paint)}"


def _access(pull: ExplainedPull, paint: Paint) -> str:
    reads = f", reads {', '.join(f'${name}' for name in pull.variables)}" if pull.variables else ""
    reason = f": {pull.reason}" if pull.reason else ""
    match pull.access:
        case Access.AUTHENTICATED:
            return paint(printable(f"authenticated by {pull.credential}{reads}"), "green")
        case Access.INCOMPLETE:
            return paint(printable(f"incomplete {pull.credential}{reads}{reason}"), "red")
        case Access.UNAUTHENTICATED:
            return paint(printable(f"not authenticated{reason}"), "red")
        case Access.UNKNOWN:
            return paint(printable(f"unknown{reason}"), "yellow")
        case Access.NOT_NEEDED:
            return printable(f"needs no credentials{reason}")
        case _:
            assert_never(pull.access)
