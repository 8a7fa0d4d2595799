"""
# fruit_images_landed: new photographs start a run, once they have all landed

Every `FRUIT_FEATURES_LANDING_EVERY_S`, and at once where S3 writes to a queue:

1. **wait_until_settled** lists the photographs under `FRUIT_FEATURES_SOURCE_URI` and compares them with the listing of
   the published run. If none is new, changed or gone, it skips and that is all. Else it waits until two listings
   `FRUIT_FEATURES_LANDING_SETTLE_S` apart are the same, so that a batch is whole.
2. **signal_new_images** writes to `landed/latest.json` what it is about to signal, and updates the asset
   `fruit_images`, on which `fruit_features` is scheduled.

**Skipped is the usual end.** The log's last line says why: nothing new, or signalled already. A listing is signalled
once; should its run fail, again after `FRUIT_FEATURES_LANDING_RETRY_S`, and not with every check.

**It begins paused.** Switch on `fruit_features` first and then this one: a signal to a paused DAG is lost until it is
given again.

**When it is red.** The last line of the log says what, where and what to do. Nothing was signalled.
"""

from datetime import UTC, datetime

from airflow.sdk import DAG

from emr_pipeline.landing.assets import landing_schedule
from emr_pipeline.operators.landing import SignalNewImagesOperator, WaitUntilSettledOperator
from emr_pipeline.settings import Settings

SETTINGS = Settings.from_environment()

with DAG(
    dag_id="fruit_images_landed",
    doc_md=__doc__,
    schedule=landing_schedule(SETTINGS),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    # Nobody's first cluster starts by surprise.
    is_paused_upon_creation=True,
    default_args=SETTINGS.operator_defaults,
    tags=["emr", "images"],
) as dag:
    wait_until_settled = WaitUntilSettledOperator(task_id="wait_until_settled", settings=SETTINGS)
    signal_new_images = SignalNewImagesOperator(
        task_id="signal_new_images", settings=SETTINGS, settled=wait_until_settled.output
    )

    wait_until_settled >> signal_new_images
