"""XML as S3 writes and reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from local_aws.s3.protocol.errors import S3Error

Node: TypeAlias = "str | int | bool | Mapping[str, Node] | Sequence[Node]"
"""A leaf, or children by name. A list repeats its name for each item."""

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f]")


def _text(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _CONTROL_CHARACTER.sub(lambda match: f"&#{ord(match[0])};", escape(str(value)))


def _render(name: str, node: Node) -> Iterator[str]:
    if isinstance(node, Mapping):
        yield f"<{name}>"
        for child, value in node.items():
            yield from _render(child, value)
        yield f"</{name}>"
    elif isinstance(node, str | int):
        yield f"<{name}>{_text(node)}</{name}>"
    else:
        for item in node:
            yield from _render(name, item)


def render(name: str, node: Mapping[str, Node], namespace: bool = True) -> bytes:
    """Return a whole document.

    >>> render("Tag", {"Key": "a&b", "Value": [1, True]}, namespace=False).splitlines()[1]
    b'<Tag><Key>a&amp;b</Key><Value>1</Value><Value>true</Value></Tag>'
    """
    document = "".join(_render(name, node))
    if namespace:
        document = document.replace(f"<{name}>", f'<{name} xmlns="{_NAMESPACE}">', 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'.encode()


def parse(document: bytes, name: str) -> ElementTree.Element:
    """Return the root element without namespaces, and raise MalformedXML when its name is not `name`."""
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise S3Error("MalformedXML", f"the request's body is not XML: {error}") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != name:
        raise S3Error("MalformedXML", f"the request's body should be a <{name}>, not a <{root.tag}>")
    return root


def child_integer(element: ElementTree.Element, name: str) -> int:
    text = child_text(element, name)
    if not (text.isascii() and text.isdigit()):
        raise S3Error("MalformedXML", f"<{name}> has to be a number, not {text!r}")
    return int(text)


def child_text(element: ElementTree.Element, name: str) -> str:
    """Return the text of a child that has to be there."""
    text = element.findtext(name)
    if text is None:
        raise S3Error("MalformedXML", f"<{element.tag}> lacks its <{name}>")
    return text
