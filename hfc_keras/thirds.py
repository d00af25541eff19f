"""Low, middle and high frequencies: what the three words mean wherever they stand alone."""

NAMES = ("low", "mid", "high")


def limits(size: int) -> tuple[int, int]:
    """Return the largest rings of low and of middle frequencies.

    Low is the lowest third of the frequencies up to Nyquist, middle the next, high all above.

    Args:
        size: int, the smaller side of the images in pixels.

    Returns:
        pair of int, cycles per image.

    Reference:
        Krishnamachari et al., Fourier Sensitivity and Regularization of Computer Vision Models,
        TMLR 2022.

    Example:
        >>> limits(32)
        (5, 10)
    """
    return size // 6, size // 3
