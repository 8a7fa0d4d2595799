"""Names that moved between Airflow 3.0, the oldest supported, and later versions."""

try:
    from airflow.sdk import AssetOrTimeSchedule, DeltaTriggerTimetable
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowSensorTimeout,
        AirflowSkipException,
        TaskDeferralError,
    )
except ImportError:
    from airflow.exceptions import (  # type: ignore[no-redef]
        AirflowFailException,
        AirflowSensorTimeout,
        AirflowSkipException,
        TaskDeferralError,
    )
    from airflow.timetables.assets import AssetOrTimeSchedule  # type: ignore[no-redef,assignment]
    from airflow.timetables.trigger import DeltaTriggerTimetable  # type: ignore[no-redef,assignment]

__all__ = [
    "AirflowFailException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AssetOrTimeSchedule",
    "DeltaTriggerTimetable",
    "TaskDeferralError",
]
