"""Values that no argument was made for, and public calls to try them on."""

import functools

import keras
import numpy as np
import pandas as pd
from hypothesis import strategies as st

from hfc_keras import (
    analysis,
    attacks,
    data,
    gradients,
    kernels,
    layers,
    losses,
    models,
    regularizers,
    singular_values,
    spectrum,
    training,
)

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.random((4, 8, 8, 1), "float32"), np.array([0, 1, 2, 0])
KERNEL, LOGITS = RNG.random((3, 3, 1, 2), "float32"), RNG.random((4, 3), "float32")
SHAPES = [(), (4,), (4, 3), (8, 8, 1), (0, 8, 8, 1), (1, 8, 8, 1), (4, 8, 8, 1), (4, 1, 8, 8)]
SHAPES += [(4, 8, 8, 3), (4, 7, 9, 1), (1, 1, 1, 1), (2, 2, 2, 2, 2)]
ARRAYS = {
    "float": lambda shape: RNG.random(shape).astype("float32"),
    "float64": lambda shape: RNG.random(shape),
    "float16": lambda shape: RNG.random(shape).astype("float16"),
    "levels": lambda shape: 255 * RNG.random(shape),
    "uint8": lambda shape: RNG.integers(0, 256, shape, "uint8"),
    "int": lambda shape: RNG.integers(-1, 4, shape),
    "bool": lambda shape: RNG.random(shape) > 0.5,
    "nan": lambda shape: np.full(shape, np.nan, "float32"),
    "infinity": lambda shape: np.full(shape, np.inf),
    "complex": lambda shape: RNG.random(shape) + 1j,
    "object": lambda shape: np.full(shape, None, object),
    "text": lambda shape: np.full(shape, "a"),
    "dates": lambda shape: np.full(shape, "2020-01-01", "datetime64[D]"),
}
PLAIN = [None, True, False, -1, 0, 1, 2, 3, np.nan, np.inf, -np.inf, -0.5, 0.0, 0.5, 1.5, 40.0]
PLAIN += [1j, "", "low", "nonsense", "\x00", b"bytes", [], [1], [np.nan], ["a"], [None], [[1, 2]]]
PLAIN += [(1, 2), (2, 1), [1, [2]], {}, {"a": 1}, {1, 2}, object, print, range(3), np.float32(2)]
PLAIN += [pd.DataFrame(), pd.Series([1.0, None]), np.array(1), slice(None), Exception("an error")]


def values():
    """Strategy of odd values."""
    arrays = st.builds(
        lambda kind, shape: ARRAYS[kind](shape),
        st.sampled_from(sorted(ARRAYS)),
        st.sampled_from(SHAPES),
    )
    plain = st.sampled_from(range(len(PLAIN))).map(PLAIN.__getitem__)
    return st.one_of(plain, plain, arrays)


@functools.cache
def model():
    """A network so small that compiling it takes longest."""
    parts = [keras.layers.Conv2D(2, 3, activation="relu"), keras.layers.Flatten()]
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((8, 8, 1)), *parts, keras.layers.Dense(3)])
    network(IMAGES)
    return network


def called(layer):
    """A layer that is made and then called in training."""
    return lambda **options: layer(**options)(IMAGES, training=True)


def table():
    rows = {"corruption": ["none", "fog"], "severity": [0, 1], "accuracy": [0.9, 0.8]}
    return pd.DataFrame(rows)


