"""Networks with batch normalization in every place that a copy in half precision must know."""

import keras
import numpy as np

from hfc_keras import models


def unsettled(model, seed=0):
    """The model with batch statistics and scales as a training leaves them."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable in layer.variables:
                variable.assign(variable.value + rng.uniform(0.1, 0.5, variable.shape))
    return model


def residual(normalization="batch"):
    return unsettled(models.build("resnet8", (8, 8, 1), 10, normalization=normalization))


def of_layers(*layers):
    return unsettled(keras.Sequential([keras.Input((8, 8, 1)), *layers, keras.layers.Flatten()]))


def conv(**options):
    return keras.layers.Conv2D(10, 3, **options)


def normalization(**options):
    return keras.layers.BatchNormalization(**options)


def nested():
    inner = of_layers(conv(use_bias=False), normalization(), keras.layers.ReLU())
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, keras.layers.Dense(10)(inner(1.0 - inputs)))


def shared():
    """A convolution that is called twice, once without a normalization after it."""
    inputs, layer = keras.Input((8, 8, 1)), conv()
    once = normalization()(layer(inputs))
    both = keras.layers.Concatenate()([once, layer(inputs)])
    return unsettled(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(both)))


class Own(keras.Model):
    """A subclassed model, of which nothing is known but its layers."""

    def __init__(self):
        super().__init__()
        self.convolution, self.normalization = conv(), normalization()
        self.last = keras.layers.Dense(10)

    def call(self, x, training=False):
        x = self.normalization(self.convolution(x), training=training)
        return self.last(keras.ops.mean(x, axis=(1, 2)))


class Doubled(keras.Model):
    """A functional model that does more than its graph."""

    def call(self, x, training=False, mask=None):
        return 2 * super().call(x, training=training)


def doubled():
    inputs = keras.Input((8, 8, 1))
    return unsettled(Doubled(inputs, keras.layers.Flatten()(normalization()(conv()(inputs)))))


def classifier():
    """Somebody's network, which ends in probabilities, as the package takes it."""
    inner = of_layers(conv(), normalization(), keras.layers.GlobalAveragePooling2D())
    probabilities = keras.Sequential([inner, keras.layers.Dense(10), keras.layers.Softmax()])
    return models.as_classifier(probabilities, output="softmax")


def own_statistics():
    """A normalization that takes the statistics of the batch in inference, too."""
    inputs, layer = keras.Input((8, 8, 1)), normalization()
    x = layer(conv()(inputs), training=True)
    return unsettled(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x)))


def subclassed():
    model = Own()
    model(np.zeros((1, 8, 8, 1), "float32"))
    return unsettled(model)


def two_outputs():
    """A network within a network that returns features before and after their normalization."""
    inputs = keras.Input((8, 8, 1))
    features = conv()(inputs)
    inner = unsettled(keras.Model(inputs, [features, normalization()(features)]))
    images = keras.Input((8, 8, 1))
    both = keras.layers.Concatenate()(inner(images))
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(both))


def low_rank():
    """A convolution with low-rank weights beside its kernel."""
    layer = conv()
    model = of_layers(layer, normalization())
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(layer.lora_kernel_b.value + 0.1)
    return model


class Tied(keras.layers.Layer):
    """The kernel of a convolution, used once more."""

    def __init__(self, convolution):
        super().__init__()
        self.convolution = convolution

    def call(self, x):
        return keras.ops.conv_transpose(x, self.convolution.kernel, 1, "valid")


def tied():
    inputs, layer = keras.Input((8, 8, 1)), conv()
    features = Tied(layer)(normalization()(layer(inputs)))
    outputs = keras.layers.Dense(10)(keras.layers.Flatten()(features))
    return unsettled(keras.Model(inputs, outputs))


class Tripled(keras.Model):
    """Another one, which takes no mask."""

    def call(self, x, training=False):
        return 3 * super().call(x, training=training)


def tripled():
    inputs = keras.Input((8, 8, 1))
    return unsettled(Tripled(inputs, keras.layers.Flatten()(normalization()(conv()(inputs)))))


MODELS = {
    "residual": residual,
    "without normalization": lambda: residual("none"),
    "sequential": lambda: of_layers(conv(), normalization(), conv()),
    "no scale, no center": lambda: of_layers(conv(), normalization(scale=False, center=False)),
    "activation between": lambda: of_layers(conv(activation="relu"), normalization()),
    "strided": lambda: of_layers(conv(strides=2, padding="same"), normalization()),
    "no convolution before": lambda: of_layers(normalization(), conv()),
    "other axis": lambda: of_layers(conv(), normalization(axis=1)),
    "nested": nested,
    "shared": shared,
    "subclassed": subclassed,
    "doubled": doubled,
    "own statistics": own_statistics,
    "tripled": tripled,
    "two outputs": two_outputs,
    "tied": tied,
    "low rank": low_rank,
    "classifier": classifier,
}
