"""Files of weights that a command line names, and the networks that they are of."""

from collections.abc import Sequence
from pathlib import Path

from hfc_keras import checks
from hfc_keras.commands.options import ModelAndImages
from hfc_keras.models.torch_architectures import by_name, looks_like
from hfc_keras.models.torch_checkpoints import arrays_of
from hfc_keras.models.weight_files import ENDINGS, read_weights


def is_weights(source: str) -> bool:
    """Whether a model is named by a file of weights alone.

    Args:
        source: str, as a command line has it.

    Returns:
        bool.

    Example:
        >>> is_weights("resnet20.pth"), is_weights("resnet20.keras")
        (True, False)
    """
    return Path(source).suffix.lower() in ENDINGS


def architectures(sources: Sequence[str], asked: ModelAndImages) -> dict[str, str]:
    """Say of which network each file of weights is.

    Args:
        sources: list of str, all models that are named.
        asked: ModelAndImages, the command line.

    Returns:
        dict from each source that is a file of weights to the name of its network.

    Raises:
        ValueError: if that is not told, or something that only other models have is.
    """
    of_weights, told = [each for each in sources if is_weights(each)], asked.architecture
    checks.require(
        of_weights or not (told or asked.mean or asked.std),
        "`architecture`, `mean` and `std` must be left out: they are of files of weights "
        f"({', '.join(ENDINGS)})",
        models=tuple(sources),
    )
    checks.require(
        not of_weights or not (asked.pixels or asked.preprocessing),
        "`pixels` and `preprocessing` must be left out: networks of --architecture take pixels "
        "minus --mean, divided by --std",
        pixels=asked.pixels,
        preprocessing=asked.preprocessing,
    )
    if of_weights and not told:
        _refuse_untold(of_weights[0])
    checks.require(
        len(told) in (1, len(of_weights)),
        f"`architecture` must be one name, or one for each of {len(of_weights)} files of weights",
        architecture=told,
    )
    names = told * len(of_weights) if len(told) == 1 else told
    return dict(zip(of_weights, names, strict=True))


def _refuse_untold(source: str) -> None:
    """Refuse a file of weights without its network, which it may look like."""
    seen = looks_like(arrays_of(read_weights(source), source))
    which = f"--architecture {seen}, going by their names" if seen else "--architecture NAME"
    checks.require(
        False,
        f"`architecture` must say of which network these weights are: {which}; --help lists them",
        model=source,
    )


def standardizations(asked: ModelAndImages) -> list[str]:
    """Say what is taken off the pixels, which no file of weights does.

    Args:
        asked: ModelAndImages.

    Returns:
        list of str, a sentence for each network, with what to add if a number is none of its own.
    """
    given = {"--mean": asked.mean, "--std": asked.std}
    missing = " and ".join(option for option, value in given.items() if not value)
    advice = f"; if it was trained with other numbers, add {missing}" if missing else ""
    told = []
    for name in dict.fromkeys(asked.architecture):
        network = by_name(name)
        mean, std = asked.mean or network.mean, asked.std or network.std
        told.append(f"Pixels go into {name} minus {mean}, divided by {std}{advice}.")
    return told
