"""Low, middle and high frequencies: what the three words mean wherever they stand alone."""


def limits(size: int) -> tuple[float, float]:
    """Return where low frequencies end, and middle ones.

    Low is the lowest third of the frequencies up to Nyquist, middle the next, high all above.

    Args:
        size: int, the smaller side of the images in pixels.

    Returns:
        pair of floats, cycles per image.

    Reference:
        Krishnamachari et al., Fourier Sensitivity and Regularization of Computer Vision Models,
        TMLR 2022.

    Example:
        >>> low, middle = limits(32)
        >>> round(low, 2), round(middle, 2)
        (5.33, 10.67)
    """
    return size / 6, size / 3
