"""The few names that moved between Airflow 3.0, the oldest supported, and later ones."""

try:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, TaskDeferralError
except ImportError:
    from airflow.exceptions import (  # type: ignore[no-redef]
        AirflowFailException,
        AirflowSensorTimeout,
        TaskDeferralError,
    )

__all__ = ["AirflowFailException", "AirflowSensorTimeout", "TaskDeferralError"]
