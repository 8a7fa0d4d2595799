"""Operator that uploads the code for the cluster into the bucket, once for each version."""

import hashlib
from typing import Any

from airflow.sdk import Context

from emr_pipeline.errors import PipelineError
from emr_pipeline.operators.s3_operator import S3Operator
from emr_pipeline.run.code_bundle import CodeBundle, gather_code
from emr_pipeline.run.layout import code_uri, object_of
from emr_pipeline.run.stages import STAGES
from emr_pipeline.run.wheels import lock_of
from emr_pipeline.s3.objects import etags_under
from emr_pipeline.s3.staged_code import check_staged
from emr_pipeline.s3.wheels import refuse_missing_wheels
from emr_pipeline.settings import Settings
from emr_pipeline.task.refusal import refused_for_good
from emr_pipeline.task.run_params import params_of_run

STAGE_NAMES = [stage.name for stage in STAGES]


def wanted_code_uri(settings: Settings) -> str:
    """Return where the code of a run that begins now lies or will lie; raise CodeNotFoundError if there is none."""
    if settings.code_uri:
        return settings.code_uri
    return code_uri(settings.bucket, gather_code(settings.code_root, STAGE_NAMES).version)


class StageCodeOperator(S3Operator):
    """Operator that uploads what is missing, or is not the same, under `code/<version>/`, and returns that URI.

    With FRUIT_FEATURES_CODE_URI the code was staged by whoever deploys. Then this only checks that it is complete
    and, where the URI ends with a version, that nothing was changed or added. The wheels of the nodes lie elsewhere in
    the bucket, because few versions of the code change them; a run without them is refused here, before its cluster.
    """

    @refused_for_good()
    def execute(self, context: Context) -> str:
        if self.settings.code_uri:
            uri = self.settings.code_uri
            check_staged(self.hook.conn, uri)
            self.log.info("The code is staged already: %s", uri)
        else:
            uri = self._staged(gather_code(self.settings.code_root, STAGE_NAMES))
        if self.settings.wheels_uri:
            refuse_missing_wheels(self.hook.conn, uri, self.settings.wheels_uri, lock_of(params_of_run(context)))
        return uri

    def _staged(self, bundle: CodeBundle) -> str:
        s3: Any = self.hook.conn
        uri = code_uri(self.settings.bucket, bundle.version)
        there = etags_under(s3, uri)
        foreign = sorted(set(there) - set(bundle.files))
        if foreign:
            # The cluster runs every bootstrap script that lies there.
            raise PipelineError(f"{uri} holds {', '.join(foreign)}, which we did not put there: look, and delete it")
        # An ETag is the MD5 of what was put, or, under a KMS key, never the same: then all is uploaded again.
        wanted = {
            name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in bundle.files.items()
        }
        uploads = sorted(name for name in wanted if there.get(name) != wanted[name])
        changed = [name for name in uploads if name in there]
        if changed:
            self.log.warning("%s: %s were not what this version has, and are replaced", uri, ", ".join(changed))
        for name in uploads:
            s3.put_object(**object_of(f"{uri}/{name}"), Body=bundle.files[name])
        self.log.info("%s: uploaded %d of %d files", uri, len(uploads), len(bundle.files))
        return uri
