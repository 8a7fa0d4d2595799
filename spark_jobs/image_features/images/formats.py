"""Is an object an image? Its first bytes say so, and only the reason of a reject looks at its name. Pure."""

import re

from image_features.rejects import Reject

# The feature store keeps the judgement. Increase this number whenever the same bytes are judged differently.
SNIFFING_VERSION = 2
# The first bytes that are kept of every object: enough to say again what it is, without fetching it.
KEPT_BYTES = 16

# Name, what the first bytes look like, and the extensions. What starts like this is an image, be it damaged. (MPO, as
# some cameras call a JPEG with a second picture behind it, is a JPEG. `mif1` is what files of both AVIF and HEIC may
# say first; the brands that follow decide.)
_READABLE = (
    ("JPEG", rb"\xff\xd8\xff", "jpg jpeg jpe jfif mpo"),
    ("PNG", rb"\x89PNG\r\n\x1a\n", "png apng"),
    ("GIF", rb"GIF8[79]a", "gif"),
    ("WEBP", rb"RIFF....WEBP", "webp"),
    ("TIFF", rb"II\*\0(?!....CR)|MM\0\*|MM\*\0|II\0\*|MM\0\+|II\+\0", "tif tiff"),
    ("BMP", rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", "bmp dib"),
    ("AVIF", rb"....ftyp(avi[fs]|m[is]f1(?=.{4,128}avi[fs]))", "avif avifs"),
    ("JPEG2000", rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n", "jp2 j2k jpx j2c jpc jpf"),
)
# What is known, and cannot be read here. Each must match within KEPT_BYTES; TGA has no signature, and `.hdr` is as
# often a text that describes another file.
_UNSUPPORTED = (
    ("HEIC", rb"....ftyp(hei[cmsx]|hev[cmsx]|m[is]f1)", "heic heics heif hif"),
    ("JPEG XL", rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    ("JPEG XR", rb"II\xbc\x01", "jxr wdp hdp"),
    ("PPM", rb"P[1-6]\s+(#|\d+\s+\d+\s)|P7\nWIDTH |P[Ff]\n\d", "ppm pgm pbm pnm pam pfm"),
    (
        "camera raw",
        rb"....ftypcrx |II\*\0....CR|FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR|II\x1a\0\0\0HEAPCCDR|FOVb|\0MRM",
        "3fr arw cr2 cr3 crw dcr dng erf iiq kdc mef mos mrw nef nrw orf pef raf rw2 rwl sr2 srf srw x3f",
    ),
    ("PSD", rb"8BPS\0", "psd psb"),
    ("SVG", rb"<svg[\s>]", "svg svgz"),
    ("OpenEXR", rb"v/1\x01", "exr"),
    ("Radiance HDR", rb"#\?RADIANCE", ""),
    ("DDS", rb"DDS \x7c", "dds"),
    ("QOI", rb"qoif", "qoi"),
    ("XCF", rb"gimp xcf", "xcf"),
    ("ICO", rb"\0\0\x01\0[^\0]\0.{4}[\0\x01]\0", "ico cur icns"),
    ("TGA", rb"(?!)", "tga"),
)
_SIGNATURES = tuple((name, re.compile(signature, re.DOTALL)) for name, signature, _ in _READABLE)
_UNSUPPORTED_SIGNATURES = tuple((name, re.compile(signature, re.DOTALL)) for name, signature, _ in _UNSUPPORTED)
_IMAGE_EXTENSIONS = {extension for *_, extensions in _READABLE for extension in extensions.split()}
_UNSUPPORTED_EXTENSIONS = {extension: name for name, _, extensions in _UNSUPPORTED for extension in extensions.split()}


def reject_by_listing(uri: str, size_bytes: int, max_bytes: int) -> Reject | None:
    """Return why the listing alone rejects an object, so that it need not be fetched; None if it does not.

    >>> reject_by_listing("s3://photos/Apple/1.jpg", size_bytes=0, max_bytes=100)
    Reject(reason='empty_object', detail=None)
    >>> reject_by_listing("s3://photos/Apple/1.jpg", size_bytes=101, max_bytes=100)
    Reject(reason='object_too_large', detail='101 bytes, the limit is 100')
    """
    if size_bytes == 0:
        return Reject("empty_object") if claims_image(uri) else Reject("ignored_object", "no bytes")
    if size_bytes > max_bytes:
        return Reject("object_too_large", f"{size_bytes} bytes, the limit is {max_bytes}")
    return None


def reject_by_content(uri: str, content: bytes) -> Reject | None:
    """Return why the content is no image that can be read; None if it starts as such an image does.

    Whether it can be decoded is not known before it is decoded.
    """
    return None if readable_format(content) else reject_no_image(uri, content[:KEPT_BYTES])


def reject_no_image(uri: str, first_bytes: bytes) -> Reject:
    """Return the reject of an object that is known to be no image that can be read, from its first KEPT_BYTES.

    >>> reject_no_image("s3://photos/notes.txt", b"words")
    Reject(reason='ignored_object', detail="starts with b'words'")
    >>> reject_no_image("s3://photos/1.jpg", b"words").reason
    'not_an_image'
    >>> reject_no_image("s3://photos/IMG_1.HEIC", b"words").detail
    "HEIC, starts with b'words'"
    """
    detail = f"starts with {first_bytes!r}"
    if name := unsupported_format(first_bytes) or _UNSUPPORTED_EXTENSIONS.get(_extension(uri)):
        return Reject("unsupported_format", f"{name}, {detail}")
    return Reject("not_an_image" if claims_image(uri) else "ignored_object", detail)


def readable_format(content: bytes) -> str | None:
    """Return the name of the format that the content's first bytes are of, if it can be read; it may be damaged."""
    return next((name for name, signature in _SIGNATURES if signature.match(content)), None)


def unsupported_format(content: bytes) -> str | None:
    """Return the name of the format that the content's first bytes are of, if it is known and cannot be read."""
    return next((name for name, signature in _UNSUPPORTED_SIGNATURES if signature.match(content)), None)


def claims_image(uri: str) -> bool:
    """Return whether the name ends as images' names do; hidden files claim nothing.

    >>> [claims_image(f"s3://photos/{name}") for name in ("1.JPEG", "1.jpg.txt", "._1.jpg")]
    [True, False, False]
    """
    return _extension(uri) in _IMAGE_EXTENSIONS | _UNSUPPORTED_EXTENSIONS.keys()


def _extension(uri: str) -> str:
    name = uri.rpartition("/")[2]
    stem, _, extension = name.rpartition(".")
    return extension.lower() if stem and not name.startswith(".") else ""
