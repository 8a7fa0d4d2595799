"""`make up` as a person uses it: the form and the pages of a run in a browser, and `make down`."""

import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import GreenRun, Machine, browser, needs_chromium
from tools.data.bring import bring
from tools.local.airflow_api import DAG_ID, request, run_path, runs_path

RUN_LIMIT_S = 300
FOLLOW = """url => {
    const link = document.createElement("a");
    link.href = url;
    document.body.append(link);
    setTimeout(() => link.click());
}"""

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
    pytest.mark.timeout(600),
]


@pytest.fixture
def page() -> Iterator[Page]:
    with browser() as chromium:
        yield chromium.new_page(viewport={"width": 1600, "height": 1000})


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where pictures are kept: in the folder that SCREENSHOTS names, or nowhere."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_the_reports_link_opens_from_airflows_page(green: GreenRun, page: Page) -> None:
    assert green.done.returncode == 0, green.done.stderr
    home = green.machine.home
    # Other tests trigger runs in the same Airflow.
    (dag_run,) = (made for made in request(home, "GET", runs_path(DAG_ID))["dag_runs"] if made["conf"]["run"] == "few")
    links = request(home, "GET", f"{run_path(dag_run['dag_run_id'])}/taskInstances/publish/links")["extra_links"]
    # Of Airflow's pages this one goes nowhere by itself; where a link comes from is a matter of the origin alone.
    page.goto(f"{home.airflow_url}/api/v2/version")
    with page.expect_navigation(url=f"{home.aws_url}/**"):
        page.evaluate(FOLLOW, links["Report"])
    assert page.title().startswith("few: ")


def test_the_form_triggers_a_run_and_the_pages_show_how_it_went(
    green: GreenRun, page: Page, few_photos: Path, screenshots: Path
) -> None:
    airflow, uri = green.machine, bring(str(few_photos), green.machine.home)
    before = airflow.cluster_states()
    page.goto(f"{airflow.home.airflow_url}/dags/fruit_features")
    log_in(page, airflow)
    page.get_by_test_id("trigger-dag-button").click()
    fill_form(page, uri)
    page.screenshot(path=screenshots / "form.png")
    page.get_by_test_id("trigger-dag-submit").click()
    page.wait_for_url("**/dags/fruit_features/runs/**")
    # Else the page goes on asking Airflow and drawing what turns, which takes a third of the machine.
    page.goto("about:blank")

    dag_run = finished_dag_run(airflow, "from-the-form")
    assert dag_run["state"] == "success", tasks(airflow, dag_run)
    asked = {"source_uri": uri, "weights": "random:0", "pca_components": 4, "run": "from-the-form"}
    assert {name: dag_run["conf"][name] for name in asked} == asked
    # It asks for what the green run has published.
    assert tasks(airflow, dag_run)["create_cluster"] == "skipped"
    assert airflow.cluster_states() == before

    dag_run = finished_dag_run(airflow, "few")
    page.goto(f"{airflow.home.airflow_url}/dags/fruit_features/runs/{quote(dag_run['dag_run_id'])}")
    expect(page.get_by_text("14 Task Instances")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    expect(page.get_by_text("Failed")).to_have_count(0)
    page.screenshot(path=screenshots / "grid.png")
    assert (screenshots / "grid.png").stat().st_size > 20_000
    read_the_report_in_its_tab(page, airflow)
    page.screenshot(path=screenshots / "tab.png")
    page.goto((airflow.run_path("few") / "report" / "index.html").as_uri())
    page.screenshot(path=screenshots / "report.png")


def read_the_report_in_its_tab(page: Page, airflow: Machine) -> None:
    """The tab is a link on the run's page, and nobody reads it who is not logged in."""
    tab = page.get_by_role("link", name="Report", exact=True)
    tab.click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("s3://fruit-features/runs/few").first).to_be_visible(timeout=20_000)
    address = page.locator("iframe").get_attribute("src")
    assert address is not None
    assert httpx.get(f"{airflow.home.airflow_url}{address}").status_code == 401


def log_in(page: Page, machine: Machine) -> None:
    """With what `make up` prints."""
    printed = re.search(r"user (\S+), password (\S+)", machine.services("up").stdout)
    assert printed is not None
    page.locator("[name=username]").fill(printed[1])
    page.locator("[name=password]").fill(printed[2])
    page.locator("[type=submit]").click()


def fill_form(page: Page, uri: str) -> None:
    """The form's sections are closed at first, and opening one closes the others."""
    open_section(page, "Photographs")
    page.locator("[name=element_source_uri]").fill(uri)
    page.locator("[name=element_run]").fill("from-the-form")
    open_section(page, "Features")
    page.locator("[name=element_weights]").fill("random:0")
    open_section(page, "PCA")
    number = page.locator("[data-scope=number-input][data-part=root]", has=page.locator("[id*=element_pca_components]"))
    number.get_by_role("spinbutton").fill("4")


def open_section(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def finished_dag_run(machine: Machine, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + RUN_LIMIT_S
    while True:
        found = request(machine.home, "GET", runs_path(DAG_ID))["dag_runs"]
        (dag_run,) = [dag_run for dag_run in found if dag_run["conf"]["run"] == run]
        if dag_run["state"] in ("success", "failed"):
            return dict(dag_run)
        assert time.monotonic() < deadline, tasks(machine, dag_run)
        time.sleep(1)


def tasks(machine: Machine, dag_run: dict[str, Any]) -> dict[str, str]:
    instances = request(machine.home, "GET", f"{run_path(dag_run['dag_run_id'])}/taskInstances")["task_instances"]
    return {instance["task_id"]: instance["state"] for instance in instances}


def test_make_run_uses_the_airflow_that_is_up_and_tells_its_error(airflow: Machine) -> None:
    done = airflow.make_run("--source=s3://fruit-features/landing/nowhere", "--run=nowhere")

    assert done.returncode == 1
    assert "run nowhere: failed" in done.stdout
    error = "ERROR in the task check_run: source_uri=s3://fruit-features/landing/nowhere: nothing lies there"
    assert error in done.stderr
    runs = {
        dag_run["conf"]["run"]: dag_run["state"]
        for dag_run in request(airflow.home, "GET", runs_path(DAG_ID))["dag_runs"]
    }
    assert runs["nowhere"] == "failed"


def test_a_port_that_is_taken_is_one_clear_error(machine: Machine) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", machine.home.airflow_port))
        other.listen()
        refused = machine.services("up")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"ERROR PortInUseError: port {machine.home.airflow_port} on 127.0.0.1 is in use")
    assert f"AIRFLOW_PORT={machine.home.airflow_port + 1}" in refused.stderr
    assert refused.stderr.count("\n") == 1
