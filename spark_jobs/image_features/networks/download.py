"""Downloads by HTTP that are whole, and that find out soon if there is no internet."""

import shutil
import threading
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from image_features.errors import ImageFeaturesError

ANSWERS_WITHIN_S = 8.0


class DownloadError(ImageFeaturesError):
    """A published file could not be downloaded; the user reads it as part of a WeightsUnavailableError."""


def download(url: str, path: Path, answers_within_s: float = ANSWERS_WITHIN_S) -> None:
    """Write the content of `url` to `path`.

    Raises DownloadError, within `answers_within_s` if the server cannot be reached at all.
    """
    try:
        with _answer(url, answers_within_s) as response, path.open("wb") as file:
            shutil.copyfileobj(response, file)
            announced = response.headers.get("Content-Length")
    except (OSError, HTTPException) as error:
        raise DownloadError(f"{url}: {error}") from error
    # A connection that breaks off ends the content without an error.
    if announced and path.stat().st_size != int(announced):
        raise DownloadError(f"{url}: the download ended after {path.stat().st_size} of {announced} bytes")


def _answer(url: str, within_s: float) -> Any:
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(urllib.request.urlopen(url, timeout=within_s))
        except (OSError, HTTPException) as error:
            answers.append(error)

    # A name server that does not answer holds getaddrinfo for longer than any timeout of urlopen. The thread is a
    # daemon, which no executor's is: Python would wait for theirs before it ends.
    thread = threading.Thread(target=ask, name="download", daemon=True)
    thread.start()
    thread.join(within_s)
    answer = answers[0] if answers else TimeoutError(f"no answer within {within_s:g} s")
    if isinstance(answer, Exception):
        raise answer
    return answer
