"""Every pull of a config as a tree: who runs it, what it pulls, how it is authenticated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from operator import itemgetter

from typing_extensions import assert_never

from cci_migrate.engine.explanation import Access, ExplainedPull
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.groups import grouped
from cci_migrate.reports.terminal_page import Page


class Grouping(Enum):
    """What pulls are listed by."""

    WORKFLOW = "workflow"
    IMAGE = "image"


def explanation_tree(
    pulls: Sequence[ExplainedPull], page: Page, grouping: Grouping = Grouping.WORKFLOW
) -> Iterator[str]:
    """The lines of the tree of ``pulls``, without line ends; then executors, and unknown orbs.

    ``page`` colours a text by its meaning; ``grouping`` says what the branches are.
    """
    match grouping:
        case Grouping.WORKFLOW:
            yield from _by_workflow(pulls, page)
        case Grouping.IMAGE:
            yield from _by_image(pulls, page)
        case _:
            assert_never(grouping)
    yield from _executors(pulls)
    orbs = dict.fromkeys(pull.orb for pull in pulls if pull.orb and not pull.image)
    if orbs:
        yield printable(f"unknown: what {', '.join(orbs)} pulls")


def _by_workflow(pulls: Iterable[ExplainedPull], page: Page) -> Iterator[str]:
    """A pull is below its workflow and its workflow job with its contexts."""
    for workflow, of_workflow in grouped((pull.workflow, pull) for pull in pulls).items():
        yield "not run by any workflow" if workflow is None else printable(f"workflow {workflow}")
        owners = grouped((pull.workflow_job or pull.job, pull) for pull in of_workflow)
        for owner, owned in owners.items():
            yield f"  {printable(_owner(owner, owned[0]))}"
            for pull in owned:
                yield from (f"    {line}" for line in _pull(pull, page))


def _by_image(pulls: Iterable[ExplainedPull], page: Page) -> Iterator[str]:
    """Each image with its places, and below each place the workflow jobs that pull it there."""
    by_image = grouped(
        ((image, pull.registry or ""), pull)
        for pull in pulls
        for image in pull.possible_images or (pull.image,)
    )
    for (image, registry), of_image in sorted(by_image.items(), key=itemgetter(0)):
        yield printable(_from(image, registry))
        places = grouped(((_place(pull), _access(pull, page)), pull) for pull in of_image)
        for (place, access), alike in places.items():
            yield f"  {printable(place)}"
            yield f"    {access}"
            yield f"    {printable(', '.join(dict.fromkeys(map(_title, alike))))}"


def _place(pull: ExplainedPull) -> str:
    written = f", written {pull.image}" if pull.possible_images else ""
    return f"{pull.source}, {pull.path}:{pull.line}{written}"


def _title(pull: ExplainedPull) -> str:
    if pull.workflow is None:
        return f"{pull.job}, not run by any workflow"
    return f"{pull.workflow}/{pull.workflow_job}"


def _executors(pulls: Iterable[ExplainedPull]) -> Iterator[str]:
    """A line for each executor with images, and the workflow jobs that run on it."""
    named = (pull for pull in pulls if pull.executor is not None)
    for executor, jobs in grouped((pull.executor, pull.workflow_job) for pull in named).items():
        names = ", ".join(dict.fromkeys(filter(None, jobs)))
        yield printable(f"executor {executor}: {names or 'no workflow job'}")


def _owner(owner: str, pull: ExplainedPull) -> str:
    if pull.workflow is None:
        return owner
    runs = "" if pull.job == f"job {owner}" else f" ({pull.job})"
    contexts = f"contexts {', '.join(pull.contexts)}" if pull.contexts else "no context"
    return f"{owner}{runs}, {contexts}"


def _pull(pull: ExplainedPull, page: Page) -> Iterator[str]:
    yield printable(_image(pull))
    yield f"  {printable(f'{pull.source}, {pull.path}:{pull.line}')}"
    yield f"  {_access(pull, page)}"


def _image(pull: ExplainedPull) -> str:
    image = pull.image
    if pull.possible_images:
        image += f" ({', '.join(pull.possible_images)})"
    return _from(image, pull.registry)


def _from(image: str, registry: str | None) -> str:
    return f"{image or 'unknown images'} from {registry or 'an unknown registry'}"


def _access(pull: ExplainedPull, page: Page) -> str:
    reads = f", reads {', '.join(f'${name}' for name in pull.variables)}" if pull.variables else ""
    reason = f": {pull.reason}" if pull.reason else ""
    match pull.access:
        case Access.AUTHENTICATED:
            return page.styled(printable(f"authenticated by {pull.credential}{reads}"), "green")
        case Access.INCOMPLETE:
            return page.styled(printable(f"incomplete {pull.credential}{reads}{reason}"), "red")
        case Access.UNAUTHENTICATED:
            return page.styled(printable(f"not authenticated{reason}"), "red")
        case Access.UNKNOWN:
            return page.styled(printable(f"unknown{reason}"), "yellow")
        case Access.NOT_NEEDED:
            return printable(f"needs no credentials{reason}")
        case _:
            assert_never(pull.access)
