"""The page in headless Chromium: what a reader sees and does, without one request to elsewhere."""

from __future__ import annotations

import dataclasses
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from fastapi.testclient import TestClient

from ecgml.drift.characteristics import characteristics
from ecgml.drift.reference import Reference
from ecgml.records.reading import formats
from ecgml.training.checkpoint import save_checkpoint
from tests.servers import free_port, running
from tests.untrained import untrained_checkpoint

webdriver = pytest.importorskip("selenium.webdriver")
DRIVER = shutil.which("chromedriver")

in_browser = pytest.mark.skipif(DRIVER is None, reason="needs chromium and chromium-driver")
WAIT_S = 60


def test_files_of_the_page_come_with_a_strict_policy(client: TestClient) -> None:
    for path in ("/", "/page/app.js", "/page/base.css", "/page/style.css", "/v1/demos/sinus-rhythm.csv.gz"):
        response = client.get(path)
        assert response.status_code == 200, path
        assert "default-src 'none'" in response.headers["content-security-policy"]
    for path in ("/page/none.js", "/page/..%2fapp.py", "/page/demos", "/page/base.html", "/page/index.html"):
        assert client.get(path).status_code == 404, path


def test_the_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    for path in ("/", "/page/app.js", "/page/paper.js", "/page/calipers.js", "/page/base.css", "/page/style.css"):
        addresses = re.findall(r"https?://[^\s\"'`)]+", client.get(path).text)
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, path


def test_the_page_names_the_formats_that_are_read(client: TestClient) -> None:
    page = client.get("/").text
    assert all(known.name in page for known in formats())


