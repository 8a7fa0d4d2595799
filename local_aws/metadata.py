"""Metadata service of a cluster's node (version 2): where a step that got no key finds its credentials."""

import json
import secrets
import time

from local_aws.hardness import EveryNth, Strikes
from local_aws.signature import AccessKey

PREFIX = "/_local_aws/metadata/"
ROLE = "EMR_EC2_DefaultRole"
CREDENTIALS_PATH = "/latest/meta-data/iam/security-credentials/"
_LIFETIME_S = 6 * 3600


class MetadataService:
    """Service at an address that is drawn anew at each start: whoever knows it gets the endpoint's key."""

    def __init__(self, key: AccessKey, misses: int, strikes: Strikes) -> None:
        self._key, self._misses, self._strikes = key, EveryNth(misses), strikes
        self.path = PREFIX + secrets.token_urlsafe(24)

    def answer(self, method: str, path: str) -> tuple[int, str]:
        """Return the status and the text for a request below PREFIX."""
        if not secrets.compare_digest(path[: len(self.path)].encode(), self.path.encode()):
            return 404, "not found"
        if self._misses():
            self._strikes.add("metadata_misses")
            return 503, "the metadata service did not answer in time"
        asked = (method, path[len(self.path) :])
        if asked == ("PUT", "/latest/api/token"):
            return 200, secrets.token_urlsafe(16)
        if asked == ("GET", CREDENTIALS_PATH):
            return 200, ROLE
        return (200, self._credentials()) if asked == ("GET", CREDENTIALS_PATH + ROLE) else (404, "not found")

    def _credentials(self) -> str:
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + _LIFETIME_S))
        key = {"AccessKeyId": self._key.id, "SecretAccessKey": self._key.secret, "Token": "of the local endpoint"}
        return json.dumps({"Code": "Success", "Type": "AWS-HMAC", "Expiration": expires, **key})
