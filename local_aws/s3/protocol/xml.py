"""XML as S3 writes and reads it."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from local_aws.s3.protocol.errors import S3Error

Node: TypeAlias = "str | int | bool | Mapping[str, Node] | Sequence[Node]"
"""A leaf, or children by name. A list repeats its name for each item."""

MAX_DEPTH = 32
"""The limit of elements within elements, of which S3's documents have up to nine. Deeper ones break recursive code."""
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f]")


def _render(name: str, node: Node, into: list[str]) -> None:
    if isinstance(node, Mapping):
        into.append(f"<{name}>")
        for child, value in node.items():
            _render(child, value, into)
        into.append(f"</{name}>")
    elif isinstance(node, str):
        text = _CONTROL_CHARACTER.sub(lambda match: f"&#{ord(match[0])};", escape(node))
        into.append(f"<{name}>{text}</{name}>")
    elif isinstance(node, int):
        into.append(f"<{name}>{str(node).lower()}</{name}>")
    else:
        for item in node:
            _render(name, item, into)


def render(name: str, node: Mapping[str, Node], namespace: bool = True) -> bytes:
    """Return a whole document.

    >>> render("Tag", {"Key": "a&b", "Value": [1, True]}, namespace=False).splitlines()[1]
    b'<Tag><Key>a&amp;b</Key><Value>1</Value><Value>true</Value></Tag>'
    """
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    _render(name, node, parts)
    if namespace:
        parts[1] = f'<{name} xmlns="{_NAMESPACE}">'
    return "".join(parts).encode()


def parse(document: bytes, name: str = "") -> ElementTree.Element:
    """Return the root element without namespaces, and raise MalformedXML when `name` is given and not its name."""
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise S3Error("MalformedXML", f"the request's body is not XML: {error}") from error
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
    if level:
        raise S3Error("MalformedXML", f"the request's XML has more than {MAX_DEPTH} elements within each other")
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if name and root.tag != name:
        raise S3Error("MalformedXML", f"the request's body should be a <{name}>, not a <{root.tag}>")
    return root


def child_text(element: ElementTree.Element, name: str) -> str:
    """Return the text of a child that has to be there."""
    text = element.findtext(name)
    if text is None:
        raise S3Error("MalformedXML", f"<{element.tag}> lacks its <{name}>")
    return text
