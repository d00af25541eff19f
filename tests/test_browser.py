"""The page of a profile in a browser: Chromium opens it from disk."""

import shutil

import pytest
from own import plain

import hfc_keras
from hfc_keras import analysis, data
from hfc_keras.inspection import inspecting
from hfc_keras.inspection.sections import SECTIONS

playwright = pytest.importorskip("playwright.sync_api", reason="needs what the extra dev installs")
pages = pytest.importorskip("own.pages", reason="needs what the extra dev installs")

# What a page on this disk needs; as root there is no sandbox.
FLAGS = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-quic"
).split()
# Nothing is fetched, and a focus is there at once.
QUIET = {"offline": True, "reduced_motion": "reduce"}
SCHEMES = ("light", "dark")
HOSTILE = """<script>broken = 1</script><img src="x" onerror="broken = 1">&amp;'"$\\frac$"""
LONG = "resnet8-bn-adversary=pgd,epsilon:0.0314-examples=10000x4000-epochs=12-seed="
NAMES = ("one model", "two models", "hostile names")


@pytest.fixture(scope="module")
def browser():
    """Chromium of the system."""
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    if not any(found):
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=next(filter(None, found)), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def written(browser, tmp_path_factory):
    """Folder of three pages: all of a model, some of two, and one of names that are markup."""
    digits = data.load("digits", examples=(600, 60))
    model, given = plain.softmax(digits.train), (digits.test.images, digits.test.labels)
    found = {"one model": hfc_keras.inspect(model, *given)}
    with pytest.MonkeyPatch.context() as patch:
        ask(patch, *"answers frequency_accuracy feature_spectrum first_layer high_only".split())
        two = {f"{LONG}{seed}": model for seed in (0, 1)}
        found["two models"] = hfc_keras.inspect(two, *given)
        ask(patch, "answers", "frequency_accuracy")
        patch.setattr(analysis, "frequency_accuracy", fail)
        names = {"class_names": [HOSTILE] * 10, "data_name": HOSTILE}
        found["hostile names"] = hfc_keras.inspect({HOSTILE: model}, *given, **names)
    folder = tmp_path_factory.mktemp("pages")
    for name, profile in found.items():
        (folder / f"{name}.html").write_text(profile.to_html(), encoding="utf-8")
    return folder


def ask(patch, *keys):
    """Ask some questions alone."""
    patch.setattr(inspecting, "SECTIONS", tuple(each for each in SECTIONS if each.key in keys))


def fail(*_, **__):
    raise RuntimeError(f"no room for {HOSTILE}")


@pytest.fixture
def opened(browser, written):
    """Open a page of a name, changed or as it is; return it and its file."""
    contexts = []

    def opened(name, scheme="light", change=None):
        path = written / f"{name}.html"
        if change:
            text = path.read_text(encoding="utf-8")
            assert change[0] in text
            path = written / "changed.html"
            path.write_text(text.replace(*change), encoding="utf-8")
        contexts.append(browser.new_context(color_scheme=scheme, **QUIET))
        page = contexts[-1].new_page()
        page.goto(path.as_uri())
        return page, path

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_fast_without_a_complaint_or_a_request(name, opened):
    assert pages.noises(*opened(name)) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_it_fits_into_windows_of_every_width(name, scheme, opened):
    assert pages.sticking_out(opened(name, scheme)[0]) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_it_is_accessible(name, scheme, opened):
    assert pages.inaccessible(opened(name, scheme)[0]) == []


@pytest.mark.parametrize("name", NAMES)
def test_headings_images_language_and_title_are_in_order(name, opened):
    assert pages.disordered(opened(name)[0]) == []


@pytest.mark.parametrize("name", NAMES)
def test_it_is_printed_whole_on_a4(name, opened):
    assert pages.misprinted(opened(name)[0]) == []


@pytest.mark.parametrize("name", NAMES[:2])
def test_the_keyboard_reaches_everything(name, opened):
    page, _ = opened(name)
    assert pages.unreachable(page) == []
    table = page.locator("details").first
    table.locator("summary").focus()
    page.keyboard.press("Enter")
    assert table.evaluate("each => each.open")


def test_it_is_dark_where_the_reader_wants_it(opened):
    light, dark = (
        opened("one model", scheme)[0].evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in SCHEMES
    )
    assert light == "rgb(255, 255, 255)" and dark != light


def test_names_that_are_markup_are_text(opened):
    page, _ = opened("hostile names")
    assert page.title() == f"Frequency profile of {HOSTILE}"
    assert HOSTILE in page.inner_text("h1") and HOSTILE in page.inner_text(".facts")
    assert f"Failed: RuntimeError: no room for {HOSTILE}" in page.inner_text("section .failed")
    assert page.evaluate("typeof broken") == "undefined"
    assert page.locator("body script, img:not([alt]), [onerror]").count() == 0


def test_two_models_stand_beside_each_other(opened):
    page, _ = opened("two models")
    page.set_viewport_size({"width": 1280, "height": 900})
    table = page.locator(".models")
    assert table.evaluate("each => each.scrollWidth <= each.clientWidth + 1")
    assert table.evaluate("each => each.scrollHeight <= each.clientHeight + 1")
    models = [f"{LONG}{seed}" for seed in (0, 1)]
    assert table.locator("thead th").all_inner_texts()[1:] == models
    assert page.locator("#feature_spectrum figcaption").all_inner_texts() == models


END = "</main>"
FAULTS = {
    "a script": (pages.noises, END, "<script>1</script></main>"),
    "a request": (pages.noises, END, '<img alt="x" src="https://example.org/x"></main>'),
    "too wide": (pages.sticking_out, END, '<div style="width: 40rem">x</div></main>'),
    "a figure too wide": (pages.sticking_out, "overflow-x: auto", "overflow-x: visible"),
    "a figure that scrolls": (pages.sticking_out, "max-width: 100%; height", "height"),
    "pale text": (pages.inaccessible, "--text: #1b1f24", "--text: #dddddd"),
    "an image without text": (pages.disordered, 'alt="', 'title="'),
    "a heading too low": (pages.disordered, "<h2 ", "<h4 "),
    "no ring": (pages.unreachable, "outline: 2px solid", "outline: 0 solid"),
    "another order": (pages.unreachable, 'href="#high_only"', 'href="#high_only" tabindex="1"'),
    "too wide for paper": (pages.misprinted, END, '<div style="width: 20cm">x</div></main>'),
    "a figure in two": (pages.misprinted, "figure, p, li", "p, li"),
    "another paper": (pages.misprinted, "size: A4", "size: letter"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_would_be_seen(fault, opened):
    check, *change = FAULTS[fault]
    page, path = opened("one model", change=change)
    assert check(page, path) if check is pages.noises else check(page)
