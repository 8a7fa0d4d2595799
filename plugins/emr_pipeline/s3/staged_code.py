"""Code for the cluster that was staged by whoever deploys: whether it is whole, and that of its version."""

from typing import Any

from emr_pipeline.errors import CodeNotFoundError, PipelineError
from emr_pipeline.run.code_bundle import LIBRARY, MOST_BYTES, VERSION, is_version
from emr_pipeline.run.layout import object_of
from emr_pipeline.run.stages import STAGES
from emr_pipeline.s3.objects import etags_under


def check_staged(s3: Any, uri: str) -> None:
    """Raise CodeNotFoundError if files are missing, and PipelineError if the URI's version has others than these."""
    there = etags_under(s3, uri)
    missing = ({f"{stage.name}.py" for stage in STAGES} | {f"{LIBRARY}.zip"}) - set(there)
    if missing:
        raise CodeNotFoundError(
            f"{uri} lacks {', '.join(sorted(missing))}: stage all of one version there, or unset "
            "FRUIT_FEATURES_CODE_URI"
        )
    version = uri.rpartition("/")[2]
    if VERSION.fullmatch(version):
        files = {name: s3.get_object(**object_of(f"{uri}/{name}"))["Body"].read(MOST_BYTES) for name in there}
        if not is_version(files, version):
            raise PipelineError(f"{uri} does not hold what version {version} was made of: empty it, stage it again")
