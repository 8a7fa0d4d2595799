"""Reads of small objects by obstore, which takes a fifth of boto3's processor time. What it cannot read is boto3's.

obstore repeats a request that S3 throttles, and sends others as fast as before: at 30 requests a second, 164 of 1,500
failed. boto3 slows down. So after a refusal that is not the object's own, boto3 alone reads for a while.
"""

import functools
import threading
import time
from datetime import timedelta

from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError, PermissionDeniedError
from obstore.store import S3Store

from image_features.storage.s3_client import open_session, s3_client

REST_S = 30.0
# boto3 keeps keys fresh for ten minutes and more.
_KEYS_FOR = timedelta(minutes=5)
_lock = threading.Lock()


class QuickReader:
    """Reader of the whole objects of one bucket."""

    def __init__(self, bucket: str) -> None:
        # Raises NoCredentialsError, and knows where the store is.
        meta = s3_client().meta
        self._rests_until = 0.0
        self._store = S3Store(
            bucket,
            endpoint=meta.endpoint_url,
            region=meta.region_name,
            virtual_hosted_style_request=False,
            credential_provider=Boto3CredentialProvider(open_session(), ttl=_KEYS_FOR),
            client_options={
                "allow_http": meta.endpoint_url.startswith("http:"),
                "connect_timeout": "10 seconds",
                "timeout": "60 seconds",
            },
            retry_config={"max_retries": 2},
        )

    def read(self, key: str, max_bytes: int) -> tuple[bytes, int, str] | None:
        """Return content (empty if it is over `max_bytes`), size and ETag; None where boto3 has to read, or to say why.

        obstore takes slashes that begin a key, end it or follow each other for none, and refuses some characters.
        """
        if time.monotonic() < self._rests_until or not all(part not in ("", ".", "..") for part in key.split("/")):
            return None
        try:
            found = self._store.get(key)
            size_bytes, etag = found.meta["size"], found.meta["e_tag"]
            content = bytes(found.bytes()) if size_bytes <= max_bytes else b""
        except (FileNotFoundError, PermissionDeniedError, ValueError):
            return None
        except BaseError:
            self._rests_until = time.monotonic() + REST_S
            return None
        return (content, size_bytes, etag.strip('"')) if etag else None


def quick_reader(bucket: str) -> QuickReader:
    """Return the reader of this process; raise NoCredentialsError."""
    with _lock:
        return kept_reader(bucket)


@functools.lru_cache(maxsize=4)
def kept_reader(bucket: str) -> QuickReader:
    return QuickReader(bucket)
