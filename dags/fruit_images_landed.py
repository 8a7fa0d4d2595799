"""
# fruit_images_landed: new photographs start a run once all have landed

This DAG runs every `FRUIT_FEATURES_LANDING_EVERY_S`, and at once where S3 writes to a queue:

1. **wait_until_settled** lists the photographs under `FRUIT_FEATURES_SOURCE_URI` and compares them with the listing of
   the published run. If none is new, changed or gone, it skips and the run ends. Else it waits until two listings
   `FRUIT_FEATURES_LANDING_SETTLE_S` apart are the same, so that the batch is complete.
2. **signal_new_images** writes the signal to `landed/latest.json` and updates the asset `fruit_images`, on which
   `fruit_features` is scheduled.

**Most runs are skipped.** The log's last line says why: nothing is new, or it was signalled already. A listing is
signalled once; if its run fails, it is signalled again after `FRUIT_FEATURES_LANDING_RETRY_S`, not at every check.

**The DAG begins paused.** Switch on `fruit_features` first and then this one: a signal to a paused DAG is lost until
the listing is signalled again.

**When it is red.** The last line of the log says what, where and what to do. Nothing was signalled.
"""

from datetime import UTC, datetime

from airflow.sdk import DAG

from emr_pipeline.landing.assets import landing_schedule
from emr_pipeline.operators.signal_new_images import SignalNewImagesOperator
from emr_pipeline.operators.wait_until_settled import WaitUntilSettledOperator
from emr_pipeline.settings import Settings
from emr_pipeline.task.messages import task_defaults

SETTINGS = Settings.from_environment()

with DAG(
    dag_id="fruit_images_landed",
    doc_md=__doc__,
    schedule=landing_schedule(SETTINGS),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    # The first cluster does not start by surprise.
    is_paused_upon_creation=True,
    default_args=task_defaults(SETTINGS, repeats=True),
    tags=["emr", "images"],
) as dag:
    wait_until_settled = WaitUntilSettledOperator(task_id="wait_until_settled", settings=SETTINGS)
    signal_new_images = SignalNewImagesOperator(
        task_id="signal_new_images", settings=SETTINGS, settled=wait_until_settled.output
    )

    wait_until_settled >> signal_new_images
