import json
import sys
import types

import pandas as pd
import pytest

from benchmarks import gpu, threads
from benchmarks.card import measuring, ours
from benchmarks.card.work import TASKS, Cell
from benchmarks.peers import packages

pytestmark = [pytest.mark.jax, pytest.mark.filterwarnings("default")]


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(measuring, "REPEATS", 1)
    # The rest of a session goes on with what Keras has.
    monkeypatch.setattr(measuring.keras.utils, "clear_session", lambda free_memory: None)


@pytest.fixture
def alone(monkeypatch):
    monkeypatch.setattr(packages, "missing", lambda modules: list(modules))


def run(folder, *arguments):
    measuring.run(gpu.parsed(["--fast", *arguments]), folder, arguments)


def test_the_command_line_is_checked(capsys):
    assert gpu.parsed([]).minutes == 8 and not gpu.parsed([]).fast
    for wrong, said in {
        "--minutes=0": "must be above 0",
        "--batch=0": "whole number from 1",
    }.items():
        with pytest.raises(SystemExit):
            gpu.parsed([wrong])
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        gpu.parsed(["--help"])
    assert f"of: {', '.join(TASKS)}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow_on_jax
def test_a_trial_without_pytorch_writes_whole_rows_and_names_empty_columns(alone, tmp_path, capsys):
    run(tmp_path, "--only", "filter", "heat_map")
    table = pd.read_csv(tmp_path / "gpu.csv")
    assert table["task"].tolist() == ["filter", "heat_map"]
    assert table["bound"].tolist() == ["copy", "matrix"]
    assert (table[["hfc_keras_seconds", "hfc_keras_first_call", "hfc_keras_share"]] > 0).all(
        axis=None
    )
    assert table[measuring.TORCH].isna().all(axis=None)
    said = capsys.readouterr().err
    assert "not installed: torch" in said and ", ".join(measuring.TORCH) in said
    assert '"copy":' in (tmp_path / "gpu.json").read_text()


@pytest.fixture
def two_sides(monkeypatch):
    monkeypatch.setattr(measuring, "FAST_SHAPES", (("resnet18", 8), ("resnet18", 16)))


def test_a_run_that_was_cut_goes_on_behind_its_rows(
    alone, two_sides, tmp_path, monkeypatch, capsys
):
    real = ours.work

    def work(cell, policy):
        if cell.side == 16:
            raise KeyboardInterrupt
        return real(cell, policy)

    with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
        cut.setattr(ours, "work", work)
        run(tmp_path, "--only", "filter")
    before = (tmp_path / "gpu.csv").read_text()
    assert pd.read_csv(tmp_path / "gpu.csv")["side"].tolist() == [8]
    run(tmp_path, "--only", "filter", "--resume", "--minutes", "1e-9")
    assert (tmp_path / "gpu.csv").read_text() == before
    assert "filter, resnet18, 16 x 16 and what follows are left out" in capsys.readouterr().err
    run(tmp_path, "--only", "filter", "--resume")
    assert (tmp_path / "gpu.csv").read_text().startswith(before)
    assert pd.read_csv(tmp_path / "gpu.csv")["side"].tolist() == [8, 16]


def change(name, value):
    def changed(record):
        record[name] = value

    return changed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (change("card", "another"), "card_there='another'"),
        (change("policy", "float64"), "policy_there='float64'"),
        (lambda record: record["versions"].update(keras="2"), "versions_there="),
        (lambda record: record["peers"].update(torch="1"), "peers_there="),
        (lambda record: record.pop("rates"), "must go on with the card, the policy"),
    ],
)
def test_rows_of_another_card_or_version_are_not_gone_on_with(changed, message, alone, tmp_path):
    run(tmp_path, "--only", "filter")
    path = tmp_path / "gpu.json"
    record = json.loads(path.read_text())
    changed(record)
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"`--resume` must go on with") as refused:
        run(tmp_path, "--only", "filter", "--resume")
    assert message in str(refused.value)


