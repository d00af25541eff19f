"""What plain Keras makes: a Sequential that ends in a softmax."""

import keras


def softmax(split):
    """Such a model of the digits, trained a little.

    Args:
        split: data.Split of training images.
    """
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ],
        name="plain",
    )
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    model.fit(split.images, split.labels, epochs=4, verbose=0)
    return model
