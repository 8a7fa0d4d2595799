"""Assets of landed photographs, and the schedule of fruit_images_landed."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, AssetWatcher

from emr_pipeline.landing.triggers import QueueTrigger
from emr_pipeline.settings import Settings
from emr_pipeline.task.airflow_compat import AssetOrTimeSchedule, DeltaTriggerTimetable


def fruit_images_asset(settings: Settings) -> Asset:
    """Return the asset on which fruit_features is scheduled: the photographs below the source."""
    return Asset(name="fruit_images", uri=settings.source_uri)


def landing_schedule(settings: Settings) -> Any:
    """Return a regular schedule; where a queue is set, S3's messages start a check at once as well."""
    every = timedelta(seconds=settings.landing_every_s)
    if settings.landing_queue_url is None:
        return every
    trigger = QueueTrigger(
        queue_url=settings.landing_queue_url,
        pause_s=settings.landing_settle_s,
        aws_conn_id=settings.aws_conn_id,
        region_name=settings.region,
    )
    notifications = Asset(
        name="fruit_images_notifications",
        uri=settings.landing_queue_url,
        # It makes one event of each burst of S3's notifications.
        watchers=[AssetWatcher(name="fruit_images_queue", trigger=trigger)],
    )
    return AssetOrTimeSchedule(timetable=DeltaTriggerTimetable(every), assets=[notifications])
