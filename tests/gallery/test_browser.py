"""The gallery's page in headless Chromium: search, keyboard, accessibility, nothing runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from unidiff_cli.cli.app import app
from unidiff_cli.files.output import encode
from unidiff_cli.files.record import Record
from unidiff_cli.request import Request

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="the extra [browser] is not installed (axe-playwright-python)"
)
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium here (Debian: chromium)")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]

EVIL = '</script><script>document.title="ran"</script><img src=x onerror="document.title=\'ran\'">'
PROMPTS = ["a red fox in the snow", "an owl at night", "a red car", EVIL, "ein Fuchs", "eine Eule"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """The page of six pictures, opened from its file; whatever it complains of is kept."""
    for seed, prompt in enumerate(PROMPTS):
        record = Record(request=Request(mode="t2i", prompt=prompt, seed=seed, steps=20))
        path = Path("pictures") / f"{seed}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode(Image.new("RGB", (64, 64), (40 * seed, 90, 9)), ".png", [record]))
    Path("pictures/3.txt").write_text(EVIL)
    made = CliRunner().invoke(app, ["gallery", "pictures", "--title", EVIL])
    assert made.exit_code == 0, made.stderr
    context = browser.new_context(viewport={"width": 800, "height": 900})
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("request", lambda asked: page.complaints.append(asked.url))
    page.goto(Path("gallery.html").absolute().as_uri())
    page.complaints = [each for each in page.complaints if not each.startswith(("file:", "data:"))]
    yield page
    context.close()


def shown(page: Any) -> list[str]:
    return [card.inner_text() for card in page.locator(".card").all() if card.is_visible()]


def test_nothing_in_a_caption_or_title_runs(page: Any) -> None:
    assert page.title() == EVIL
    assert page.locator("h1").inner_text() == EVIL
    assert EVIL in shown(page)
    page.get_by_role("button", name=EVIL).click()
    page.wait_for_timeout(100)
    assert page.title() == EVIL
    assert page.locator("script").count() == 1
    assert page.complaints == []


def test_the_policy_stops_what_would_slip_through(page: Any) -> None:
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"ran=1\">')")
    page.wait_for_timeout(200)
    assert page.evaluate("typeof ran") == "undefined"
    assert any("Content Security Policy" in each for each in page.complaints)


def test_search_wants_all_words_and_says_how_many(page: Any) -> None:
    count = page.get_by_role("status")
    assert count.inner_text() == "6 pictures"
    box = page.get_by_role("searchbox", name="Search")
    box.fill("RED")
    assert shown(page) == ["a red fox in the snow", "a red car"]
    assert count.inner_text() == "2 of 6 pictures"
    box.fill("red snow")
    assert shown(page) == ["a red fox in the snow"]
    box.fill("nothing like this")
    assert shown(page) == []
    assert page.locator("#none").is_visible()
    box.press("Escape")
    assert len(shown(page)) == 6


def test_settings_can_be_searched_too(page: Any) -> None:
    page.get_by_role("searchbox").fill("seed4")
    assert shown(page) == ["ein Fuchs"]


def test_it_can_all_be_done_by_keyboard(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("red")
    page.keyboard.press("ArrowDown")
    focus = "document.activeElement.innerText.trim()"
    assert page.evaluate(focus) == "a red fox in the snow"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focus) == "a red car"
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.is_visible()
    assert "a red fox in the snow" in dialog.inner_text()
    page.keyboard.press("ArrowRight")
    assert "a red car" in dialog.inner_text()
    assert "2 of 2" in dialog.inner_text()
    page.keyboard.press("ArrowRight")
    assert "1 of 2" in dialog.inner_text()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    # The dialog tells of its end, and the focus returns, a moment later.
    # (wait_for_function would evaluate its words inside the page, which the page forbids.)
    card = page.locator(".card").filter(has_text="a red car")
    sync_api.expect(card).to_be_focused(timeout=5000)


def test_arrows_follow_the_rows(page: Any) -> None:
    page.locator(".card").first.focus()
    across = page.evaluate("getComputedStyle(pictures).gridTemplateColumns.split(' ').length")
    assert 1 < across < 6
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText.trim()") == PROMPTS[across]
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.innerText.trim()") == PROMPTS[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("dialog", [False, True], ids=["page", "dialog"])
def test_axe_finds_nothing(page: Any, scheme: str, dialog: bool) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme=scheme)
    if dialog:
        page.locator(".card").first.click()
    results = axe.run(page)
    assert results.violations_count == 0, results.generate_report()


def test_a_narrow_screen_needs_no_sideways_scrolling(page: Any) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.locator(".card").first.click()
    assert page.evaluate("closer.scrollWidth <= closer.clientWidth")
