"""Options that several commands share; imports nothing that takes long."""

import dataclasses
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import tyro


def told(metavar: str | None = None, name: str | None = None, *aliases: str) -> Any:
    """Return how the help shows an option whose text states its default: without a None.

    Args:
        metavar: str or None, the word that stands for its value.
        name: str or None, another name of the option.
        *aliases: str, further names.

    Returns:
        For ``Annotated``.
    """
    return tyro.conf.arg(
        metavar=metavar, name=name, aliases=list(aliases) or None, help_behavior_hint=""
    )


IMPORTS: TypeAlias = Annotated[tuple[str, ...], told("MODULE", "import")]
DATA_DIR: TypeAlias = Annotated[Path | None, told("FOLDER")]
PIXELS: TypeAlias = Annotated[tuple[str, ...], told("LOW..HIGH")]
OUTPUT: TypeAlias = Annotated[
    Literal["logits", "softmax", "sigmoid", "binary"] | None, told("logits|softmax|sigmoid|binary")
]
OUTPUT_NAME: TypeAlias = Annotated[str | None, told("NAME")]
PREPROCESSING: TypeAlias = Annotated[Literal["caffe", "torch", "tf"] | None, told("caffe|torch|tf")]
FLAG: TypeAlias = Annotated[bool, tyro.conf.FlagCreatePairsOff, told()]
TFDS_DEFAULT = "~/tensorflow_datasets"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelAndImages:
    """Options that say what a model takes and returns, and on which images it is tested."""

    data: Annotated[str | None, told("FOLDER|NPZ|NAME")] = None
    """Images to test on: a folder with one folder per class, or of images without labels; an .npz \
file with x_test and y_test; digits, cifar10 or another TFDS set. Default: \
for one of this project's networks, what it was trained on."""
    pixels: PIXELS = ()
    """Range of the pixels that the model was trained on, such as 0..255 or 0 255. Default: 0 255 \
where the model itself divides by 255 or the like, else 0 1."""
    preprocessing: PREPROCESSING = None
    """What was done to ImageNet pixels before the model saw them, by Keras' names, in place of \
--pixels: caffe (BGR from 0 to 255 minus the mean), torch (0 to 1 minus the mean, divided by the \
standard deviation) or tf (-1 to 1). Default: nothing."""
    architecture: Annotated[tuple[str, ...], told("NAME [NAME ...]")] = ()
    """Network of a file of weights from PyTorch (.pth, .pt, .npz, .safetensors): resnet20, 32, \
44, 56, 110 and so on for CIFAR-10 as published; resnet18, 34, 50, 101, 152 of torchvision; these \
with _cifar, for a 3 x 3 stem; resnet20_b and so on, for convolutions as shortcuts. One name, or \
one for each file."""
    mean: Annotated[tuple[float, ...], told("R G B")] = ()
    """What such a network takes off the pixels in [0, 1]. Default: the mean of ImageNet, with \
_cifar or _b of CIFAR-10."""
    std: Annotated[tuple[float, ...], told("R G B")] = ()
    """What it divides them by then. Default: the standard deviation of the same images."""
    output: OUTPUT = None
    """What the model returns; binary is a single logit or sigmoid. Default: what its last layer \
says."""
    output_name: OUTPUT_NAME = None
    """Which output of a model that has several."""
    image_size: Annotated[tuple[int, ...], told("SIDE [SIDE]")] = ()
    """Resize images to this height and width in pixels, one number for both (bilinear, \
antialiased, ignoring the aspect ratio). Default: they stay as they are."""
    class_indices: Annotated[tuple[int, ...], told("CLASS [CLASS ...]")] = ()
    """For each class of the data, in its order, the index of the model's class, if they differ: \
classes of a folder are numbered in the order of their names. Default: the same indices."""
    imports: IMPORTS = ()
    """Modules or Python files that define the model's own layers."""
    examples: int = 1000
    """Number of images to use at most, drawn at random."""
    skip_unreadable: FLAG = False
    """Leave out image files that cannot be read, and name them."""
    data_dir: DATA_DIR = None
    """Where TFDS keeps its data sets. Default: TFDS_DATA_DIR, or TFDS' own default."""
    published: Path = Path("results/models")
    """Folder of the project's trained networks."""
    seed: int = 0
    """Seed of the drawn images and of every attack."""


def command_line(name: str, asked: Any) -> str:
    """Return the command that reproduces a run.

    Args:
        name: str, of the command.
        asked: its dataclass; the field without a default is positional.

    Returns:
        str, without options that have their defaults, the folder of the files that it writes, and
        a folder of data sets where TFDS looks by itself.

    Example:
        >>> @dataclasses.dataclass
        ... class Asked:
        ...     models: tuple
        ...     fast: bool = False
        ...     image_size: tuple = ()
        >>> command_line("inspect", Asked(("a b.keras",), True, (64,)))
        "hfc-keras inspect 'a b.keras' --fast --image-size 64"
    """
    positional, words = [], []
    for field in dataclasses.fields(asked):
        value = getattr(asked, field.name)
        if field.default is dataclasses.MISSING:
            positional += value
        elif value != field.default and not _is_of_the_machine(field.name, value):
            words.append("--" + {"imports": "import"}.get(field.name, field.name).replace("_", "-"))
            if value is not True:
                words += map(str, value if isinstance(value, tuple) else [value])
    return shlex.join(["hfc-keras", name, *positional, *words])


def _is_of_the_machine(name: str, value: Any) -> bool:
    """Whether an option says nothing of a result, only where files are on this machine.

    So does ``out``. Of the folders that are read, ``--data-dir`` does where it is the one that
    TFDS uses here without it: another machine has its own, and the same data sets in it. Any other
    folder, and that of the trained networks, decides what is read, and belongs to the command.
    """
    if name != "data_dir":
        return name == "out"
    usual = os.environ.get("TFDS_DATA_DIR") or TFDS_DEFAULT
    return Path(value).expanduser().resolve() == Path(usual).expanduser().resolve()


def pixel_range(pixels: Sequence[str]) -> tuple[float, float] | None:
    """Return the range of pixels that was given.

    Args:
        pixels: list of str, such as 0..255, or 0 and 255; none where none was given.

    Returns:
        tuple of two floats or None.

    Raises:
        ValueError: if it is no range.

    Example:
        >>> pixel_range(["0..255"])
        (0.0, 255.0)
    """
    from hfc_keras import checks

    if not pixels:
        return None
    parts = pixels[0].split("..") if len(pixels) == 1 else pixels
    try:
        low, high = map(float, parts)
    except ValueError:
        checks.require(False, "`pixels` must be a range such as 0..255 or 0 255", pixels=pixels)
    return low, high
