"""Signature of version 4 of a request: read from its headers or its address, and compared with what the key gives."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qsl, quote

_PATTERN = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key_id>[^/,]+)/(?P<scope>(?P<day>\d{8})/[^/,]+/(?P<service>[^/,]+)/aws4_request)"
    r", ?SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<text>[0-9a-f]{64})",
    re.ASCII,
)


@dataclass(frozen=True)
class AccessKey:
    """The key of the endpoint: whoever signs with it may do everything."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Signature:
    """What a request says of its signature."""

    key_id: str
    scope: str
    day: str
    service: str
    names: str
    text: str
    date: str
    payload: str | None
    """The hash of the body, or the word that stands for it; null where the body itself is hashed."""

    @classmethod
    def of(cls, headers: Mapping[str, str], query: str) -> "Signature | None":
        """Return the signature of a request; None if it has none of this version."""
        text, date = headers.get("authorization", ""), headers.get("x-amz-date", "")
        given = headers.get("x-amz-content-sha256")
        if not text and "X-Amz-Signature=" in query:
            part = {name.removeprefix("X-Amz-"): value for name, value in parse_qsl(query)}
            named = (f"{name}={part.get(name)}" for name in ("Credential", "SignedHeaders", "Signature"))
            text = f"{part.get('Algorithm')} {', '.join(named)}"
            date, given = part.get("Date", ""), "UNSIGNED-PAYLOAD"
        found = _PATTERN.fullmatch(text)
        return cls(**found.groupdict(), date=date, payload=given) if found else None

    def is_made_with(
        self, secret: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> bool:
        """Whether the secret gives this signature for the request; path and query are as the connection has them."""
        names = self.names.split(";")
        if "host" not in names or not headers.keys() >= set(names) or not self.date.startswith(self.day):
            return False
        pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
        request = (
            method,
            path if self.service == "s3" else quote(path, safe="/~"),
            "&".join(f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature"),
            *(f"{name}:{' '.join(headers[name].split())}" for name in names),
            "",
            self.names,
            self.payload or hashlib.sha256(body).hexdigest(),
        )
        hashed = hashlib.sha256("\n".join(request).encode("latin-1")).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self.date}\n{self.scope}\n{hashed}"
        expected = hmac.digest(_signing_key(secret, self.scope), text.encode(), "sha256").hex()
        return hmac.compare_digest(self.text, expected)


@lru_cache(maxsize=64)
def _signing_key(secret: str, scope: str) -> bytes:
    signing_key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    return signing_key
