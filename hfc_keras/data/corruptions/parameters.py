"""Published parameters of the corruptions of CIFAR-10-C and of ImageNet-C, severity 1 to 5.

The figures are those of Hendrycks and Dietterich (ICLR 2019) and the code they released.
"""

from typing import Any

# Smaller side in pixels from which images have the parameters of ImageNet-C.
LARGE = 64
# By data set and name:
# - gaussian_noise: standard deviation; shot_noise: photons a pixel; impulse_noise: share of values;
# - defocus_blur: radius and blur of the disk; frosted_glass_blur: standard deviation of the blur,
#   reach in pixels, times; motion_blur: radius and standard deviation; zoom_blur: end and step of
#   the factors, which begin at 1;
# - snow: mean and deviation of the flakes, their zoom and threshold, radius and deviation of their
#   motion, weight of the image; frost: weights of the image and of the frost; fog: strength, decay;
# - brightness: addition to the HSV value; contrast: factor;
# - elastic: strength and smoothness of the field and reach of the affine map, shares of the side;
#   pixelate: scale; jpeg_compression: quality.
PARAMETERS: dict[str, dict[str, tuple[Any, ...]]] = {
    "cifar10": {
        "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.10),
        "shot_noise": (500, 250, 100, 75, 50),
        "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),
        "defocus_blur": ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        "frosted_glass_blur": ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        "motion_blur": ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        "zoom_blur": ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
        "snow": (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        "frost": ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
        "fog": ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
        "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
        "elastic": (
            (0, 0, 0.08),
            (0.05, 0.2, 0.07),
            (0.08, 0.06, 0.06),
            (0.1, 0.04, 0.05),
            (0.1, 0.03, 0.03),
        ),
        "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),
        "jpeg_compression": (80, 65, 58, 50, 40),
    },
    "imagenet": {
        "gaussian_noise": (0.08, 0.12, 0.18, 0.26, 0.38),
        "shot_noise": (60, 25, 12, 5, 3),
        "impulse_noise": (0.03, 0.06, 0.09, 0.17, 0.27),
        "defocus_blur": ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
        "frosted_glass_blur": ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
        "motion_blur": ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        "zoom_blur": ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
        "snow": (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        "frost": ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
        "fog": ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),
        "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
        # Published in pixels, as parts of 244 for images of 224 pixels.
        "elastic": tuple(
            tuple(244 / 224 * part for part in parts)
            for parts in (
                (2, 0.7, 0.1),
                (2, 0.08, 0.2),
                (0.05, 0.01, 0.02),
                (0.07, 0.01, 0.02),
                (0.12, 0.01, 0.02),
            )
        ),
        "pixelate": (0.6, 0.5, 0.4, 0.3, 0.25),
        "jpeg_compression": (25, 18, 15, 10, 7),
    },
}
CORRUPTIONS = tuple(PARAMETERS["cifar10"])


def table_for(height: int, width: int) -> str:
    """Name of the parameters that images of a size have unless others are asked for.

    Args:
        height: int, rows of the images.
        width: int, columns of the images.

    Returns:
        ``"imagenet"`` where both sides are 64 pixels or more, otherwise ``"cifar10"``.

    Example:
        >>> table_for(64, 96), table_for(32, 96)
        ('imagenet', 'cifar10')
    """
    return "imagenet" if min(height, width) >= LARGE else "cifar10"