MEASURED = {"model": model, "images": IMAGES, "labels": LABELS, "batch_size": 4}
ATTACK = {"epsilon": 0.1, "norm": "linf", "seed": 0, "clip_min": 0.0, "clip_max": 1.0}
RADII = {"radii": [1, 2.5]}
# Each call by name: a function, and arguments that it takes.
CALLS = {
    "spectrum.split": (spectrum.split, {"images": IMAGES, "radius": 2, "inclusive": True,
                                        "mask": "disc", "unit": "cycles", "clip": None}),
    "spectrum.low_components": (spectrum.low_components, {"images": IMAGES, **RADII}),
    "spectrum.band": (spectrum.band, {"images": IMAGES, "inner": 1, "outer": 3}),
    "spectrum.masked": (spectrum.masked, {"images": IMAGES, "mask": np.ones((8, 8), bool)}),
    "spectrum.radial_mask": (spectrum.radial_mask, {"height": 8, "width": 9, "radius": 2,
                                                    "mask": "disc", "unit": "cycles"}),
    "spectrum.band_mask": (spectrum.band_mask, {"height": 8, "width": 8, "inner": 1, "outer": 2}),
    "spectrum.ring_index": (spectrum.ring_index, {"height": 8, "width": 9}),
    "spectrum.ring_sizes": (spectrum.ring_sizes, {"height": 8, "width": 9}),
    "spectrum.ring_power": (spectrum.ring_power, {"images": IMAGES}),
    "spectrum.ring_shares": (spectrum.ring_shares, {"images": IMAGES}),
    "spectrum.recombine": (spectrum.recombine, {"anchor": IMAGES, "donor": IMAGES[::-1],
                                                "axes": "spatial"}),
    "spectrum.fourier_basis": (spectrum.fourier_basis, {"height": 8, "width": 8, "row": 1,
                                                        "column": 2, "phase": 0.0}),
    "kernels.smooth": (kernels.smooth, {"kernel": KERNEL, "rho": 0.5, "normalize": False}),
    "kernels.roughness": (kernels.roughness, {"kernel": KERNEL}),
    "kernels.energy_beyond": (kernels.energy_beyond, {"kernel": KERNEL, "radius": 2, "size": 8}),
    "kernels.limit_roughness": (kernels.limit_roughness, {"kernel": KERNEL, "limit": 0.5}),
    "losses.sample_losses": (losses.sample_losses, {"logits": LOGITS, "labels": LABELS,
                                                    "loss": "margin"}),
    "losses.targeted_losses": (losses.targeted_losses, {"logits": LOGITS, "labels": LABELS,
                                                        "targets": (LABELS + 1) % 3}),
    "singular_values.split": (singular_values.split, {"images": IMAGES,
                                                      "energy": np.full((4, 1), 0.9)}),
    "gradients.input_gradient": (gradients.input_gradient, {"model": model, "images": IMAGES,
                                                            "labels": LABELS,
                                                            "loss": "cross_entropy"}),
    "data.corrupt": (data.corrupt, {"images": IMAGES, "name": "contrast", "severity": 1,
                                    "seed": 0, "start": 0, "parameters": None}),
    "data.patch_shuffle": (data.patch_shuffle, {"images": IMAGES, "patches": 2, "seed": 0}),
    "data.as_images_like": (data.as_images_like, {"images": IMAGES, "image_shape": (8, 8, 1)}),
    "data.noise_images": (data.noise_images, {"count": 2, "image_shape": (8, 8, 1),
                                              "kind": "uniform"}),
    "data.load": (data.load, {"name": "digits", "examples": 5, "seed": 0, "image_size": None}),
    "data.Split": (data.Split, {"pixels": IMAGES, "labels": LABELS}),
    "data.synthetic": (data.synthetic, {"classes": 2, "examples": (2, 2), "size": 16}),
    "attacks.Fgsm": (attacks.Fgsm, {**ATTACK, "step_size": None, "random_start": False,
                                    "loss": "margin", "targeted": False, "mask": None}),
    "attacks.Pgd": (attacks.Pgd, {**ATTACK, "steps": 2, "restarts": 1, "momentum": 0.0,
                                  "step_size": 0.05, "mask": ("low", 2), "engine": "native"}),
    "attacks.Apgd": (attacks.Apgd, {**ATTACK, "steps": 2, "loss": "dlr", "targets": 0}),
    "attacks.Square": (attacks.Square, {**ATTACK, "queries": 3, "p_init": 0.8}),
    "attacks.standard": (attacks.standard, {**ATTACK, "targets": 9, "queries": 5}),
    "attacks.strong": (attacks.strong, ATTACK),
    "attacks.from_dict": (attacks.from_dict, {"content": {"attack": "pgd", "epsilon": 0.1}}),
    "attacks.fgsm": (attacks.fgsm, {**MEASURED, **ATTACK}),
    "attacks.pgd": (attacks.pgd, {**MEASURED, **ATTACK, "steps": 2}),
    "attacks.run": (attacks.run, {**MEASURED, "attack": attacks.Fgsm(0.1), "stop_early": False,
                                  "positions": None}),
    "regularizers.sensitivity_penalty": (regularizers.sensitivity_penalty,
                                         {"gradients": IMAGES, "kind": "low"}),
    "regularizers.KernelRoughness": (regularizers.KernelRoughness, {"weight": 0.1}),
    "regularizers.MaxRoughness": (regularizers.MaxRoughness, {"limit": 0.1}),
    "models.build": (models.build, {"name": "small_cnn", "input_shape": (8, 8, 1), "classes": 3,
                                    "seed": 0, "dropout": 0.0}),
    "models.as_classifier": (models.as_classifier, {"model": model, "pixels": (0, 1),
                                                    "output": "logits"}),
    "models.first_convolution": (models.first_convolution, {"model": model}),
    "models.smooth_model": (models.smooth_model, {"model": model, "rho": 0.5}),
    "training.Recipe": (training.Recipe, {"dataset": "digits", "model": "small_cnn", "epochs": 2,
                                          "learning_rate": 0.1, "batch_size": 10, "width": 1,
                                          "component": "original", "radius": None,
                                          "optimizer": "sgd", "momentum": 0.9, "seed": 0,
                                          "mix_up": 0.0, "labels": "true", "schedule": "constant",
                                          "milestones": (), "augmentation": "none",
                                          "adversary": None, "regularizer": None,
                                          "examples": 5, "image_size": None, "options": {}}),
    "training.Store": (training.Store, {"root": "store", "published": None}),
    "analysis.kernel_spectra": (analysis.kernel_spectra, {"kernel": KERNEL}),
    "analysis.mean_corruption_error": (analysis.mean_corruption_error, {"table": table(),
                                                                        "normalize": False,
                                                                        "relative": True}),
    "analysis.has_batch_norm": (analysis.has_batch_norm, {"model": model}),
    "analysis.class_spectra": (analysis.class_spectra, {"images": IMAGES, "labels": LABELS}),
    "analysis.perturbation_spectrum": (analysis.perturbation_spectrum,
                                       {"images": IMAGES, "perturbed": IMAGES * 0.9}),
    "analysis.out_of_distribution": (analysis.out_of_distribution,
                                     {"model": model, "inside": IMAGES, "outside": IMAGES * 0.9}),
}  # fmt: skip
ALONE = {key: value for key, value in MEASURED.items() if key != "labels"}
CALLS["analysis.component_probabilities"] = analysis.component_probabilities, {**ALONE, "radius": 2}
CALLS["analysis.feature_spectrum"] = analysis.feature_spectrum, ALONE
CALLS["analysis.shift_consistency"] = analysis.shift_consistency, {**ALONE, "max_shift": 1}
# Measures of a model, with what they take besides.
for name, options in {
    "band_stop_accuracy": {"bands": 2},
    "calibration": {},
    "changed_accuracy": {"change": None},
    "contingency": RADII,
    "corruption_accuracy": {"names": ["contrast"], "severities": [1], "seed": 0, "resume": None},
    "critical_band": {},
    "fourier_heat_map": {"norm": 1.0, "seed": 0, "max_frequency": 1, "step": None, "resume": None},
    "fourier_sensitivity": {},
    "frequency_accuracy": {**RADII, "inclusive": True, "bn_statistics": "moving", "mask": "disc"},
    "hybrid_preference": {},
    "patch_shuffle_accuracy": {"patches": (2,), "seed": 0},
    "reliability": {},
    "robust_accuracy": {"attacks": attacks.Fgsm(0.1), "return_flags": False, "resume": None},
    "spectral_importance": {},
}.items():
    CALLS[f"analysis.{name}"] = getattr(analysis, name), {**MEASURED, **options}
# Layers, made and called.
for name, options in {
    "AmplitudePhaseMix": {"probability": 1.0},
    "AmplitudePhaseSingle": {"probability": 1.0},
    "BandFilter": {"inner": 1, "outer": 3},
    "BlurPool2D": {"pool_size": 3, "strides": 2},
    "ContextualConv2D": {"filters": 4},
    "MaxBlurPool2D": {"pool_size": 2},
    "PixelNoise": {"stddev": 0.1},
    "RadialFilter": {"radius": 2, "component": "low", "inclusive": True},
    "RandomCropFlip": {"padding": 1},
    "SmoothConv2D": {"filters": 2, "kernel_size": 3, "rho": 0.5},
}.items():
    CALLS[f"layers.{name}"] = called(getattr(layers, name)), options


def arguments(name):
    """Arguments of a call, the model made."""
    return {key: value() if value is model else value for key, value in CALLS[name][1].items()}
