"""Which data sets a misspelt name may mean."""

import difflib
import re
from collections.abc import Iterable

# Sets of images with one label each, for an answer where TensorFlow Datasets is not installed.
WELL_KNOWN = (
    "beans",
    "caltech101",
    "caltech_birds2011",
    "cars196",
    "cats_vs_dogs",
    "cifar10",
    "cifar100",
    "cifar10_corrupted",
    "colorectal_histology",
    "dtd",
    "emnist",
    "eurosat",
    "fashion_mnist",
    "food101",
    "imagenet2012",
    "imagenet_resized",
    "imagenette",
    "kmnist",
    "mnist",
    "mnist_corrupted",
    "oxford_flowers102",
    "oxford_iiit_pet",
    "patch_camelyon",
    "places365_small",
    "stanford_dogs",
    "stl10",
    "svhn_cropped",
    "tf_flowers",
)


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names nearest to one, whatever its case, hyphens, blanks and underscores.

    Args:
        name: str; a config or version behind ``/`` or ``:`` is left out.
        known: sequence of str.

    Returns:
        list of at most three str: those spelt alike, else those that begin so, else those that
        differ in a few letters.

    Example:
        >>> [nearest(name, WELL_KNOWN)[0] for name in ("CIFAR-10", "svhn", "cfar10/x")]
        ['cifar10', 'svhn_cropped', 'cifar10']
    """
    name = re.split("[/:]", name)[0]
    wanted = _plain(name)
    spelt = {each: _plain(each) for each in known}
    alike = [each for each, plain in spelt.items() if plain == wanted]
    begun = [each for each, plain in spelt.items() if len(wanted) > 2 and plain.startswith(wanted)]
    similar = difflib.get_close_matches(re.sub(r"[\W_]+", "_", name.lower()), known)
    return (alike or begun or similar)[:3]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())
