"""
# fruit_features: from photographs to PCA features

This DAG processes every photograph under a prefix, on a Spark cluster that exists only for this run:

1. **check_run** refuses params and inputs that cannot work, before anything costs money. If nothing is new since the
   published snapshot, it and all that follows are skipped, and the run is green; its log says what was compared.
2. **stage_code** uploads the Spark jobs, once for each version.
3. **create_cluster** makes an EMR cluster and waits until it takes steps.
4. **ingest_images** lists the photographs and packs those that can be read; the others become rejects, with a reason.
5. **featurize_images** turns each image into a feature vector: the network's output before its last layers. Only
   vectors that no earlier run has computed take time.
6. **reduce_features** standardizes the vectors and reduces them by PCA, with a new model or the published one.
7. **validate_run** checks all of it and writes the report.
8. **publish** points `published/latest.json` at the run, if the report says passed.
9. **terminate_cluster** ends the cluster, whatever happened before.
10. **remove_old_runs** removes runs that are older than the snapshots that are kept. If it is red, the run is still
    green: the next run removes what this one left.

**Its params.** The form shows the deployment's settings. A run that nobody triggered has no form: it repeats the params
of what is published, and is refused if its vectors would be others. The log of `check_run` says what is published and
what the run takes.

**Where to look.** *Trigger* shows the form; an empty form takes the deployment's own photographs. While a stage runs,
the log of its `wait_for_step` says how far it is. When the run is green, *Report* (a button of `publish` and of
`validate_run.wait_for_step`) opens the report, and *Data in S3* the datasets under `runs/<run>/`. On Airflow 3.1 and
newer, the report is also a tab of the run.

**When it is red.** The last lines of the red task's log say what, where and what to do; for a stage they are the step's
own. What is published has not changed. Clear the stage's task group to repeat it and what follows, on a new cluster. A
run that is published is never rewritten: trigger a new run instead, with `force` if nothing changed.

**For other DAGs.** Schedule on the asset `fruit_features` and read the URIs from `published/latest.json`.
"""

from airflow.sdk import DAG, TaskGroup, chain

from emr_pipeline.landing.assets import fruit_images_asset
from emr_pipeline.operators.add_step import AddStepOperator
from emr_pipeline.operators.check_run import CheckRunOperator
from emr_pipeline.operators.create_cluster import CreateClusterOperator
from emr_pipeline.operators.publish import PublishOperator
from emr_pipeline.operators.remove_old_runs import RemoveOldRunsOperator
from emr_pipeline.operators.stage_code import StageCodeOperator
from emr_pipeline.operators.terminate_cluster import TerminateClusterOperator
from emr_pipeline.operators.wait_for_step import WaitForStepSensor
from emr_pipeline.run.stages import STAGES, Stage
from emr_pipeline.settings import Settings
from emr_pipeline.task.messages import task_defaults
from emr_pipeline.task.trigger_form import run_params

SETTINGS = Settings.from_environment()
# These are templates and not `.output`, which would draw an arrow from these tasks to every stage.
CODE_URI = "{{ ti.xcom_pull(task_ids='stage_code') }}"
SNAPSHOT = "{{ ti.xcom_pull(task_ids='publish') or '' }}"
CLUSTER_ID = "{{ ti.xcom_pull(task_ids='create_cluster') }}"


def stage_group(stage: Stage) -> TaskGroup:
    """Return two tasks: one adds the stage's step to the cluster, the other waits for it."""
    with TaskGroup(stage.name) as group:
        add_step = AddStepOperator(
            task_id="add_step", settings=SETTINGS, stage=stage, job_flow_id=CLUSTER_ID, code_uri=CODE_URI
        )
        wait_for_step = WaitForStepSensor(
            task_id="wait_for_step",
            settings=SETTINGS,
            stage=stage,
            job_flow_id=CLUSTER_ID,
            step_id=add_step.output,
            code_uri=CODE_URI,
        )
        add_step >> wait_for_step
    return group


with DAG(
    dag_id="fruit_features",
    doc_md=__doc__,
    schedule=[fruit_images_asset(SETTINGS)],
    catchup=False,
    # Runs publish in the order in which they were triggered, and two of one name cannot write over each other.
    max_active_runs=1,
    params=run_params(SETTINGS),
    default_args=task_defaults(SETTINGS),
    tags=["emr", "spark", "images"],
) as dag:
    check_run = CheckRunOperator(task_id="check_run", settings=SETTINGS)
    stage_code = StageCodeOperator(task_id="stage_code", settings=SETTINGS)
    create_cluster = CreateClusterOperator(task_id="create_cluster", settings=SETTINGS, code_uri=CODE_URI)
    stages = [stage_group(stage) for stage in STAGES]
    publish = PublishOperator(
        task_id="publish",
        settings=SETTINGS,
        code_uri=CODE_URI,
        # Lineage: its outlet is the asset `fruit_features`.
        inlets=[fruit_images_asset(SETTINGS)],
    )
    terminate_cluster = TerminateClusterOperator(
        task_id="terminate_cluster", settings=SETTINGS, job_flow_id=create_cluster.output
    )
    remove_old_runs = RemoveOldRunsOperator(task_id="remove_old_runs", settings=SETTINGS, published=SNAPSHOT)

    chain(check_run, stage_code, create_cluster, *stages, publish)
    stages[-1] >> terminate_cluster.as_teardown(setups=create_cluster, on_failure_fail_dagrun=True)
    publish >> remove_old_runs.as_teardown()
