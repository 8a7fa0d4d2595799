"""An Airflow of the tests' own: a home that is thrown away, and AWS keys that open nothing."""

import atexit
import functools
import os
import shutil
import tempfile

from botocore import session

# Airflow reads these when it is first imported, so they must stand before any test module does. What the person who
# runs the tests has set, for an Airflow or an account of theirs, is not for tests.
for name in [name for name in os.environ if name.startswith(("AIRFLOW", "AWS_", "FRUIT_FEATURES_"))]:
    del os.environ[name]
os.environ |= {
    "AIRFLOW_HOME": tempfile.mkdtemp(prefix="airflow-of-tests-"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
# Each session of boto3's would look through its folder of 400 services for every client: a sixth of these tests' time.
session.create_loader = functools.cache(session.create_loader)
