"""S3's errors: code, status, and a message that says what to do."""

from __future__ import annotations

import errno

STATUS_OF_CODE = {
    "AccessDenied": 403,
    "BadDigest": 400,
    "BucketNotEmpty": 409,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "IncompleteBody": 400,
    "InsufficientStorage": 507,
    "InternalError": 500,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidTag": 400,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedXML": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "NotImplemented": 501,
    "ObjectExistsAsFolder": 409,
    "ParentIsObject": 409,
    "PreconditionFailed": 412,
    "XAmzContentSHA256Mismatch": 400,
}
"""All codes are S3's own but InsufficientStorage, ObjectExistsAsFolder and ParentIsObject, which only a disk has."""

_CODE_OF_ERRNO = {
    errno.ENOSPC: "InsufficientStorage",
    errno.EDQUOT: "InsufficientStorage",
    errno.EACCES: "AccessDenied",
    errno.EPERM: "AccessDenied",
    errno.EROFS: "AccessDenied",
    errno.ENAMETOOLONG: "KeyTooLongError",
}


class S3Error(Exception):
    """An answer that is an error, with a code of STATUS_OF_CODE."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message, self.status = code, message, STATUS_OF_CODE[code]
        super().__init__(f"{code}: {message}")


class NoSuchBucketError(S3Error):
    def __init__(self, bucket: str) -> None:
        super().__init__(
            "NoSuchBucket", f"there is no bucket {bucket!r}: no folder of that name below the endpoint's root"
        )


class NoSuchKeyError(S3Error):
    def __init__(self, bucket: str, key: str) -> None:
        super().__init__("NoSuchKey", f"there is no object {key!r} in the bucket {bucket!r}")


class PreconditionFailedError(S3Error):
    def __init__(self, condition: str) -> None:
        super().__init__("PreconditionFailed", f"the object does not meet the condition {condition}")


def from_os_error(error: OSError) -> S3Error:
    """Return what the disk refused in S3's words."""
    code = _CODE_OF_ERRNO.get(error.errno or 0, "InternalError")
    place = f" at {error.filename}" if error.filename else ""
    remedy = "; make room on the disk of the endpoint's root" if code == "InsufficientStorage" else ""
    return S3Error(code, f"{error.strerror or error}{place}{remedy}")
