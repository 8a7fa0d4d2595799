"""What nodes ask of S3, as the endpoint of a row records it: their key has a session token, and Airflow's has none."""

import io
import json
from pathlib import Path
from typing import Any

from tests.faults.proxy import Request

FILE = "node_requests.jsonl"


def record(folder: str) -> None:
    """Have the endpoint of this process write each request of a node into the folder's FILE."""
    from local_aws.s3.app import S3Application

    answer = S3Application.__call__
    file = (Path(folder) / FILE).open("a", encoding="utf-8")

    def recorded(app: S3Application, environ: dict[str, Any], start_response: Any) -> Any:
        if "HTTP_X_AMZ_SECURITY_TOKEN" in environ:
            body = b""
            if environ["REQUEST_METHOD"] == "POST":
                body = environ["wsgi.input"].read()
                environ["wsgi.input"] = io.BytesIO(body)
            path = f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
            print(json.dumps([environ["REQUEST_METHOD"], path, body.decode()]), file=file, flush=True)
        return answer(app, environ, start_response)

    S3Application.__call__ = recorded  # type: ignore[method-assign,assignment]


def recorded_in(folder: Path) -> list[Request]:
    path = folder / FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Request(f"S3 {method}", path, body.encode()) for method, path, body in map(json.loads, lines)]
