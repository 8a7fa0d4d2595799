"""Pure: one line out of the pages in which Spark and py4j tell of a failure."""

import re

# An error of ours that a Python worker raised comes back as the text of its traceback.
_OURS = re.compile(r"^image_features\.[\w.]+\.(\w+Error): (.+)$", re.MULTILINE)
_CAUSE = re.compile(r"^Caused by: (?:[\w$]+\.)*([\w$]+)(?:: (.+))?$", re.MULTILINE)
_PYTHON = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception|Exit|Interrupt)): (.+)$", re.MULTILINE)

# How Spark tells that a Python worker of its own went away in the middle of a task.
_LOST_WORKER = re.compile(r"Python worker exited unexpectedly|^Caused by: java\.net\.SocketException", re.MULTILINE)
_OF_PYTHON = "org.apache.spark.api.python."


def name_and_gist(error: BaseException) -> tuple[str, str]:
    """The error's class and message, from the place nearest to the cause."""
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
