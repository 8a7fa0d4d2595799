"""A page of a stranger, in a browser on the machine where `make up` runs: nothing changes, and nothing is read."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from playwright.sync_api import Page

from tests.end_to_end.conftest import Machine, browser, needs_chromium
from tests.end_to_end.test_ui import FOLLOW
from tools.local.home import local_environment

STRANGER = "stranger.example"
SECRET = "the photograph"
# Sends what a page can send, and returns what the page then knows.
SEND = """async requests => {
    const seen = [];
    for (const [url, options] of requests) {
        try {
            const response = await fetch(url, options);
            seen.push([response.status, await response.text()]);
        } catch (error) {
            seen.push([0, String(error)]);
        }
    }
    return seen;
}"""
SUBMIT = """([url, text]) => {
    const form = document.createElement("form"), field = document.createElement("input");
    Object.assign(form, {method: "post", action: url, enctype: "text/plain"});
    Object.assign(field, {name: text});
    form.append(field);
    document.body.append(form);
    form.submit();
}"""

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
    pytest.mark.timeout(600),
]


class StrangersPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>prizes</title><body>You have won.</body>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def strangers_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), StrangersPage)
    threading.Thread(target=server.serve_forever).start()
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a browser in which the stranger's name is this machine: what a rebound name amounts to."""
    with browser(f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1") as chromium:
        yield chromium.new_page()


class Possessions:
    """What lies in a bucket, waits in a queue and runs as a cluster."""

    def __init__(self, machine: Machine) -> None:
        environment = local_environment(machine.home)
        session = boto3.Session(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        self.machine = machine
        here: dict[str, Any] = {"region_name": "us-east-1", "endpoint_url": machine.home.aws_url}
        self.s3 = session.client("s3", config=Config(signature_version="s3v4"), **here)
        self.sqs, self.emr = session.client("sqs", **here), session.client("emr", **here)
        self.s3.create_bucket(Bucket="treasure")
        self.s3.put_object(Bucket="treasure", Key="a.txt", Body=SECRET.encode(), ContentType="text/plain")
        self.sqs.create_queue(QueueName="treasure")
        self.cluster_id = self.emr.run_job_flow(
            Name="treasure",
            ReleaseLabel="emr-7.13.0",
            Instances={"InstanceCount": 1, "MasterInstanceType": "m5.xlarge", "KeepJobFlowAliveWhenNoSteps": True},
            JobFlowRole="EMR_EC2_DefaultRole",
            ServiceRole="EMR_DefaultRole",
        )["JobFlowId"]
        self.emr.get_waiter("cluster_running").wait(ClusterId=self.cluster_id, WaiterConfig={"Delay": 1})

    def all(self) -> dict[str, Any]:
        files = [path for path in (self.machine.home.s3_path / "treasure").rglob("*") if path.is_file()]
        return {
            "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
            "buckets": [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]],
            "settings": self.s3.get_bucket_notification_configuration(Bucket="treasure").get("QueueConfigurations"),
            "queues": self.sqs.list_queues()["QueueUrls"],
            "clusters": {found["Id"]: found["Status"]["State"] for found in self.emr.list_clusters()["Clusters"]},
            "steps": self.emr.list_steps(ClusterId=self.cluster_id)["Steps"],
        }


@pytest.fixture
def possessions(airflow: Machine) -> Iterator[Possessions]:
    made = Possessions(airflow)
    yield made
    made.emr.terminate_job_flows(JobFlowIds=[made.cluster_id])


def orders(url: str, trace: Path) -> list[tuple[str, dict[str, Any]]]:
    """What was done to an older endpoint: with and without a preflight, and with cookies."""
    step = {"Name": "x", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["touch", str(trace)]}}
    run = json.dumps({"Name": "stranger", "Instances": {}, "Steps": [step]})
    delete = "<Delete><Object><Key>a.txt</Key></Object></Delete>"
    found: list[tuple[str, dict[str, Any]]] = []
    for mode in ("no-cors", "cors"):
        post = {"method": "POST", "mode": mode, "credentials": "include", "headers": {"Content-Type": "text/plain"}}
        found += [
            (f"{url}/treasure/a.txt", {"mode": mode}),
            (f"{url}/treasure?list-type=2", {"mode": mode}),
            (f"{url}/moto-api/reset", post),
            (f"{url}/moto-api/recorder/upload-recording", post | {"body": run}),
            (f"{url}/moto-api/recorder/replay-recording", post),
            (f"{url}/treasure?delete", post | {"body": delete}),
            (f"{url}/", post | {"body": run}),
        ]
    target = {"x-amz-target": "ElasticMapReduce.RunJobFlow", "Content-Type": "application/x-amz-json-1.1"}
    return [
        *found,
        (f"{url}/", {"method": "POST", "headers": target, "body": run}),
        (f"{url}/treasure/a.txt", {"method": "DELETE"}),
        (f"{url}/treasure/a.txt", {"method": "PUT", "body": "worse"}),
        (f"{url}/treasure?notification", {"method": "PUT", "body": "<NotificationConfiguration/>"}),
    ]