def test_the_card_is_markdown_or_html_without_markup_of_its_own(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = "# Model\n\n* Data: `a` <script>alert(1)</script> <img src=x>\n"
    monkeypatch.setattr("ecgml.service.model_card.card_of", lambda address: card)
    assert client.get("/v1/card").text == card
    response = client.get("/v1/card", headers={"Accept": "text/html"})
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "<h1>Model</h1>" in response.text
    assert "Data: <code>a</code> &lt;script&gt;" in response.text
    assert "<img" not in response.text


def test_every_demo_is_answered(client: TestClient) -> None:
    for demo in client.get("/v1/demos").json():
        data = client.get(f"/v1/demos/{demo['name']}").content
        fields = {"fs": "500", "unit": "uV", "draw": "true"}
        (answer,) = client.post("/v1/predict", files=[("file", (demo["name"], data))], data=fields).json()["results"]
        assert not answer["notes"], demo
        assert answer["drawing"]["n_times"] == 5000
        assert [name for name, _ in answer["drawing"]["beat"]["marks"]][-3:] == ["QRS onset", "QRS offset", "T offset"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return headless Chromium."""
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for word in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_window_size(1280, 1600)
    driver.implicitly_wait(0)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve an untrained model; give the page's address."""
    folder = tmp_path_factory.mktemp("model")
    save_checkpoint(untrained_checkpoint(), folder / "checkpoint")
    port = free_port()
    words = [sys.executable, "-m", "ecgml", "serve", str(folder / "checkpoint"), "--port", str(port)]
    with running(words, f"http://127.0.0.1:{port}/ping", folder / "log"):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def page(browser: Any, address: str) -> Any:
    """Open the page and wait for its examples."""
    browser.get(address)
    until(browser, lambda: find(browser, "#demos button"))
    return browser


def find(browser: Any, selector: str) -> list[Any]:
    """Return the elements of a CSS selector."""
    return browser.find_elements("css selector", selector)


def text(browser: Any, identity: str) -> str:
    """Return what an element says."""
    return browser.find_element("id", identity).text


def until(browser: Any, condition: Callable[[], Any]) -> None:
    """Wait until a condition holds."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, WAIT_S).until(lambda _: condition())


def choose(browser: Any, identity: str, value: str) -> None:
    """Choose an option of a select."""
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element("id", identity)).select_by_value(value)


def show_demo(page: Any) -> None:
    """Send the first example and wait for its drawing."""
    find(page, "#demos button")[0].click()
    until(page, lambda: find(page, "#paper svg .trace"))


@pytest.mark.slow
@in_browser
def test_an_example_is_drawn_and_answered(page: Any) -> None:
    show_demo(page)
    assert text(page, "status") == "1 answered."
    assert "with a probability of" in text(page, "answer")
    assert "Ventricular rate" in text(page, "measurements")
    assert "usable" in text(page, "quality")
    assert find(page, "#beat svg .mark")
    assert "Not a medical device" in page.find_element("tag name", "body").text
    # A model from a folder has no card: that 404 is the only word in the console.
    assert all("v1/card" in entry["message"] for entry in page.get_log("browser"))


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize(("layout", "n_leads"), [("3x4", 12), ("3x4+1", 13), ("6x2", 12), ("12x1", 12)])
def test_every_layout_shows_its_leads(page: Any, layout: str, n_leads: int) -> None:
    show_demo(page)
    choose(page, "layout", layout)
    assert len(find(page, "#paper svg .lead")) == n_leads


@pytest.mark.slow
@in_browser
def test_a_print_is_true_to_size_at_every_speed_and_gain(page: Any) -> None:
    """10 s are 250 or 500 mm, and the pulse of 1 mV is as high as the gain says: the page counts in millimetres."""
    show_demo(page)
    choose(page, "layout", "12x1")
    choose(page, "zoom", "1")
    for speed in (25, 50):
        for gain in (5, 10, 20):
            choose(page, "speed", str(speed))
            choose(page, "gain", str(gain))
            svg = find(page, "#paper svg")[0]
            width, height = (float(svg.get_dom_attribute(name).removesuffix("mm")) for name in ("width", "height"))
            _, _, *box = map(float, svg.get_dom_attribute("viewBox").split())
            assert [width, height] == pytest.approx(box, abs=1.0)  # whole millimetres of paper
            first = find(page, "#paper svg path.trace")
            lead = page.execute_script("const b = arguments[0].getBBox(); return b.width", first[0])
            assert lead == pytest.approx(10 * speed, abs=0.2)
            pulse = page.execute_script("const b = arguments[0].getBBox(); return b.height", first[-1])
            assert pulse == pytest.approx(gain, abs=0.2)
            assert f"{speed} mm/s, {gain} mm/mV" in find(page, "#paper svg .note")[-1].get_attribute("textContent")


@pytest.mark.slow
@in_browser
def test_calipers_measure_by_keyboard_to_1_ms_and_10_uv(page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    show_demo(page)
    paper = page.find_element("id", "paper")
    paper.send_keys("c")
    assert text(page, "calipers") == "Calipers: 500 ms, 120.0 /min, 0.00 mV"
    paper.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_UP, Keys.SHIFT + Keys.ARROW_RIGHT)
    assert text(page, "calipers") == "Calipers: 511 ms, 117.4 /min, 0.01 mV"
    choose(page, "speed", "50")  # the distance stays what it is
    assert text(page, "calipers") == "Calipers: 511 ms, 117.4 /min, 0.01 mV"
    page.find_element("id", "paper").send_keys(Keys.ESCAPE)
    assert text(page, "calipers") == ""


@pytest.mark.slow
@in_browser
def test_calipers_measure_where_is_clicked(page: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    show_demo(page)
    svg = find(page, "#paper svg")[0]
    pixels_per_mm = svg.size["width"] / float(svg.get_dom_attribute("viewBox").split()[2])
    for offset in (-50, 50):
        ActionChains(page).move_to_element_with_offset(svg, offset, 0).click().perform()
    ms = int(re.match(r"Calipers: (\d+) ms", text(page, "calipers"))[1])
    assert ms == pytest.approx(100 / pixels_per_mm / 25 * 1000, abs=1000 / 25 / pixels_per_mm + 2)


@pytest.mark.slow
@in_browser
def test_a_batch_is_a_table_and_its_bad_file_one_row(page: Any, wfdb: list[Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("no ECG")
    files = [bad, *(part for header in wfdb[:2] for part in (header, header.with_suffix(".mat")))]
    page.find_element("id", "files").send_keys("\n".join(map(str, files)))
    until(page, lambda: "2 answered, 1 unusable." in text(page, "status"))
    rows = [row.text for row in find(page, "#table tbody tr")]
    assert len(rows) == 3
    assert sum("error" in row for row in rows) == 1
    find(page, "#table thead button")[2].click()
    shares = [row.text for row in find(page, "#table tbody td:nth-child(3)")]
    assert shares == sorted(shares)


@pytest.mark.slow
@in_browser
def test_what_the_answer_rests_on_is_a_layer(page: Any) -> None:
    show_demo(page)
    assert not find(page, "#paper svg .raise")
    page.find_element("id", "attribution").click()
    assert any(line.get_dom_attribute("d") for line in find(page, "#paper svg .raise"))
    assert "raised the odds" in text(page, "legend")


@pytest.mark.slow
@in_browser
def test_the_page_fits_a_phone_and_has_names_for_all_it_offers(page: Any) -> None:
    page.set_window_size(420, 900)
    try:
        show_demo(page)
        wide = page.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0
        nameless = page.execute_script(
            "return [...document.querySelectorAll('input, select, button')].filter(e => e.offsetParent && "
            "!(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label'))).length"
        )
        assert nameless == 0
    finally:
        page.set_window_size(1280, 1600)


@pytest.fixture(scope="module")
def watched_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a model whose validation had lost lead V1 throughout, ask it about sound records; reviews are kept."""
    folder = tmp_path_factory.mktemp("watched")
    checkpoint = untrained_checkpoint()
    known = [{"usable_record": "usable", "usable_leads": "11", "unusable_lead": "V1"}] * 100
    reference = Reference.of(characteristics(checkpoint.classes), known)
    save_checkpoint(dataclasses.replace(checkpoint, reference=reference), folder / "checkpoint")
    port = free_port()
    words = [sys.executable, "-m", "ecgml", "serve", str(folder / "checkpoint"), "--port", str(port)]
    with running([*words, "--feedback", str(folder / "r.csv")], f"http://127.0.0.1:{port}/ping", folder / "log"):
        demo = requests.get(f"http://127.0.0.1:{port}/v1/demos/sinus-rhythm.csv.gz", timeout=60).content
        for _ in range(6):
            files = [("file", ("a.csv.gz", demo))] * 10
            data = {"fs": "500", "unit": "uV"}
            sent = requests.post(f"http://127.0.0.1:{port}/v1/predict", files=files, data=data, timeout=60)
            assert sent.status_code == 200
        yield f"http://127.0.0.1:{port}/"


@pytest.mark.slow
@in_browser
def test_drift_is_said_in_words_and_a_review_is_sent_from_the_page(browser: Any, watched_address: str) -> None:
    browser.get(watched_address)
    until(browser, lambda: "differ" in text(browser, "drift"))
    assert "60 records differ from those of the model's validation" in text(browser, "drift")
    assert "Usable leads, 12: 100 % now, 0 % in validation" in text(browser, "drift")
    browser.find_element("css selector", "#drift-details summary").click()
    first = find(browser, "#drift-table tbody tr")[0].text
    assert "Differs" in first
    until(browser, lambda: find(browser, "#demos button"))
    show_demo(browser)
    choose_review = find(browser, ".review select")[0]
    choose_review.send_keys("SB")
    find(browser, ".review button")[0].click()
    until(browser, lambda: "Kept" in find(browser, ".review span")[0].text)
    scores = requests.get(f"{watched_address}v1/feedback", timeout=60).json()
    assert scores["records"] == 1
