"""Training on several devices of one machine: which strategies there are, and what each needs."""

import collections
import contextlib
import functools
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import keras

from hfc_keras import checks, data, layers
from hfc_keras.training import folder_notes, replicas

STRATEGIES = {
    "tensorflow": "tf.distribute.MirroredStrategy",
    "jax": "keras.distribution.DataParallel",
}
# Names that TensorFlow has for one and the same.
MULTI_WORKER = {"MultiWorkerMirroredStrategy", "CollectiveAllReduceStrategy"}
# Layers of Keras that draw for each image, and nothing besides.
RANDOM = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
)


class OneDevice:
    """Where no strategy is given. Others differ from it in what they override.

    Example:
        >>> OneDevice().count
        1
    """

    count = 1
    words = folder_notes.ONE
    loss = keras.losses.CategoricalCrossentropy

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Context in which networks and their optimizers are made."""
        return contextlib.nullcontext()

    def check(self, batches: data.TrainingBatches) -> None:
        """Refuse batches that cannot be spread."""

    def prepare(self, network: keras.Model) -> None:
        """Make layers of a network see the whole batch."""

    def ready(self, trained: keras.Model, classes: int) -> None:
        """Make what ``fit`` would make of a compiled model outside of the scope."""

    def spread(self, batches: Any) -> Any:
        """Return what ``fit`` takes, its batches on all devices."""
        return batches


class _Several(OneDevice):
    """Several devices, each with its part of every batch."""

    def __init__(self, strategy: Any, devices: Iterable[str]) -> None:
        # Such as /job:localhost/replica:0/task:0/device:GPU:1, or gpu:1.
        kinds = [str(device).split(":")[-2].rpartition("/")[2].lower() for device in devices]
        self.strategy, self.count = strategy, len(kinds)
        counted = collections.Counter(kinds)
        self.words = " and ".join(f"{count} x {kind}" for kind, count in counted.items())

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        return self.strategy.scope()

    def check(self, batches: data.TrainingBatches) -> None:
        first = min(batches.batch_size, len(batches.split))
        checks.require(
            first % self.count == 0,
            f"`batch_size` must be a multiple of the number of devices, {self.count}, and so must "
            "`examples` if they are fewer, so that each has the same share",
            batch_size=batches.batch_size,
            examples=len(batches.split),
        )


class _Mirrored(_Several):
    """TensorFlow: a copy of the network on each device, which sees its part of the batch alone."""

    loss = replicas.MeanLoss

    def check(self, batches: data.TrainingBatches) -> None:
        super().check(batches)
        images = (len(batches.split) - 1) % batches.batch_size + 1
        images *= 1 + any(isinstance(each, layers.BothCopies) for each in batches.pair_layers)
        # TensorFlow gives each device as many, rounded up, and the last ones what is left.
        part = -(-images // self.count)
        checks.require(
            part * (self.count - 1) < images,
            "the last batch of an epoch must hold images for every device, each of which takes "
            f"{part} of it; choose another `batch_size` or `examples`",
            images=images,
            devices=self.count,
        )

    def prepare(self, network: keras.Model) -> None:
        for layer in replicas.batch_normalizations(network):
            layer.synchronized = True
            layer._moments = functools.partial(_moments, layer)
        others = []
        for layer in network._flatten_layers():
            checks.require(
                getattr(layer, "activity_regularizer", None) is None,
                "`model` must have no activity_regularizer, whose loss the devices share",
                layer=layer.name,
            )
            if type(layer) in RANDOM:
                layer.__class__ = _within_batch(type(layer))
            elif list(layer._seed_generators):
                others.append(layer.name)
        if others:
            warnings.warn(
                "These layers draw the same random numbers on every device, so that the network "
                "does not train as on one device; take those of Keras, such as Dropout. "
                f"Received: layers={others[:3]}",
                stacklevel=5,
            )


class _Parallel(_Several):
    """JAX: arrays are whole, and their parts on the devices."""

    def ready(self, trained: keras.Model, classes: int) -> None:
        # Metrics that are made on one device have the step compiled once more.
        none = keras.ops.zeros((1, classes))
        trained.compute_metrics(None, none, none)
        trained.reset_metrics()

    def spread(self, batches: Any) -> Any:
        return _Placed(batches, self.place)

    def place(self, values: Any) -> Any:
        """Put a part of some values on each device; all on each, where parts would be unequal."""
        layout: Any = self.strategy.get_data_layout(values.shape)
        if values.shape[0] % self.count:
            mesh = self.strategy.device_mesh
            layout = keras.distribution.TensorLayout([None] * len(values.shape), mesh)
        return keras.distribution.distribute_tensor(values, layout)


class _Placed(keras.utils.PyDataset):
    """Batches whose arrays are put where they belong.

    Args:
        batches: keras.utils.PyDataset.
        place: function of an array.
    """

    def __init__(self, batches: Any, place: Any) -> None:
        super().__init__()
        self.batches, self.place = batches, place

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, step: int) -> Any:
        return tuple(self.place(each) for each in self.batches[step])


def _moments(layer: Any, inputs: Any, mask: Any) -> tuple[Any, Any]:
    """Statistics of a batch normalization, in place of its own."""
    checks.require(mask is None, "`model` must have no mask", layer=layer.name)
    return replicas.moments(inputs, layer._reduction_axes)


@functools.cache
def _within_batch(kind: Any) -> Any:
    """A random layer whose numbers are those of its images' places in the whole batch."""

    def call(self: Any, inputs: Any, training: Any = False) -> Any:
        if not training:
            return kind.call(self, inputs, training=training)
        whole = functools.partial(kind.call, self, training=training)
        return replicas.within_batch(whole, inputs)

    return type(kind.__name__, (kind,), {"call": call, "__module__": kind.__module__})


