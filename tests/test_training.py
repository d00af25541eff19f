import dataclasses
import functools
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from own.trainings import whole_and_resumed

from hfc_keras import training
from hfc_keras.attacks import Fgsm, Pgd
from hfc_keras.training import Recipe, fitting

pytestmark = pytest.mark.jax

SLOW = functools.partial(pytest.param, marks=pytest.mark.slow_on_jax)

TINY = Recipe(
    dataset="digits",
    examples=(120, 60),
    model="small_cnn",
    width=0.25,
    learning_rate=1e-2,
    batch_size=50,
    epochs=3,
)
# Dropout, augmentation, mix-up and batch normalization: all that could break a resume.
RANDOM = TINY.but(
    dropout=0.5, augmentation="crop_flip", mix_up=0.4, normalization="batch", schedule="cosine"
)
# The fields of a fast training.
FAST = RANDOM.but(
    schedule="one_cycle",
    optimizer="sgd",
    momentum=0.9,
    nesterov=True,
    weight_decay=5e-3,
    label_smoothing=0.2,
    flip="alternating",
    crop_padding=1,
)


@pytest.fixture(scope="module")
def whole():
    """Model and history of RANDOM."""
    return training.fit(RANDOM)


def epoch_files(root, recipe):
    """Files of the finished epochs and when they were written."""
    folder = training.Store(root).folder(recipe)
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("epoch-*.npz")}


