"""Copies of layers and models, object by object."""

import collections
import functools
import types
import weakref
from typing import Any, TypeVar

import keras
from keras import ops

from hfc_keras import checks
from hfc_keras.copying import reach

T = TypeVar("T")

_STATE = (keras.Operation, keras.Variable, keras.random.SeedGenerator, keras.metrics.Metric)
# Losses of the last call, which are of the original alone.
_LOSSES = ("_losses", "_loss_ids", "_losses_override")
# What Keras knows of the arguments of `call`.
_CALLED = (
    "_call_signature",
    "call_signature_parameters",
    "_call_has_training_arg",
    "_call_has_mask_arg",
    "_call_has_context_arg",
)
# Methods that Keras wraps anew for each layer.
_WRAPPED = ("build", "quantize")


class Copier:
    """Copies what holds weights, each object once however often it is met.

    A functional or sequential model is built anew of copied layers; layers and other models are
    copied attribute by attribute. Weights, seeds and layers are the copy's own from the start,
    and everything else, functions first of all, is the very same object. A function that holds
    a layer in its closure is given the copied one. Copies are not compiled.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: 2 * x)])
        >>> copy = Copier().twin(model)
        >>> copy.layers[0] is model.layers[0]
        False
        >>> copy.layers[0].function is model.layers[0].function
        True
    """

    def __init__(self) -> None:
        """Start with nothing copied."""
        # By id: an object, kept so that its id stays its own, and its copy.
        self._twins = {}
        self._within = ["model"]

    def twin(self, value: Any) -> Any:
        """Copy of an object, or the object itself if it holds no weight, seed or layer.

        Args:
            value: keras.Model or keras.Layer, built, or anything that one holds.

        Returns:
            An object of the same class.

        Raises:
            ValueError: for a layer that keeps weights where Keras does not see them, or layers
                in an object or a compiled function that cannot be copied.
        """
        if id(value) in self._twins:
            return self._twins[id(value)][1]
        if isinstance(value, keras.Operation):
            return self._operation(value)
        if isinstance(value, keras.Variable):
            return self._keep(value, _variable(value))
        if isinstance(value, (list, dict, set)):
            return self._container(value)
        if isinstance(value, (tuple, frozenset)):
            make = getattr(type(value), "_make", type(value))
            return self._keep(value, make([self.twin(each) for each in value]))
        if keras.backend.backend() == "torch" and ops.is_tensor(value):
            # It may be a view of a weight, which is written over in place.
            return self._keep(value, ops.copy(value))
        if _is_tracker(value) or any(map(_is_own, reach.reachable(value))):
            return self._object(value)
        return value

    def _keep(self, value: object, twin: T) -> T:
        self._twins[id(value)] = value, twin
        return twin

    def _operation(self, operation: keras.Operation) -> keras.Operation:
        self._within.append(operation.name)
        copy = self._model if _is_graph(operation) else self._attributes
        twin = copy(operation)
        self._within.pop()
        return twin

    def _model(self, model: Any) -> keras.Model:
        """Copy of a functional or sequential model, of its class."""
        twin: Any
        if isinstance(model, keras.Sequential):
            layers = [self.twin(layer) for layer in model.layers]
            twin = keras.Sequential([*_input(model), *layers], name=model.name)
        else:
            view = keras.Model(model.input, model.output, name=model.name)
            twin = keras.models.clone_model(view, clone_function=self.twin)
        self._keep(model, twin)
        if type(twin) is not type(model):
            twin.__class__ = type(model)
            # Keras asked the other class which arguments `call` takes.
            vars(twin).update({name: vars(model)[name] for name in _CALLED if name in vars(model)})
        held = {**vars(model), **vars(model).get("_modules", {})}
        for name in [name for name in held if name not in {*vars(twin), *reach.COMPILED}]:
            setattr(twin, name, self.twin(held[name]))
        # The property would set that of all layers.
        vars(twin)["_trainable"] = model.trainable
        return twin

    def _container(self, value: Any) -> Any:
        kind: Any = type(value)
        if kind.__module__.startswith("tensorflow"):
            kind = next(base for base in (list, dict, set) if isinstance(value, base))
        twin = self._keep(value, kind.__new__(kind))
        # By the base class, for Keras' own lists notify a tracker.
        if isinstance(value, dict):
            base = collections.OrderedDict if isinstance(twin, collections.OrderedDict) else dict
            for key, each in value.items():
                base.__setitem__(twin, self.twin(key), self.twin(each))
        else:
            fill = set.add if isinstance(value, set) else list.append
            for each in list(value):
                fill(twin, self.twin(each))
        if isinstance(value, collections.defaultdict) and isinstance(twin, collections.defaultdict):
            twin.default_factory = value.default_factory
        if hasattr(twin, "__dict__"):
            vars(twin).update({name: self.twin(each) for name, each in vars(value).items()})
        return twin

    def _object(self, value: Any) -> Any:
        """Copy of a function, a method or a plain object that holds weights or layers."""
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.CellType):
            twin = self._keep(value, types.CellType())
            twin.cell_contents = self.twin(value.cell_contents)
            return twin
        if isinstance(value, types.MethodType):
            return types.MethodType(self.twin(value.__func__), self.twin(value.__self__))
        if isinstance(value, functools.partial):
            arguments, options = self.twin(value.args), self.twin(value.keywords)
            return functools.partial(self.twin(value.func), *arguments, **options)
        if isinstance(value, weakref.ref):
            return weakref.ref(self.twin(value()))
        return self._attributes(value)

    def _function(self, function: types.FunctionType) -> types.FunctionType:
        cells = function.__closure__ and tuple(map(self.twin, function.__closure__))
        parts = function.__code__, function.__globals__, function.__name__, None, cells
        twin = self._keep(function, types.FunctionType(*parts))
        twin.__defaults__ = self.twin(function.__defaults__)
        twin.__kwdefaults__ = self.twin(function.__kwdefaults__)
        functools.update_wrapper(twin, function, updated=())
        vars(twin).pop("__wrapped__")
        vars(twin).update({name: self.twin(each) for name, each in vars(function).items()})
        return twin

    def _attributes(self, value: Any) -> Any:
        """Copy of a layer or another object, attribute by attribute."""
        twin = self._keep(value, self._blank(value))
        is_model = isinstance(value, keras.Model)
        blank = vars(keras.Model(name="blank")) if is_model else {}
        for name, each in reach.attributes(value).items():
            if is_model and name in reach.COMPILED:
                if name in blank:
                    vars(twin)[name] = blank[name]
            elif isinstance(value, keras.Operation) and name in reach.NODES:
                vars(twin)[name] = []
            elif name.startswith(reach.LISTED):
                vars(twin)[name] = self.twin(_lasting(each))
            elif isinstance(value, keras.Layer) and name in _LOSSES:
                vars(twin)[name] = set() if isinstance(each, set) else []
            elif not (isinstance(value, keras.Layer) and name in _WRAPPED):
                self._set(value, twin, name, each)
        _know(getattr(twin, "_tracker", None))
        return twin

    def _set(self, value: object, twin: object, name: str, each: object) -> None:
        if name in getattr(value, "__dict__", {}):
            vars(twin)[name] = self.twin(each)
        else:
            object.__setattr__(twin, name, self.twin(each))

    def _blank(self, value: Any) -> Any:
        """Object of the same class without any attribute of its own."""
        kind = type(value)
        if isinstance(value, keras.Operation):
            base = keras.Layer if isinstance(value, keras.Layer) else keras.Operation
            return base.__new__(kind)
        try:
            if not (reach.foreign(value) or reach.opaque(value)):
                return object.__new__(kind)
        except TypeError:
            # Objects that only their own class can make, refused below as well.
            kind = type(value)
        checks.require(
            False,
            f"`{self._within[-1]}` must have its weights and layers in Keras to be copied, not in "
            "variables, modules or compiled functions of something else; hold them as attributes",
            held=f"{kind.__module__}.{kind.__qualname__}",
        )


