"""S3's errors: code, status, and a message that says what to do."""

import errno

_CODES_OF_STATUS = {
    403: ("AccessDenied", "InvalidObjectState"),
    404: ("NoSuchBucket", "NoSuchKey", "NoSuchUpload", "NoSuchVersion"),
    409: ("BucketNotEmpty", "ObjectExistsAsFolder", "ParentIsObject"),
    411: ("MissingContentLength",),
    412: ("PreconditionFailed",),
    416: ("InvalidRange",),
    500: ("InternalError",),
    503: ("SlowDown",),
    501: ("NotImplemented",),
    507: ("InsufficientStorage",),
}
"""All other codes are 400. InsufficientStorage, ObjectExistsAsFolder and ParentIsObject are a disk's, not S3's."""
_STATUS_OF_CODE = {code: status for status, codes in _CODES_OF_STATUS.items() for code in codes}

_CODE_OF_ERRNO = {
    errno.ENOSPC: "InsufficientStorage",
    errno.EDQUOT: "InsufficientStorage",
    errno.EACCES: "AccessDenied",
    errno.EPERM: "AccessDenied",
    errno.EROFS: "AccessDenied",
    errno.ENAMETOOLONG: "KeyTooLongError",
}


class S3Error(Exception):
    """An answer that is an error, with a code of S3."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.status = code, _STATUS_OF_CODE.get(code, 400)
        super().__init__(message)


class PreconditionFailedError(S3Error):
    def __init__(self, condition: str) -> None:
        super().__init__("PreconditionFailed", f"the object does not meet the condition {condition}")


def as_s3_error(error: S3Error | OSError) -> S3Error:
    """Return what the disk refused in S3's words."""
    if isinstance(error, S3Error):
        return error
    code = _CODE_OF_ERRNO.get(error.errno or 0, "InternalError")
    place = f" at {error.filename}" if error.filename else ""
    remedy = "; make room on the disk of the endpoint's root" if code == "InsufficientStorage" else ""
    return S3Error(code, f"{error.strerror or error}{place}{remedy}")
