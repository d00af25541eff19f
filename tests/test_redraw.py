"""Figures drawn again from tables, with nothing trained or measured."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import pandas as pd
import pytest
from matplotlib.figure import Figure
from own import tiny

from experiments import redraw
from hfc_keras import records
from hfc_keras.lab import scale
from hfc_keras.reporting.drawing.style import with_scale

WORDS = "profile smoke: small_cnn, digits, 40 training images, 1 epoch, seed 0"


def drawn(table, plan):
    """One figure of the table, and one of a network."""
    model, _ = plan.cell("plain", 0).fit()
    figures = {"": Figure(layout="constrained"), "_network": Figure(layout="constrained")}
    figures[""].subplots().plot(table["value"])
    figures["_network"].subplots().bar(0, model.count_params())
    return figures


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Folder of a finished run of one cell, without figures."""
    folder = tmp_path_factory.mktemp("done")
    paths = ["--results", str(folder), "--store", str(folder / "store")]
    tiny.EXPERIMENT.main([*paths, "--recipes", "plain"])
    return folder


@pytest.fixture
def command(done, tmp_path, monkeypatch, capsys):
    """Run the command on a copy of that folder; return status and what was printed."""
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    experiment = dataclasses.replace(tiny.EXPERIMENT, figures=drawn)
    monkeypatch.setattr(tiny, "EXPERIMENT", experiment)
    table = tmp_path / "smoke" / "digits" / "tiny.csv"

    def run(*arguments):
        paths = ["--results", str(tmp_path), "--store", str(tmp_path / "store")]
        chosen = ["--experiments", "own.tiny", "--profile", "smoke", "--dataset", "digits"]
        status = 0
        try:
            redraw.main([*paths, *chosen, *arguments])
        except SystemExit as error:
            status = error.code
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return SimpleNamespace(run=run, folder=tmp_path, table=table)


def test_figures_are_drawn_and_the_table_stays(command, monkeypatch):
    monkeypatch.setattr(tiny, "measure", lambda cell: pytest.fail("measured"))
    before = [path.read_bytes() for path in (command.table, command.table.with_suffix(".json"))]
    status, printed = command.run()
    assert status == 0 and "earlier version" not in printed
    for name in ("tiny", "tiny_network"):
        assert f"wrote {command.table.with_name(name)}.png" in printed
        assert WORDS in command.table.with_name(f"{name}.svg").read_text()
    after = [path.read_bytes() for path in (command.table, command.table.with_suffix(".json"))]
    assert before == after


def test_a_table_of_an_earlier_version_is_drawn_and_named(command):
    path = command.table.with_suffix(".json")
    content = json.loads(path.read_text())
    content["cells"]["plain seed 0"]["key"] = "another"
    path.write_text(json.dumps(records.sealed(content)))
    status, printed = command.run()
    assert status == 0 and f"of other settings or an earlier version: {command.table}" in printed
    assert command.table.with_suffix(".png").exists()


def test_a_network_that_is_not_there_is_named_and_never_trained(command):
    shutil.rmtree(command.folder / "store")
    status, printed = command.run()
    assert status == 0 and f"left as it is: {command.table}" in printed
    assert "network='plain seed 0'" in printed and "wrote" not in printed
    assert not list(command.table.parent.glob("*.png"))


def test_no_table_and_damaged_ones_are_refused(command):
    command.table.write_text(command.table.read_text().replace("accuracy", "error"))
    status, printed = command.run()
    assert status == 2 and printed.startswith("error: ") and "tiny.csv" in printed
    command.table.unlink()
    status, printed = command.run()
    assert status == 2 and "`results` must hold a table" in printed
    status, printed = command.run("--experiments", "none_such")
    assert status == 2 and "Received: experiments='none_such'" in printed


def test_the_scale_tells_ranges_and_leaves_out_what_others_trained(tmp_path):
    settings = tiny.Settings(results=tmp_path)
    plain = tiny.recipes(settings)["plain"]
    recipes = {"plain": plain, "long": plain.but(epochs=12, model="lenet5", examples=(60, 20))}
    plan = SimpleNamespace(recipes=recipes, settings=settings)
    table = pd.DataFrame({"recipe": ["plain", "long"], "seed": [1, 0]})
    words = "profile smoke: digits, 40 to 60 training images, 1 to 12 epochs, seeds 0 1"
    assert scale.in_words(table, plan) == words
    assert scale.in_words(table.assign(recipe="given"), plan) == ""


def test_the_scale_stands_above_the_figure_in_room_of_its_own():
    figure = Figure(figsize=(4, 2), layout="constrained")
    axes = figure.subplots()
    axes.set_title("title")
    assert with_scale(figure, "") is figure and figure.get_figheight() == 2
    with_scale(figure, WORDS)
    figure.draw_without_rendering()
    (words,) = figure.texts
    assert figure.get_figheight() > 2
    assert not words.get_window_extent().overlaps(axes.title.get_window_extent())
    headed = Figure(figsize=(4, 2), layout="constrained")
    headed.suptitle("heading", fontsize=8)
    with_scale(headed, "12 epochs")
    assert headed.get_suptitle() == "heading\n12 epochs" and headed.texts[0].get_fontsize() == 8