@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_every_backend_names_its_card(backend, monkeypatch):
    card = types.SimpleNamespace(platform="gpu", device_kind="H200")
    cuda = types.SimpleNamespace(get_device_name=lambda: "H200", is_available=lambda: True)
    details = types.SimpleNamespace(get_device_details=lambda _: {"device_name": "H200"})
    config = types.SimpleNamespace(list_physical_devices=lambda kind: [card], experimental=details)
    fake = types.SimpleNamespace(devices=lambda: [card], config=config, cuda=cuda)
    monkeypatch.setitem(sys.modules, backend, fake)
    monkeypatch.setattr(measuring.keras.backend, "backend", lambda: backend)
    monkeypatch.setattr(measuring.per_backend, "devices", lambda: ["gpu:0"])
    assert measuring._card() == {"devices": ["gpu:0"], "card": "H200"}


def test_without_a_card_it_is_the_processor(monkeypatch):
    monkeypatch.setattr(measuring.per_backend, "devices", lambda: ["cpu:0"])
    assert measuring._card()["card"] == threads.processor()


def test_the_rates_of_the_first_run_stay(alone, tmp_path, monkeypatch):
    run(tmp_path, "--only", "filter")
    rates = json.loads((tmp_path / "gpu.json").read_text())["rates"]
    monkeypatch.setattr(measuring, "rates", lambda *_: pytest.fail("they are known"))
    monkeypatch.setattr(measuring, "FAST_SHAPES", (("resnet18", 8), ("resnet18", 16)))
    run(tmp_path, "--only", "filter", "--resume")
    assert json.loads((tmp_path / "gpu.json").read_text())["rates"] == rates
    assert len(pd.read_csv(tmp_path / "gpu.csv")) == 2


def test_this_package_attacks_from_the_images_themselves():
    step = ours.work(Cell("pgd", "resnet18", 8, 2, width=1 / 16), "float32")
    assert not step.func.__self__.attack.random_start


@pytest.mark.parametrize("error", ["RESOURCE_EXHAUSTED: Out of memory", "CUDA out of memory."])
def test_a_card_that_is_too_small_gets_no_row_and_a_batch_size(
    error, alone, two_sides, tmp_path, monkeypatch, capsys
):
    real = ours.work

    def work(cell, policy):
        if cell.side == 8:
            raise RuntimeError(error)
        return real(cell, policy)

    monkeypatch.setattr(ours, "work", work)
    run(tmp_path, "--only", "filter", "--batch", "6")
    said = "filter, resnet18, 8 x 8: out of memory with 6 images at once, no row; try --batch 3"
    assert said in capsys.readouterr().err
    assert pd.read_csv(tmp_path / "gpu.csv")["side"].tolist() == [16]


def test_other_errors_are_errors(alone, tmp_path, monkeypatch):
    def work(cell, policy):
        raise RuntimeError("something else")

    monkeypatch.setattr(ours, "work", work)
    with pytest.raises(RuntimeError, match="something else"):
        run(tmp_path)


def test_without_half_precision_it_is_float32(alone, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring.half_precision, "pays", lambda: False)
    run(tmp_path, "--only", "filter")
    assert pd.read_csv(tmp_path / "gpu.csv")["policy"].tolist() == ["float32"]


def test_cells_begin_with_every_task_of_the_first_shape():
    chosen = types.SimpleNamespace(fast=False, only=TASKS, batch=None)
    cells = list(measuring.cells(chosen))
    assert len(cells) == 24
    assert [cell.task for cell in cells[:6]] == list(TASKS)
    assert {(cell.network, cell.side) for cell in cells[:6]} == {("resnet18", 32)}
    assert {cell.batch for cell in cells if cell.side == 224} == {128}


def test_operations_are_those_of_the_passes():
    expected = {"training": 3, "pgd": 23, "standard": 0, "filter": 0, "heat_map": 25}
    for task, passes in {**expected, "sensitivity": 2}.items():
        assert Cell(task, "resnet18", 32, batch=2).operations(10) == passes * 10 * 2
    assert Cell("filter", "resnet18", 8, batch=2).bytes == 3 * 4 * 2 * 8 * 8 * 3


@pytest.mark.slow
def test_a_trial_measures_every_task(alone, tmp_path):
    run(tmp_path)
    table = pd.read_csv(tmp_path / "gpu.csv")
    assert table["task"].tolist() == list(TASKS)
    assert (table["hfc_keras_seconds"] > 0).all()
