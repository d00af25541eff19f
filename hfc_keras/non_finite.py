"""Numbers of a network that are none."""


class NonFiniteLogitsError(ValueError):
    """Logits that are NaN or infinite: a network that has diverged, whatever its loss says."""
