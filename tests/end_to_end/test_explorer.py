"""The explorer of a real run, in a browser without network: point at a photograph, filter, and click."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import GreenRun, browser, needs_chromium

HOSTILE = "<img src=x onerror=\"document.title='broken'\"> \U0001f34e"
WITHOUT_A_GPU = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
DATA = re.compile(r'(<script id="data" type="application/json">)(.*?)(</script>)', re.DOTALL)

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
    pytest.mark.timeout(600),
]


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complains of: errors of scripts, and what the page's policy forbids."""
    return []


@pytest.fixture
def page(complaints: list[str]) -> Iterator[Page]:
    with browser(*WITHOUT_A_GPU) as chromium:
        page = chromium.new_context(viewport={"width": 1400, "height": 900}, offline=True).new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        yield page


@pytest.fixture
def explorer(green: GreenRun, page: Page, tmp_path: Path) -> Page:
    """The page of the run `few`, opened from a file; a label of it and a doubt were given a hostile name."""
    assert green.done.returncode == 0, green.done.stderr
    html = (green.machine.run_path("few") / "report" / "explorer.html").read_text(encoding="utf-8")
    found = DATA.search(html)
    assert found
    data = json.loads(found[2])
    data["labels"][1], data["notes"] = HOSTILE, {"0": HOSTILE}
    said = json.dumps(data).replace("<", "\\u003c")
    changed = tmp_path / "explorer.html"
    changed.write_text(html[: found.start(2)] + said + html[found.end(2) :], encoding="utf-8")
    page.goto(changed.as_uri())
    return page


def place_on_screen(page: Page, place: int) -> tuple[float, float]:
    box = page.locator("#map").bounding_box()
    x, y = page.evaluate("place => explorer.screen(place)", place)
    assert box
    return box["x"] + x, box["y"] + y


def test_a_person_points_filters_and_clicks_without_network(explorer: Page, complaints: list[str]) -> None:
    expect(explorer.locator("#count")).to_have_text("30 of 30 photographs")
    place = 4
    explorer.mouse.move(*place_on_screen(explorer, place))
    tip = explorer.locator("#tip")
    expect(tip).to_be_visible()
    label = explorer.evaluate("place => explorer.data.labels[explorer.data.label[place]]", place)
    expect(tip.locator("figcaption")).to_contain_text(label)
    assert tip.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 48

    explorer.mouse.click(*place_on_screen(explorer, place))
    nearest = explorer.locator("#nearest button")
    expect(nearest).to_have_count(12)
    assert explorer.locator("#photograph dd").nth(1).inner_text() == explorer.evaluate("explorer.data.paths[4]")
    nearest.first.click()
    assert explorer.evaluate("explorer.state.chosen") != place

    explorer.get_by_role("checkbox", name="Test").check()
    expect(explorer.locator("#count")).to_have_text("10 of 30 photographs")
    explorer.get_by_role("button", name="Show all").click()
    expect(explorer.locator("#count")).to_have_text("30 of 30 photographs")
    assert complaints == []


def test_a_hostile_label_is_shown_as_text_and_keys_walk_through_what_is_shown(
    explorer: Page, complaints: list[str]
) -> None:
    explorer.fill("#search", "onerror")
    button = explorer.locator("#labels button")
    expect(button).to_have_count(1)
    expect(button.locator(".name")).to_have_text(HOSTILE)
    button.click()
    expect(explorer.locator("#count")).to_have_text("15 of 30 photographs")
    explorer.locator("#map").focus()
    chosen = []
    for key in "nnp":
        explorer.keyboard.press(key)
        chosen.append(explorer.evaluate("explorer.state.chosen"))
    shown = explorer.evaluate("explorer.shown()")
    assert chosen == [shown[0], shown[1], shown[0]]
    expect(explorer.locator("#photograph h2")).to_have_text(HOSTILE)
    assert explorer.title() != "broken"
    assert complaints == []
