"""Operator that uploads the code for the cluster into the bucket, once for each version."""

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator

from emr_pipeline.errors import CodeNotFoundError
from emr_pipeline.run.code_bundle import LIBRARY, CodeBundle, gather_code
from emr_pipeline.run.layout import code_uri, split_uri
from emr_pipeline.run.stages import STAGES
from emr_pipeline.s3.objects import names_under
from emr_pipeline.settings import Settings
from emr_pipeline.task.airflow_compat import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context

STAGE_NAMES = [stage.name for stage in STAGES]


def wanted_code_uri(settings: Settings) -> str:
    """Return where the code of a run that begins now lies or will lie; raise CodeNotFoundError if there is none."""
    if settings.code_uri:
        return settings.code_uri
    return code_uri(settings.bucket, gather_code(settings.code_root, STAGE_NAMES).version)


class StageCodeOperator(AwsBaseOperator[S3Hook]):
    """Operator that uploads what is missing under `code/<version>/`, and returns that URI.

    With FRUIT_FEATURES_CODE_URI the code was staged by whoever deploys. Then this only checks that it is complete.
    """

    aws_hook_class = S3Hook

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings

    def execute(self, context: "Context") -> str:
        try:
            if self.settings.code_uri:
                return self._found(self.settings.code_uri)
            return self._staged(gather_code(self.settings.code_root, STAGE_NAMES))
        except CodeNotFoundError as error:
            raise AirflowFailException(str(error)) from error

    def _found(self, uri: str) -> str:
        needed = {f"{name}.py" for name in STAGE_NAMES} | {f"{LIBRARY}.zip"}
        missing = needed - set(names_under(self.hook.conn, uri))
        if missing:
            raise CodeNotFoundError(
                f"{uri} lacks {', '.join(sorted(missing))}: stage all of one version there, or unset "
                "FRUIT_FEATURES_CODE_URI"
            )
        self.log.info("The code is staged already: %s", uri)
        return uri

    def _staged(self, bundle: CodeBundle) -> str:
        s3: Any = self.hook.conn
        uri = code_uri(self.settings.bucket, bundle.version)
        there = set(names_under(s3, uri))
        missing = sorted(set(bundle.files) - there)
        for name in missing:
            bucket, key = split_uri(f"{uri}/{name}")
            s3.put_object(Bucket=bucket, Key=key, Body=bundle.files[name])
        self.log.info("%s: uploaded %d of %d files", uri, len(missing), len(bundle.files))
        return uri
