"""CIFAR-10-C as TensorFlow Datasets has it, where it is on disk."""

from hfc_keras import checks
from hfc_keras.data.dataset import Split
from hfc_keras.data.tensorflow_datasets_source import prepared_split
from hfc_keras.types import PathLike

SOURCE = "cifar10_corrupted"
PUBLISHED = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "frosted_glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic",
    "pixelate",
    "jpeg_compression",
    "gaussian_blur",
    "saturate",
    "spatter",
    "speckle_noise",
)


def corrupted_split(
    dataset: str,
    name: str,
    severity: int = 3,
    data_dir: PathLike | None = None,
    examples: int | None = None,
    seed: int = 0,
) -> Split | None:
    """Return test images of CIFAR-10-C if TensorFlow Datasets has prepared them on disk.

    Nothing is ever downloaded: ``cifar10_corrupted`` is 2.7 GiB, and
    ``python -c "import tensorflow_datasets as tfds; tfds.load('cifar10_corrupted/fog_3')"`` fetches
    it where that is wanted. The images come with their own labels. TensorFlow Datasets promises no
    order between two data sets, so rows must not be paired with those of ``load("cifar10").test``.

    Args:
        dataset: str, name of the data set that is to be corrupted; for any but ``"cifar10"`` there
            are no published images.
        name: str, one of ``PUBLISHED``, the names of TensorFlow Datasets.
        severity: int from 1 to 5.
        data_dir: str, path or None, the folder of TensorFlow Datasets; None is ``TFDS_DATA_DIR``
            or its own default.
        examples: None for all, or int, at most so many, drawn without replacement.
        seed: int from 0, decides which examples.

    Returns:
        Split, or None where the images are not on disk or the data set is another one.

    Raises:
        ValueError: for an unknown name, another severity, a number of examples below 1, or if they
            are on disk and TensorFlow Datasets is not installed.

    Reference:
        Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
        Perturbations, ICLR 2019.

    Example:
        >>> corrupted_split("digits", "fog") is None
        True
    """
    checks.choice("name", name, PUBLISHED)
    severity = checks.number("severity", severity, 1, 5, whole=True)
    if dataset != "cifar10":
        return None
    return prepared_split(f"{SOURCE}/{name}_{severity}", "test", data_dir, examples, seed)
