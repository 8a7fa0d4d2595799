"""The explorer's page as one HTML file: the photographs' document, our own script, and the libraries that it uses."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from image_features.validate.report.page import VISIBLE

_PACKAGE = "image_features.validate.explorer"


def render_explorer(run_uri: str, document: Mapping[str, Any]) -> str:
    """Return the page. Nothing in the document can end its element, and no script but the page's own is allowed."""
    texts = {name: resource(name) for name in ("style.css", "explorer.js", "libraries.js")}
    # A browser ends a script's element at the first "</script", also inside a string of JSON.
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(resource("explorer.html.j2"))
    return template.render(
        run=run_uri.rpartition("/")[2].translate(VISIBLE),
        data=data,
        style=texts["style.css"],
        script=texts["explorer.js"],
        libraries=texts["libraries.js"],
        hashes={name: _hash(text) for name, text in texts.items()},
    )


def size_without_photographs() -> int:
    """Return the number of bytes that the page has besides its document."""
    return sum(
        len(resource(name).encode()) for name in ("style.css", "explorer.js", "libraries.js", "explorer.html.j2")
    )


@cache
def resource(name: str) -> str:
    """Return a text file of this folder. Not by path: on a cluster this package lies inside image_features.zip."""
    return resources.files(_PACKAGE).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
