import io

import matplotlib
import numpy as np
import pytest

from hfc_keras.reporting.figures.gallery import component_gallery

PARTS = ("original", "low", "high")


def gallery(names):
    images = dict.fromkeys(PARTS, np.zeros((2, 8, 8, 1)))
    confidences = dict.fromkeys(PARTS, np.full((2, len(names)), 1 / len(names)))
    return component_gallery(images, confidences, [0, 1], names, f"answer {names[0]!r}")


@pytest.mark.few(3)
@pytest.mark.parametrize(
    "names",
    [["$x$", "dog"], ["$", "a$b"], [r"$\frac", "$$"], ["US$ 5$ bill", r"\$5$"], ["a_b^c", "%"]],
)
@pytest.mark.parametrize("form", ["png", "svg"])
def test_dollar_signs_are_drawn_as_they_are(names, form, monkeypatch):
    def formula(*args, **options):
        pytest.fail("a name was read as a formula")

    monkeypatch.setattr(matplotlib.mathtext.MathTextParser, "parse", formula)
    figure = gallery(names)
    figure.savefig(io.BytesIO(), format=form)
    assert figure.axes[0].get_title() == f"image: {names[0]}"
    written = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert set(names) <= written
