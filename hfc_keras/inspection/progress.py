"""Progress by section, with the time left."""

from collections.abc import Iterator
from typing import Any

from tqdm.auto import tqdm

from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Section

FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"


def steps(
    sections: tuple[Section, ...], subjects: dict[str, Inspected], show: bool | None
) -> Iterator[tuple[Section, Inspected]]:
    """Yield every section with every model, section by section, and show how far it is.

    The bar advances by the forward passes that a section takes, so that the time left is a guess
    from the first section on.

    Args:
        sections: tuple of Section.
        subjects: dict from name to Inspected.
        show: bool, or None for on a terminal and in a notebook only.

    Yields:
        ``(section, subject)``.
    """
    pairs = [(section, subject) for section in sections for subject in subjects.values()]
    costs = [max(1.0, section.cost(subject)) for section, subject in pairs]
    hidden: Any = None if show is None else not show
    with tqdm(total=sum(costs), disable=hidden, leave=False, bar_format=FORMAT) as bar:
        for index, ((section, subject), cost) in enumerate(zip(pairs, costs, strict=True)):
            bar.set_description(f"{index + 1} of {len(pairs)}: {section.title.lower()}")
            yield section, subject
            bar.update(cost)
