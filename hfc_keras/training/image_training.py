"""What trainings share that need the labels beside the images before the loss."""

import keras
import numpy as np

from hfc_keras import checks, contract


class ImageTraining(keras.Model):
    """A model round the trained one, whose ``call`` gets ``(images, labels)`` while training.

    In ``evaluate``, ``predict`` and validation it is the model itself.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        **kwargs: as of ``keras.Model``.

    Raises:
        ValueError: for a model that is none; by ``fit`` for pixels outside [0, 1], missing
            labels, labels out of range or a model that returns probabilities. Of a data set the
            first batch is looked at, of a generator nothing.
    """

    def __init__(self, model, **kwargs):
        contract.keras_model(model)
        # Without autocast a half-precision policy leaves the pixels as they are.
        super().__init__(**{"autocast": False, "dtype": model.dtype_policy, **kwargs})
        self.model = model

    def fit(self, x=None, y=None, *args, **kwargs):
        """Train, after a look at the images, as ``keras.Model.fit``."""
        if x is not None:
            self._look(x, y)
        return super().fit(x, y, *args, **kwargs)

    def train_step(self, *arguments):
        """Pass the labels to ``call`` beside the images; both backends' steps do the rest."""
        *state, batch = arguments
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(batch)
        batch = keras.utils.pack_x_y_sample_weight((images, labels), labels, weights)
        return super().train_step(*state, batch)

    def check(self, images, labels):
        """Refuse images and labels that cannot be trained on.

        Args:
            images: array ``(batch, height, width, channels)``.
            labels: array, int or one-hot or soft.

        Raises:
            ValueError: as the class says.
        """
        images = checks.pixels(images, "x")
        classes = contract.classifier(self.model, images, "x", stacklevel=6).classes
        checks.require(labels is not None, "`y` must hold the labels of the images", y=labels)
        labels = np.asarray(labels)
        if labels.ndim == 1 or labels.shape[1] == 1:
            checks.class_indices(labels, len(images), classes, "y")

    def _look(self, x, y):
        """Check arrays, or the first batch of a data set."""
        if hasattr(x, "element_spec"):
            x, y, _ = keras.utils.unpack_x_y_sample_weight(next(iter(x)))
        elif isinstance(x, keras.utils.PyDataset):
            x, y, _ = keras.utils.unpack_x_y_sample_weight(x[0])
        elif isinstance(x, (list, tuple, dict)):
            checks.require(
                isinstance(x, (list, tuple)) and len(x) == 1,
                "`x` must be one array of images",
                x=f"{type(x).__name__} of {len(x)}",
            )
            x = x[0]
        elif not hasattr(x, "shape"):
            return
        self.check(x, y)
