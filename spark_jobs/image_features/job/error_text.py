"""Pure: the one line that matters in the pages that Spark and py4j print about a failure."""

import re

# An ImageFeaturesError that a Python worker raised comes back as the text of its traceback.
_OURS = re.compile(r"^image_features\.[\w.]+\.(\w+Error): (.+)$", re.MULTILINE)
_CAUSE = re.compile(r"^Caused by: (?:[\w$]+\.)*([\w$]+)(?:: (.+))?$", re.MULTILINE)
_PYTHON = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception|Exit|Interrupt)): (.+)$", re.MULTILINE)

# Spark says in one of these ways that a Python worker ended in the middle of a task.
_LOST_WORKER = re.compile(r"Python worker exited unexpectedly|^Caused by: java\.net\.SocketException", re.MULTILINE)
_OF_PYTHON = "org.apache.spark.api.python."


def name_and_gist(error: BaseException) -> tuple[str, str]:
    """Return the class and the message of the error, taken from the place that is nearest to the cause.

    >>> name_and_gist(ValueError("2 columns, expected 3"))
    ('ValueError', '2 columns, expected 3')
    """
    text = str(error)
    if _OF_PYTHON in text and _LOST_WORKER.search(text) and not _OURS.search(text):
        return "PythonWorkerLostError", (
            "a Python worker was killed in the middle of a task, as a node does that has no memory left; "
            "take a larger cluster_size, or photographs of fewer pixels"
        )
    for pattern in (_OURS, _CAUSE, _PYTHON):
        found = pattern.findall(text)
        if found:
            name, gist = found[-1]
            return name, gist.strip() or "no message"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return type(error).__name__, lines[0] if lines else "no message"