def test_a_strangers_page_changes_nothing_and_reads_nothing_of_the_endpoint(
    possessions: Possessions, page: Page, strangers_port: int
) -> None:
    before, aws_url = possessions.all(), possessions.machine.home.aws_url
    trace = possessions.machine.home.root / "stranger-was-here"
    page.goto(f"http://{STRANGER}:{strangers_port}/")
    seen = page.evaluate(SEND, orders(aws_url, trace))
    # The page's own name leads to the endpoint: for the browser it is one site.
    rebound_url = f"http://{STRANGER}:{possessions.machine.home.aws_port}"
    page.goto(f"{rebound_url}/")
    seen += page.evaluate(SEND, orders(rebound_url, trace))
    for url in (aws_url, rebound_url):
        for path in ("/moto-api/reset", "/moto-api/recorder/upload-recording", "/treasure?delete", "/"):
            page.goto(f"http://{STRANGER}:{strangers_port}/")
            with page.expect_navigation():
                page.evaluate(SUBMIT, [f"{url}{path}", '{"Name": "stranger", "Instances": {}, "x": "'])
            seen.append([0, page.content()])

    assert possessions.all() == before
    assert not [text for _, text in seen if SECRET in text or "treasure" in text]
    assert not [status for status, _ in seen if status not in (0, 403, 404, 421)]
    assert not trace.exists()


def test_a_strangers_page_gets_no_token_and_no_answer_of_airflow(
    airflow: Machine, page: Page, strangers_port: int
) -> None:
    def questions(url: str) -> list[tuple[str, dict[str, Any]]]:
        post = {"method": "POST", "mode": "no-cors", "headers": {"Content-Type": "text/plain"}, "body": "{}"}
        paths = ("/api/v2/dags", "/api/v2/config", "/auth/token", "/auth/token/login")
        return [(f"{url}{path}", options) for path in paths for options in ({}, {"mode": "no-cors"}, post)]

    page.goto(f"http://{STRANGER}:{strangers_port}/")
    seen = page.evaluate(SEND, questions(airflow.home.airflow_url))
    rebound_url = f"http://{STRANGER}:{airflow.home.airflow_port}"
    page.goto(f"{rebound_url}/auth/token/login")
    seen += page.evaluate(SEND, questions(rebound_url))

    assert not [text for _, text in seen if "access_token" in text or "fruit_features" in text]
    assert not [cookie for cookie in page.context.cookies() if cookie.get("name") == "_token"]


@pytest.mark.parametrize("origin", ["stranger", "airflow"])
def test_a_presigned_link_opens_when_a_person_follows_it(
    possessions: Possessions, page: Page, strangers_port: int, origin: str
) -> None:
    home = possessions.machine.home
    link = possessions.s3.generate_presigned_url("get_object", {"Bucket": "treasure", "Key": "a.txt"})
    # Of Airflow's pages this one goes nowhere by itself.
    page.goto(f"http://{STRANGER}:{strangers_port}/" if origin == "stranger" else f"{home.airflow_url}/api/v2/version")
    with page.expect_navigation(url=f"{home.aws_url}/**"):
        page.evaluate(FOLLOW, link)
    assert page.inner_text("body") == SECRET