def _is_own(value: object) -> bool:
    """Whether a copy must have an object of its own in place of this one."""
    return isinstance(value, _STATE) or reach.foreign(value)


def _is_tracker(value: object) -> bool:
    """Whether this is the list Keras keeps of what a layer holds."""
    return hasattr(type(value), "is_in_store")


def _is_graph(operation: keras.Operation) -> bool:
    """Whether an operation is a functional or sequential model."""
    graph = hasattr(operation, "operations") or isinstance(operation, keras.Sequential)
    checks.require(
        isinstance(operation, keras.Model) or not graph,
        f"`{operation.name}` must be a keras.Model to be copied",
        type=type(operation).__name__,
    )
    return graph


def _input(model: keras.Sequential) -> list[Any]:
    """Input of a sequential model that knows it, in a list."""
    tensors = model.inputs if getattr(model, "_functional", None) else []
    return [
        keras.Input(batch_shape=each.shape, dtype=each.dtype, name=each.name) for each in tensors
    ]


def _lasting(listed: Any) -> Any:
    """What TensorFlow lists of an object, by name, without what training left."""
    if isinstance(listed, dict):
        return {name: each for name, each in listed.items() if not reach.transient(name)}
    return [each for each in listed if not reach.transient(each.name)]


def _variable(variable: keras.Variable) -> keras.Variable:
    """Variable of the same value and settings."""
    twin: Any = type(variable)(
        ops.copy(variable.value),
        dtype=variable.dtype,
        trainable=variable.trainable,
        name=variable.name,
    )
    for name, each in vars(variable).items():
        if name != "_value" and not name.startswith("_self"):
            vars(twin)[name] = each
    return twin


def _know(tracker: Any) -> None:
    """Tell a copied tracker the ids of what it keeps."""
    if tracker is not None:
        tracker.stored_ids = {
            name: {id(each) for each in store} for name, (_, store) in tracker.config.items()
        }