def chosen(strategy: object) -> OneDevice:
    """Strategy as a training uses it.

    Args:
        strategy: None, or what ``STRATEGIES`` has for the backend.

    Returns:
        OneDevice, or what stands for several.

    Raises:
        ValueError: for a strategy of another backend, for several machines or of one device.

    Example:
        >>> chosen(None).words
        '1'
    """
    if strategy is None:
        return OneDevice()
    backend, name = keras.backend.backend(), type(strategy).__name__
    checks.require(
        backend in STRATEGIES,
        "`strategy` must be left out with PyTorch, for which Keras has none: start Python with "
        "KERAS_BACKEND=tensorflow or jax, or run several trainings, each on a GPU of its own",
        strategy=name,
        backend=backend,
    )
    checks.require(
        MULTI_WORKER.isdisjoint(_names(strategy)),
        "`strategy` must be for one machine: MultiWorkerMirroredStrategy fails inside Keras 3 "
        "(keras#20601, keras#20585); take tf.distribute.MirroredStrategy for the GPUs of one "
        "machine, and run other trainings on the other machines",
        strategy=name,
    )
    mirrored = backend == "tensorflow" and replicas.is_mirrored(strategy)
    parallel = backend == "jax" and isinstance(strategy, keras.distribution.DataParallel)
    checks.require(
        mirrored or parallel,
        f"`strategy` must be a {STRATEGIES[backend]} on this backend",
        strategy=name,
        backend=backend,
    )
    return _several(strategy, mirrored)


def _several(strategy: Any, mirrored: bool) -> OneDevice:
    """Strategy of a kind that there is, after a look at its devices."""
    if mirrored:
        found: _Several = _Mirrored(strategy, strategy.extended.worker_devices)
    else:
        mesh = strategy.device_mesh.devices
        checks.require(
            mesh.ndim == 1 and strategy.num_processes == 1,
            "`strategy` must spread over one row of devices of one process",
            devices=mesh.shape,
            processes=strategy.num_processes,
        )
        found = _Parallel(strategy, mesh)
    checks.require(
        found.count > 1,
        "`strategy` must spread over two or more devices; leave it out to train on one",
        strategy=type(strategy).__name__,
        devices=found.count,
    )
    return found


def _names(strategy: object) -> Iterator[str]:
    return (each.__name__ for each in type(strategy).__mro__)