def same_weights(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


class TestRecipe:
    def test_hash_depends_on_values_not_on_spelling(self):
        low = Recipe(component="low", radius=8, epochs=5)
        assert low.hash == Recipe(radius=8.0, epochs=5.0, component="low").hash
        assert low.hash == low.but(seed=0).hash
        assert low.hash != low.but(radius=9).hash
        assert len({low, low.but(), low.but(seed=1)}) == 2

    def test_hash_of_an_old_recipe_never_changes(self):
        digest = "969b0836ed6eb89a"
        recipe = Recipe(dataset="cifar10", normalization="batch", epochs=15, learning_rate=2e-3)
        assert recipe.to_dict() == {
            "dataset": "cifar10",
            "normalization": "batch",
            "epochs": 15,
            "learning_rate": 0.002,
        }
        assert recipe.hash[:16] == digest

    def test_json_round_trip(self):
        recipe = RANDOM.but(options={"stem": "cifar"}, examples=(7, 8), radius=2, component="high")
        assert Recipe(**recipe.to_dict()) == recipe
        recipe = recipe.but(options={"mean": [0.5, 1.0], "std": (1, 1)})
        again = Recipe(**json.loads(json.dumps(recipe.to_dict())))
        assert again == recipe and again.hash == recipe.hash

    def test_is_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            TINY.epochs = 4

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"epoch": 3}, "nearest: 'epochs'"),
            ({"epochs": 0}, "Received: epochs=0"),
            ({"epochs": 1.5}, "Received: epochs=1.5"),
            ({"learning_rate": -1}, "Received: learning_rate=-1"),
            ({"learning_rate": float("nan")}, "Received: learning_rate=nan"),
            ({"dropout": 1.0}, "Received: dropout=1.0"),
            ({"optimizer": "adm"}, "nearest: 'adam'.*Received: optimizer='adm'"),
            ({"model": "resnet9"}, "nearest: 'resnet.*Received: model='resnet9'"),
            ({"labels": "random"}, "Received: labels='random'"),
            ({"component": "low"}, "Received: component='low', radius=None"),
            ({"radius": -2}, "Received: radius=-2"),
            ({"examples": 0}, "Received: examples=0"),
            ({"examples": (1, 2, 3)}, "Received: examples="),
            ({"examples": np.array(0)}, "Received: examples="),
            ({"rescale": "yes"}, "Received: rescale='yes'"),
            ({"options": 3}, "Received: options=3"),
            ({"options": {"width": 2}}, "`options` must not hold a field of Recipe"),
            ({"options": {"stem": object()}}, "Received: options="),
            ({"dataset": 3}, "Received: dataset=3"),
            ({"milestones": (30,)}, "'step' with milestones.*Received: schedule='constant'"),
            ({"schedule": "step", "milestones": 30}, "ascending order. Received: milestones=30"),
            ({"schedule": "step", "milestones": (60, 30)}, r"order. Received: .*\(60, 30\)"),
            ({"schedule": "step", "milestones": (0, 30)}, "Received: milestones=0"),
            ({"schedule": "step", "milestones": (30, 100)}, "below `epochs`.*epochs=100"),
            ({"schedule": "step", "step_factor": 2}, "Received: step_factor=2"),
            ({"step_factor": 0.5}, "'step' with a step_factor.*step_factor=0.5"),
            ({"nesterov": True, "momentum": 0.9}, "'sgd'.*Received: optimizer='adam'"),
            ({"nesterov": True, "optimizer": "sgd"}, "with a momentum.*momentum=0.0"),
            ({"precision": "bfloat16"}, "nearest: 'mixed_bfloat16'.*precision='bfloat16'"),
            ({"precision": "mixed_float16"}, "nearest: 'mixed_bfloat16'.*='mixed_float16'"),
            ({"precision": 16}, "'float32'.*'mixed_bfloat16'.*Received: precision=16"),
            ({"schedule": "onecycle"}, "nearest: 'one_cycle'"),
            ({"warmup": 1.0}, "Received: warmup=1.0"),
            ({"warmup": -0.1}, "Received: warmup=-0.1"),
            ({"schedule": "step", "warmup": 0.4}, "before the first step.*warmup=0.4"),
            (
                {"schedule": "step", "milestones": (20, 90), "warmup": 0.2},
                r"before the first step.*milestones=\(20, 90\)",
            ),
            ({"label_smoothing": 1.0}, "Received: label_smoothing=1.0"),
            ({"label_smoothing": -0.1}, "Received: label_smoothing=-0.1"),
            ({"flip": "alternating"}, "'crop_flip'.*flip='alternating'"),
            ({"flip": "never", "augmentation": "crop_flip"}, "Received: flip='never'"),
            ({"crop_padding": 2}, "'crop_flip'.*crop_padding=2"),
            ({"crop_padding": 2.5, "augmentation": "crop_flip"}, "crop_padding=2.5"),
            (
                {"options": {"zero_logits": True}, "regularizer": "low"},
                "`zero_logits` must be False with a regularizer",
            ),
        ],
    )
    def test_wrong_fields_are_refused(self, changes, message):
        with pytest.raises(ValueError, match=message):
            Recipe(**changes)
        with pytest.raises(ValueError, match=message):
            Recipe().but(**changes)


