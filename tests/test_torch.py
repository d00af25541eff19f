"""What PyTorch as the backend does in a way of its own; the other tests run with it, too."""

import gc

import keras
import numpy as np
import pytest
from keras import ops

import hfc_keras
from hfc_keras import analysis, arrays, attacks, gradients, losses, models, per_backend
from hfc_keras.analysis.batch_norm import with_statistics
from hfc_keras.attacks import Pgd
from hfc_keras.gradients.compiling import outputs
from hfc_keras.gradients.differentiation import SampleGradient
from hfc_keras.training import AdversarialTraining, FourierRegularized

pytestmark = pytest.mark.jax
ON_TORCH = keras.backend.backend() == "torch"
needs_torch = pytest.mark.skipif(not ON_TORCH, reason="needs the PyTorch backend")
IMAGES = np.random.default_rng(0).random((5, 8, 8, 1), "float32")
LABELS = np.arange(5)


def network(*between, kernel=3):
    layers = [keras.layers.Conv2D(4, kernel, activation="relu"), *between, keras.layers.Flatten()]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers, keras.layers.Dense(10)])


def total(model):
    return lambda x: ops.sum(losses.sample_losses(model(x, training=False), LABELS))


def tensors():
    import torch

    gc.collect()
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())


@needs_torch
class TestRecording:
    """What can be differentiated again, and what leaves without a graph."""

    def test_a_plain_function_leaves_no_graph(self):
        value, gradient = gradients.value_and_gradient(lambda x: ops.sum(x**2), IMAGES)
        assert not value.requires_grad and not gradient.requires_grad

    def test_weights_can_be_differentiated_by(self):
        import torch

        model = network()
        _, gradient = gradients.value_and_gradient(total(model), IMAGES)
        ops.sum(gradient**2).backward()
        assert all(torch.isfinite(each.value.grad).all() for each in model.trainable_variables[::2])

    def test_but_not_within_no_grad_where_gradients_are_the_same(self):
        model = network()
        _, expected = gradients.value_and_gradient(total(model), IMAGES)
        with per_backend.without_gradients():
            value, gradient = gradients.value_and_gradient(total(model), IMAGES)
            _, unconnected = gradients.value_and_gradient(lambda x: ops.sum(ops.zeros(3)), IMAGES)
        assert not value.requires_grad and not gradient.requires_grad
        np.testing.assert_allclose(gradient, expected.detach(), atol=1e-6)
        assert unconnected.shape == IMAGES.shape and not unconnected.any()

    def test_images_that_a_function_also_knows_from_elsewhere_count_once(self):
        import torch

        images = torch.tensor(IMAGES, requires_grad=True)
        _, gradient = gradients.value_and_gradient(lambda x: ops.sum(x * images), images)
        assert torch.equal(gradient, images)

    def test_nothing_compiled_leaves_a_graph(self):
        model = network()
        for function, given in ((outputs, (IMAGES,)), (SampleGradient("margin"), (IMAGES, LABELS))):
            assert not any(
                each.requires_grad for each in gradients.compiled(model, function)(*given)
            )
        assert not AdversarialTraining(model, Pgd(0.1)).attacked(IMAGES, LABELS).requires_grad
        assert all(each.value.grad is None for each in model.variables)

    def test_steps_leave_nothing_behind(self):
        model = network()
        robust = FourierRegularized(model, "low")
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        robust.compile("adam", loss)
        measure = gradients.compiled(model, SampleGradient("cross_entropy"))

        def step():
            measure(IMAGES, LABELS)
            robust.train_on_batch(IMAGES, LABELS)
            return tensors()

        counts = [step() for _ in range(4)]
        assert counts[1] == counts[-1], counts


