"""What is wrong with a page in a browser: every check returns a list of faults."""

import re

from axe_playwright_python.sync_playwright import Axe

WIDTHS = (360, 768, 1280, 1600)
# CSS pixels between the margins of A4.
PAPER_WIDTH, PAPER_HEIGHT = 680, 1009
MOST_BYTES, MOST_MILLISECONDS = 6e6, 2000
# Other tests run beside it.
TRIES = 5

STICKING_OUT = """() => {
    const scrolls = each => ['auto', 'scroll'].includes(getComputedStyle(each).overflowX);
    const width = document.documentElement.clientWidth;
    const inside = each => each && (scrolls(each) || inside(each.parentElement));
    const found = [...document.querySelectorAll('body *')].filter(each => {
        const box = each.getBoundingClientRect();
        const out = box.left < -0.5 || box.right > width + 0.5;
        return box.width && out && !each.closest('.skip') && !inside(each.parentElement);
    }).map(each => each.outerHTML.slice(0, 80));
    if (document.documentElement.scrollWidth > width) found.push('the page scrolls');
    // Only on a phone may a reader have to move a figure.
    for (const each of width > 700 ? document.querySelectorAll('figure') : [])
        if (each.scrollWidth > each.clientWidth) found.push('scrolls: ' + each.ariaLabel);
    return found;
}"""
STRUCTURE = """() => {
    const found = [], levels = [...document.querySelectorAll('h1, h2, h3, h4')];
    levels.forEach((each, place) => {
        const before = place ? +levels[place - 1].tagName[1] : 0;
        if (+each.tagName[1] > before + 1) found.push('heading: ' + each.innerText);
    });
    if (document.querySelectorAll('h1').length != 1) found.push('not one h1');
    for (const each of document.images)
        if (!each.alt.trim() || !each.naturalWidth) found.push('image: ' + each.alt);
    if (document.documentElement.lang != 'en') found.push('no language');
    if (!document.title.trim()) found.push('no title');
    return found;
}"""
FOCUSABLE = """[...document.querySelectorAll('a[href], summary, [tabindex="0"]')]
    .filter(each => each.checkVisibility())"""
FOCUSED = f"""() => {{
    const each = document.activeElement, style = getComputedStyle(each);
    const box = each.getBoundingClientRect();
    return {{
        place: {FOCUSABLE}.indexOf(each),
        ring: style.outlineStyle != 'none' && parseFloat(style.outlineWidth) >= 1,
        seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    }};
}}"""
SPLIT_IN_PRINT = """height => [...document.querySelectorAll('figure, h2, table')]
    .filter(each => each.checkVisibility())
    .filter(each => {
        const style = getComputedStyle(each), kept = each.tagName == 'H2'
            ? style.breakAfter : style.breakInside;
        return kept != 'avoid' || each.getBoundingClientRect().height > height;
    }).map(each => 'split: ' + each.outerHTML.slice(0, 80))"""


def open_tables(page, count):
    """Unfold some tables of a page."""
    page.evaluate(
        """count => [...document.querySelectorAll('details')].slice(0, count)
            .forEach(each => each.open = true)""",
        count,
    )


def noises(page, path):
    """Open a file; what the browser complains of, what else it fetches, whether that takes long."""
    found, own = [], path.as_uri()

    def fetched(request):
        if request.url != own and not request.url.startswith("data:"):
            found.append(request.url)

    page.on("console", lambda message: found.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("request", fetched)
    took, size = (_milliseconds(page, own) for _ in range(TRIES)), path.stat().st_size
    found += [] if any(each < MOST_MILLISECONDS for each in took) else ["slow"]
    return found + (["large"] if size > MOST_BYTES else [])


def _milliseconds(page, address):
    """Time until a page has loaded."""
    page.goto(address, wait_until="load")
    return page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")


def sticking_out(page):
    """What does not fit into the window at some width, with all tables open."""
    open_tables(page, 99)
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{width}: {each}" for each in page.evaluate(STICKING_OUT)]
    return found


def inaccessible(page):
    """What axe-core finds serious or critical, in a narrow and in a wide window.

    One table is open; it takes its time for every cell, and all are made alike.
    """
    open_tables(page, 1)
    found = []
    for width in (WIDTHS[0], WIDTHS[-1]):
        page.set_viewport_size({"width": width, "height": 900})
        rules = Axe().run(page).response["violations"]
        found += [
            f"{width}: {rule['id']}: {rule['nodes'][0]['html'][:80]}"
            for rule in rules
            if rule["impact"] in ("serious", "critical")
        ]
    return found


def disordered(page):
    """Headings out of order, images without a text or not to be shown, no language or title."""
    return page.evaluate(STRUCTURE)


def unreachable(page):
    """What the tabulator key does not reach in the order of the page, or without showing it."""
    found = []
    for place in range(page.evaluate(f"{FOCUSABLE}.length")):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused != {"place": place, "ring": True, "seen": True}:
            found.append(f"{place}: {focused}")
    return found


def misprinted(page):
    """What is cut off or split on A4, and a number of pages that cannot be."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER_WIDTH, "height": PAPER_HEIGHT})
    found = [f"cut off: {each}" for each in page.evaluate(STICKING_OUT)]
    found += page.evaluate(SPLIT_IN_PRINT, PAPER_HEIGHT)
    printed = page.pdf(prefer_css_page_size=True)
    count = len(re.findall(rb"/Type /Page\b", printed))
    figures = page.locator("figure").count()
    if not 1 <= count <= 2 + figures or b"/MediaBox [0 0 594" not in printed:
        found.append(f"{count} pages of {figures} figures")
    return found