class TestFit:
    def test_learns_and_reports(self):
        model, history = training.fit(TINY.but(epochs=8))
        assert list(history.columns) == ["epoch", "loss", "accuracy", "val_accuracy"]
        assert history["epoch"].tolist() == list(range(1, 9))
        assert history["loss"].iloc[-1] < 0.7 * history["loss"].iloc[0]
        test = fitting.load_data(TINY).test
        predicted = model.predict(test.images, verbose=0).argmax(axis=1)
        assert np.isclose((predicted == test.labels).mean(), history["val_accuracy"].iloc[-1])

    @pytest.mark.slow_on_jax
    def test_same_recipe_same_weights_other_seed_other_weights(self, whole):
        assert same_weights(whole[0], training.fit(RANDOM)[0])
        assert not same_weights(whole[0], training.fit(RANDOM.but(seed=1))[0])

    @pytest.mark.slow
    @pytest.mark.parametrize("stop_after", [SLOW(1), 2])
    def test_an_interrupted_training_ends_as_the_uninterrupted_one(
        self, tmp_path, monkeypatch, stop_after, whole
    ):
        save_epoch = training.Store.save_epoch

        def stop(self, recipe, dataset, model, history):
            save_epoch(self, recipe, dataset, model, history)
            if len(history) == stop_after:
                raise KeyboardInterrupt

        monkeypatch.setattr(training.Store, "save_epoch", stop)
        with pytest.raises(KeyboardInterrupt):
            training.fit(RANDOM, tmp_path / "torn")
        monkeypatch.undo()
        first = epoch_files(tmp_path / "torn", RANDOM)
        resumed, history = training.fit(RANDOM, tmp_path / "torn")
        assert first.items() <= epoch_files(tmp_path / "torn", RANDOM).items()
        assert same_weights(whole[0], resumed)
        pd.testing.assert_frame_equal(history, whole[1], check_exact=True)

    @pytest.mark.slow
    @pytest.mark.slow_on_jax
    def test_a_fast_training_resumes_bit_for_bit(self, tmp_path, monkeypatch):
        whole, resumed = whole_and_resumed(FAST, tmp_path, monkeypatch)
        assert same_weights(whole[0], resumed[0])
        pd.testing.assert_frame_equal(whole[1], resumed[1], check_exact=True)

    @pytest.mark.slow
    @pytest.mark.slow_on_jax
    def test_a_killed_training_ends_as_the_uninterrupted_one(self, tmp_path, whole):
        """Killed while it writes its third epoch, half of which is there."""
        code = """
import json, os, signal, sys
sys.path.insert(0, sys.argv[3])
from own import graphs
from hfc_keras import files, training
graphs.leave_unoptimized()
write = files.write_whole
def killed(path, content):
    if path.name == "epoch-0003.npz":
        path.with_name(".epoch-0003.npz.tmp").write_bytes(content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, content)
files.write_whole = killed
training.fit(training.Recipe(**json.loads(sys.argv[1])), sys.argv[2])
"""
        arguments = [json.dumps(RANDOM.to_dict()), str(tmp_path), str(Path(__file__).parent)]
        process = subprocess.run([sys.executable, "-c", code, *arguments], check=False)
        assert process.returncode == -signal.SIGKILL
        store, before = training.Store(tmp_path), epoch_files(tmp_path, RANDOM)
        assert len(store.progress(RANDOM)["history"]) == len(before) == 2
        resumed, history = training.fit(RANDOM, store)
        assert before.items() <= epoch_files(tmp_path, RANDOM).items()
        assert same_weights(whole[0], resumed)
        pd.testing.assert_frame_equal(history, whole[1], check_exact=True)

    def test_a_diverging_training_stops_and_says_so(self, tmp_path):
        recipe = TINY.but(optimizer="sgd", learning_rate=1e12, epochs=5)
        with pytest.raises(FloatingPointError, match="lower `learning_rate`"):
            training.fit(recipe, tmp_path)

    @pytest.mark.parametrize(
        ("changes", "kinds"),
        [
            ({"component": "low", "radius": 2}, ["RadialFilter"]),
            (
                {"component": "high", "radius": 2, "rescale": True, "augmentation": "crop_flip"},
                ["RadialFilter", "RescaleToMax", "RandomCropFlip"],
            ),
            ({"mix_up": 0.5}, ["MixUp"]),
            ({"mix_up": 0.5, "mix_up_weight": "batch"}, ["BatchMixUp"]),
        ],
    )
    def test_recipe_decides_the_layers(self, changes, kinds):
        recipe = TINY.but(**changes)
        batches = fitting.training_batches(recipe, fitting.load_data(recipe))
        chosen = batches.image_layers + batches.pair_layers
        assert [type(layer).__name__ for layer in chosen] == kinds

    @pytest.mark.slow_on_jax
    @pytest.mark.slow
    @pytest.mark.parametrize("changes", [{}, {"mix_up": 0.4}, {"normalization": "batch"}], ids=str)
    def test_label_smoothing_is_in_the_training_loss_alone(self, changes):
        recipe = TINY.but(label_smoothing=0.3, learning_rate=0, epochs=1, **changes)
        smoothed, plain = (training.fit(recipe.but(label_smoothing=s))[1] for s in (0.3, 0))
        # At rate 0 the network is the same; its loss is that of the smoothed labels.
        run = fitting._Training(recipe, None, None)
        losses, split = [], run.batches.split
        for step in range(len(run.batches)):
            rows, *others = run.batches.draws(step)
            pixels, labels = split.pixels[rows], split.labels[rows].astype("int32")
            images, labels = run.batches.transform(pixels, labels, *others)
            logits = run.model(images, training=True)
            target = 0.7 * np.asarray(labels) + 0.3 / 10
            entropy = keras.ops.categorical_crossentropy(target, logits, from_logits=True)
            losses += np.asarray(entropy).tolist()
        assert np.isclose(smoothed["loss"].iloc[0], np.mean(losses), rtol=1e-4)
        assert smoothed["loss"].iloc[0] != plain["loss"].iloc[0]
        assert smoothed["val_accuracy"].iloc[0] == plain["val_accuracy"].iloc[0]

    @pytest.mark.slow_on_jax
    @pytest.mark.few(1)
    @pytest.mark.parametrize(
        "changes", [{}, {"adversary": Pgd(0.1, steps=2)}, {"regularizer": "low"}], ids=str
    )
    def test_validation_and_the_returned_model_have_the_plain_loss(self, changes, monkeypatch):
        seen = []
        stop = fitting._Training.stop_at_nonfinite

        def look(self, epoch, logs=None):
            seen.append(logs["val_loss"])
            stop(self, epoch, logs)

        monkeypatch.setattr(fitting._Training, "stop_at_nonfinite", look)
        model, history = training.fit(TINY.but(label_smoothing=0.3, **changes))
        test = fitting.load_data(TINY).test
        one_hot = np.eye(10)[test.labels]
        result = model.evaluate(test.images, one_hot, verbose=0, return_dict=True)
        entropy = keras.ops.categorical_crossentropy(
            one_hot, model.predict(test.images, verbose=0), from_logits=True
        )
        assert np.isclose(result["loss"], np.mean(np.asarray(entropy)), rtol=1e-4)
        assert np.isclose(result["loss"], seen[-1], rtol=1e-4) and len(seen) == 3
        assert np.isclose(result["accuracy"], history["val_accuracy"].iloc[-1])

    @pytest.mark.slow_on_jax
    def test_an_adversary_attacks_the_labels_as_they_are(self):
        recipe = TINY.but(adversary=Pgd(0.1, steps=2, random_start=False), label_smoothing=0.5)
        images = fitting.load_data(recipe).train.images[:20]
        labels = np.eye(10)[fitting.load_data(recipe).train.labels[:20]].astype("float32")
        smoothed, plain = (
            fitting._Training(recipe.but(label_smoothing=s), None, None).trained for s in (0.5, 0)
        )
        np.testing.assert_array_equal(
            np.asarray(smoothed.attacked(images, labels)),
            np.asarray(plain.attacked(images, labels)),
        )

    @pytest.mark.slow_on_jax
    @pytest.mark.few(1)
    @pytest.mark.parametrize("adversary", [None, Fgsm(0.02), Pgd(0.02, steps=2)], ids=str)
    def test_logits_that_start_at_zero_learn(self, adversary):
        recipe = TINY.but(options={"zero_logits": True}, adversary=adversary, epochs=6)
        run = fitting._Training(recipe, None, None)
        assert not run.model.get_layer("logits").get_weights()[0].any()
        _, history = run.run()
        assert np.isclose(history["loss"].iloc[0], np.log(10), atol=0.2)
        assert history["loss"].iloc[-1] < 0.9 * np.log(10)

    def test_shuffled_labels_are_those_of_the_seed(self):
        recipe = TINY.but(labels="shuffled")
        dataset = fitting.load_data(recipe)
        one, two, other = (
            fitting.training_batches(recipe.but(seed=seed), dataset).split.labels
            for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(one, two)
        assert (one != other).any() and (one != dataset.train.labels).any()

    @pytest.mark.parametrize("name", ["adam", "sgd", "adagrad", "adadelta", "rmsprop"])
    @pytest.mark.parametrize(
        ("schedule", "last"),
        [("constant", 1.0), ("cosine", 0.0), ("step", 0.01)],
    )
    def test_optimizers_and_schedules(self, name, schedule, last):
        recipe = Recipe(optimizer=name, schedule=schedule, learning_rate=0.1, weight_decay=1e-3)
        optimizer = fitting.build_optimizer(recipe, steps=90)
        assert type(optimizer).__name__.lower() == name
        assert optimizer.weight_decay == 1e-3
        optimizer.build([keras.Variable(1.0)])
        assert np.isclose(float(optimizer.learning_rate), 0.1)
        optimizer.iterations.assign(90)
        assert np.isclose(float(optimizer.learning_rate), 0.1 * last)

    def test_milestones_factor_and_nesterov(self):
        recipe = Recipe(
            optimizer="sgd",
            momentum=0.9,
            nesterov=True,
            learning_rate=0.1,
            epochs=200,
            schedule="step",
            milestones=[60, 120],
            step_factor=0.2,
        )
        assert Recipe(**json.loads(json.dumps(recipe.to_dict()))) == recipe
        optimizer = fitting.build_optimizer(recipe, steps=400)
        assert (
            optimizer.nesterov
            and not fitting.build_optimizer(TINY.but(optimizer="sgd"), 9).nesterov
        )
        optimizer.build([keras.Variable(1.0)])
        rates = []
        for step in (0, 120, 121, 240, 241, 400):
            optimizer.iterations.assign(step)
            rates.append(float(optimizer.learning_rate))
        np.testing.assert_allclose(rates, [0.1, 0.1, 0.02, 0.02, 0.004, 0.004], rtol=1e-6)


class TestStore:
    def test_finished_training_is_not_repeated(self, tmp_path, monkeypatch):
        store = training.Store(tmp_path)
        model, history = training.fit(TINY, store)
        monkeypatch.setattr(fitting._Training, "train", None)
        again, same_history = training.fit(TINY, store)
        assert same_weights(model, again)
        pd.testing.assert_frame_equal(history, same_history)

    @pytest.mark.slow_on_jax
    def test_every_epoch_is_kept(self, tmp_path):
        store = training.Store(tmp_path)
        model, _ = training.fit(TINY, store)
        assert store.epochs(TINY) == [1, 2, 3]
        pairs = zip(store.weights(TINY, 3), model.get_weights(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
        with pytest.raises(ValueError, match="Received: epoch=4"):
            store.weights(TINY, 4)

    @pytest.mark.slow_on_jax
    def test_large_models_keep_the_last_epoch(self, tmp_path, monkeypatch):
        monkeypatch.setattr("hfc_keras.training.store.SMALL_MODEL", 10)
        store = training.Store(tmp_path)
        training.fit(TINY, store)
        assert store.epochs(TINY) == [3]

    @pytest.mark.slow_on_jax
    @pytest.mark.few(1)
    @pytest.mark.parametrize("damage", ["truncate", SLOW("flip")])
    def test_damaged_progress_is_noticed_and_the_one_before_counts(self, tmp_path, damage):
        store = training.Store(tmp_path)
        model, _ = training.fit(TINY, store)
        path = store.folder(TINY) / "progress.npz"
        content = bytearray(path.read_bytes())
        if damage == "truncate":
            content = content[: len(content) // 2]
        else:
            content[len(content) // 2] ^= 1
        path.write_bytes(content)
        before = epoch_files(tmp_path, TINY)
        with pytest.warns(UserWarning, match="Training goes back"):
            again, _ = training.fit(TINY, store)
        assert same_weights(model, again)
        after = epoch_files(tmp_path, TINY)
        changed = {name for name in before if before[name] != after[name]}
        assert changed == {"epoch-0003.npz"}

    @pytest.mark.slow_on_jax
    def test_published_model_is_found_and_loads_by_itself(self, tmp_path, fresh_python):
        store = training.Store(tmp_path / "store", published=tmp_path / "models")
        model, history = training.fit(RANDOM, store)
        path = store.publish(RANDOM, fitting.load_data(RANDOM), model, history)
        elsewhere = training.Store(tmp_path / "other", published=tmp_path / "models")
        found, found_history = training.fit(RANDOM, elsewhere)
        assert same_weights(model, found)
        assert elsewhere.epochs(RANDOM) == []
        pd.testing.assert_frame_equal(history, found_history)
        code = """
import sys, keras
model = keras.models.load_model(sys.argv[1])
print(model.count_params(), model.compiled)
"""
        assert fresh_python(code, path) == f"{model.count_params()} False"

    def test_data_that_changed_under_their_name_are_refused(self, tmp_path, rng):
        def write():
            pixels, labels = rng.integers(0, 256, (20, 8, 8, 1), "uint8"), np.arange(20) % 2
            path = tmp_path / "own.npz"
            np.savez(path, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
            return TINY.but(dataset=path, examples=None, epochs=1)

        store = training.Store(tmp_path / "store", published=tmp_path / "models")
        recipe = write()
        store.check_data(recipe, fitting.load_data(recipe))
        recipe = write()
        trained = training.fit(recipe, store)
        store.publish(recipe, fitting.load_data(recipe), *trained)
        assert store.published_weights(recipe, fitting.load_data(recipe))
        with pytest.raises(ValueError, match="must hold what it held.*Received: dataset="):
            training.fit(write(), store)
        assert store.published_weights(recipe, fitting.load_data(recipe)) is None

    def test_a_second_process_waits_and_says_so(self, tmp_path):
        store, entered = training.Store(tmp_path), []

        def second():
            with pytest.warns(UserWarning, match="Waiting: `store`"), store.lock(TINY):
                entered.append(time.perf_counter())

        with store.lock(TINY):
            thread = threading.Thread(target=second)
            thread.start()
            time.sleep(0.3)
            left = time.perf_counter()
        thread.join()
        assert entered[0] > left

    def test_measures_are_computed_once(self, tmp_path):
        store, calls = training.Store(tmp_path), []

        def compute():
            calls.append(1)
            return pd.DataFrame({"accuracy": [0.1 + 0.2], "radius": [np.nan]})

        dataset = fitting.load_data(TINY)
        tables = [store.measured(TINY, dataset, "name", {"radii": [1]}, compute) for _ in range(2)]
        pd.testing.assert_frame_equal(*tables, check_exact=True)
        store.measured(TINY, dataset, "name", {"radii": [2]}, compute)
        assert len(calls) == 2
        store.measured(TINY, dataset.subset(50), "name", {"radii": [1]}, compute)
        assert len(calls) == 3

    def test_a_store_that_cannot_be_written_is_refused(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(ValueError, match="`store` must be a folder that can be written"):
            training.fit(TINY, tmp_path / "file" / "store")


@pytest.mark.parametrize("verbose", [None, 0, 2])
def test_what_a_training_prints_is_asked_for(verbose, capsys):
    recipe = Recipe(dataset="digits", examples=(20, 10), model="small_cnn", epochs=1)
    training.fit(recipe, verbose=verbose)
    # Nobody watches a test, so that None is silent.
    assert ("val_accuracy" in capsys.readouterr().out) == (verbose == 2)
    with pytest.raises(ValueError, match="`verbose` must be one of"):
        training.fit(recipe, verbose=3)