class TestModels:
    def test_weights_that_change_are_seen_and_smaller_batches_are_taken(self):
        model = network()
        before = gradients.predicted(model, IMAGES, batch_size=2)
        assert before.shape == (5, 10)
        model.set_weights([-2 * each for each in model.get_weights()])
        after = gradients.predicted(model, IMAGES, batch_size=3)
        np.testing.assert_allclose(after, ops.convert_to_numpy(model(IMAGES)), atol=1e-5)
        assert np.abs(after - before).max() > 0.1

    @pytest.mark.parametrize("seed", [None, 1])
    def test_random_layers_draw_the_same_in_every_call(self, seed):
        class Always(keras.layers.Dropout):
            def call(self, inputs, training=None):
                return super().call(inputs, training=True)

        model = network(Always(0.5, seed=seed))
        first = gradients.predicted(model, IMAGES)
        keras.random.uniform((2,))
        assert np.array_equal(first, gradients.predicted(model, IMAGES))

    @needs_torch
    def test_the_users_own_random_numbers_go_on(self):
        import torch

        model = network(keras.layers.Dropout(0.5))
        torch.manual_seed(3)
        expected = torch.rand(2)
        torch.manual_seed(3)
        gradients.predicted(model, IMAGES)
        assert torch.equal(torch.rand(2), expected)

    def test_moments_of_a_batch_are_exact_far_from_zero(self):
        model = network(keras.layers.BatchNormalization(epsilon=1e-6))
        model.layers[0].set_weights([np.ones((3, 3, 1, 4)) / 9, np.full(4, 100.0)])
        maps, before = (keras.Model(model.inputs[0], each.output) for each in model.layers[1::-1])
        values = gradients.predicted(before, IMAGES)
        found = gradients.predicted(with_statistics(maps, "batch"), IMAGES)
        values = values.astype("float64")
        variance = values.var(axis=(0, 1, 2))
        expected = (values - values.mean(axis=(0, 1, 2))) / np.sqrt(variance + 1e-6)
        np.testing.assert_allclose(found, expected, atol=2e-3)


@needs_torch
class TestForeign:
    @pytest.fixture
    def module(self):
        import torch

        parts = [torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU()]
        parts += [torch.nn.Dropout(0.5), torch.nn.Flatten(), torch.nn.Linear(144, 10)]
        return torch.nn.Sequential(*parts)

    @pytest.mark.parametrize("mode", [True, False])
    def test_a_module_in_a_keras_model_is_measured_in_inference_mode(self, module, mode):
        import torch

        wrapper = keras.layers.TorchModuleWrapper(module, output_shape=(None, 10))
        model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Permute((3, 1, 2)), wrapper])
        module.train(mode)
        before = module[1].running_mean.clone()
        labels = np.arange(5) % 10
        table = analysis.frequency_accuracy(model, IMAGES, labels, radii=[2])
        assert table["accuracy"].between(0, 1).all()
        curve = analysis.fourier_sensitivity(model, IMAGES, labels)
        assert curve["mean"].sum() == pytest.approx(1)
        module.eval()
        with torch.no_grad():
            expected = module(torch.tensor(IMAGES).permute(0, 3, 1, 2))
        np.testing.assert_allclose(gradients.predicted(model, IMAGES), expected, atol=1e-5)
        assert torch.equal(before, module[1].running_mean)
        with pytest.raises(ValueError, match="must be made of Keras layers"):
            analysis.frequency_accuracy(model, IMAGES, labels, [2], bn_statistics="batch")

    def test_a_bare_module_is_refused_with_the_remedy(self, module):
        for call in (
            lambda: models.as_classifier(module),
            lambda: analysis.calibration(module, IMAGES, LABELS),
            lambda: hfc_keras.inspect(module, IMAGES, LABELS),
            lambda: AdversarialTraining(module),
        ):
            with pytest.raises(ValueError, match="TorchModuleWrapper.*Received: .*'Sequential'"):
                call()

    def test_tensors_with_gradients_and_of_half_precision_are_numbers(self):
        import torch

        tensor = torch.tensor([0.5, 1.0], requires_grad=True)
        for each in (tensor, 1 * tensor, tensor.to(torch.bfloat16)):
            assert arrays.as_array(each).tolist() == [0.5, 1.0]
        images = torch.tensor(IMAGES, requires_grad=True)
        table = analysis.frequency_accuracy(network(), images, torch.tensor(LABELS), radii=[2])
        assert table["examples"].eq(5).all()
        same = attacks.pgd(network(), images, torch.tensor(LABELS), epsilon=0).images
        np.testing.assert_array_equal(same, IMAGES)


def test_devices_are_listed():
    assert per_backend.devices() and isinstance(per_backend.has_accelerator(), bool)
