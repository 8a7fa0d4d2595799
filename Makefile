# Thin: each target calls one program of tools/. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

export LOCAL_HOME ?= .local
override LOCAL_HOME := $(abspath $(LOCAL_HOME))
AIRFLOW_PYTHON := $(LOCAL_HOME)/envs/airflow/bin/python
SPARK_PYTHON := $(LOCAL_HOME)/envs/spark/bin/python
setup_command := tools/env/setup.sh
# The variables of make's command line, so that a program can refuse those that it does not know.
given = $(strip $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))))
# docs/aws.md exports the name of a bucket: one that was not given to make is not meant for it.
bucket = $(if $(filter command,$(origin BUCKET)),"--bucket=$$BUCKET")

.PHONY: help
help: ## list the targets
	@options=$$(python3 -m run_contract 2> /dev/null); sed -nE "s/@OPTIONS@/$${options:-SOURCE= RUN= WEIGHTS=}/; s/^([a-z0-9-]+):.*## (.*)/\1\t\2/p" Makefile | while IFS=$$'\t' read -r target text; do printf '  make %-16s %s\n' "$$target" "$$text"; done

.PHONY: run
run: setup ## run the pipeline to its end; options, of which docs/reference/params.md says more: @OPTIONS@
	@GIVEN_TO_MAKE="$(given)" "$(AIRFLOW_PYTHON)" -m tools.run.run_pipeline

.PHONY: plan
plan: setup ## say what a run would take and cost on AWS, without the run; options as of `make run`, BUCKET= of a deployment (JSON=1)
	@GIVEN_TO_MAKE="$(given)" PYTHONPATH=plugins "$(AIRFLOW_PYTHON)" -m tools.run.plan $(bucket) $${JSON:+--json}

.PHONY: compare
compare: setup ## run several networks on the same photographs: BACKBONES="mobilenet_v2 resnet50,PRECISION=bfloat16 net.json", options as of `make run` (JSON=1)
	@GIVEN_TO_MAKE="$(given)" PYTHONPATH=plugins "$(AIRFLOW_PYTHON)" -m tools.run.compare $${JSON:+--json}

.PHONY: history
history: setup ## list what was published: snapshots, their runs, what was computed, which is current (JSON=1)
	@PYTHONPATH=plugins "$(AIRFLOW_PYTHON)" -m tools.run.history $${JSON:+--json}

.PHONY: diff
diff: setup ## say what two snapshots differ in: A= and B= of `make history`, else the current one and the one before (JSON=1, BUCKET=)
	@"$(SPARK_PYTHON)" -m tools.diff.main $${A:+"--a=$$A"} $${B:+"--b=$$B"} $(bucket) $${JSON:+--json}

.PHONY: rollback
rollback: setup ## take readers back to an earlier snapshot: SNAPSHOT= one of `make history`, WHY="the reason"
	@"$(AIRFLOW_PYTHON)" -m tools.run.rollback

.PHONY: notebook
notebook: setup ## open notebooks/explore_features.ipynb on what is published, in an environment of its own
	@$(setup_command) notebook
	@"$(LOCAL_HOME)/envs/notebook/bin/python" -m jupyterlab notebooks/explore_features.ipynb

.PHONY: up
up: setup ## start Airflow, its UI at http://127.0.0.1:8080 and the local AWS endpoint
	@"$(AIRFLOW_PYTHON)" -m tools.local.services up

.PHONY: down
down: ## stop what `make up` started
	@[[ ! -x "$(AIRFLOW_PYTHON)" ]] || "$(AIRFLOW_PYTHON)" -m tools.local.services down

# Suites run side by side, those that take longest begin first; each is printed when it is done.
suites = $(MAKE) --jobs=5 --keep-going --output-sync=target

.PHONY: test
test: setup ## run all tests but the faults, about 12 minutes on two cores
	@$(suites) test-networks test-spark test-endpoint test-end-to-end test-airflow test-plugins

.PHONY: test-quick
test-quick: setup ## run the tests that are not slow
	@$(suites) test-plugins test-networks test-spark test-airflow test-endpoint ARGS='-m "not slow"'

.PHONY: test-airflow
test-airflow: setup ## run the tests of the Airflow environment that no other target runs
	@"$(AIRFLOW_PYTHON)" -m pytest $(addprefix --ignore=,$(addprefix tests/,spark_jobs faults end_to_end plugins) $(endpoint_tests)) $(ARGS)

.PHONY: test-plugins
test-plugins: setup ## run the tests of Airflow's plugins
	@"$(AIRFLOW_PYTHON)" -m pytest tests/plugins $(ARGS)

endpoint_tests := tests/local_aws tests/bootstrap tests/compose
.PHONY: test-endpoint
test-endpoint: setup ## run the tests of the local endpoint, of a node's set-up and of docker-compose
	@"$(AIRFLOW_PYTHON)" -m pytest $(endpoint_tests) $(ARGS)

.PHONY: test-end-to-end
test-end-to-end: setup ## run the tests that start all services, and run the DAG by `make run`
	@"$(AIRFLOW_PYTHON)" -m pytest tests/end_to_end $(ARGS)

.PHONY: test-spark
test-spark: setup ## run the tests of the Spark environment, but for those of test-networks
	@tools/env/test_spark.sh "$(SPARK_PYTHON)" $(addprefix --ignore=,$(network_tests)) $(ARGS)

network_tests := $(addprefix tests/spark_jobs/,featurize images networks)
.PHONY: test-networks
test-networks: setup ## run the tests of images, of the networks and of featurize_images
	@tools/env/test_spark.sh "$(SPARK_PYTHON)" $(network_tests) $(ARGS)

.PHONY: test-faults
test-faults: setup ## break everything once, and write docs/faults.md (FLOOR=1: on the oldest Airflow supported, writes nothing)
	@$(if $(FLOOR),tools/env/setup.sh airflow-floor,true)
	@$(if $(FLOOR),FAULTS_AIRFLOW_PYTHON="$(LOCAL_HOME)/envs/airflow-floor/bin/python",FAULTS_TABLE=docs/faults.md) \
	  "$(AIRFLOW_PYTHON)" -m pytest tests/faults $(ARGS)

.PHONY: test-mwaa
test-mwaa: ## run the tests of DAGs, plugins and bundle on what MWAA runs, in environments of their own (AIRFLOW=3.2.1: on that alone)
	@tools/env/test_mwaa.sh $${AIRFLOW}

.PHONY: test-spark4
test-spark4: ## run the Spark tests on PySpark 4.0, which emr-spark-8.0.0 has, in an environment of its own
	@tools/env/test_spark4.sh $(ARGS)

.PHONY: test-compose
test-compose: setup ## build and run docker-compose for real, to a green run and its picture (STAND_INS=1: without a registry)
	@$(if $(STAND_INS),tests/compose/stand_ins/make.sh,true)
	@TEST_COMPOSE=1 "$(AIRFLOW_PYTHON)" -m pytest tests/compose/test_containers.py --log-cli-level=INFO $(ARGS)

.PHONY: check
check: setup ## ruff, mypy, shellcheck, the import rules
	@tools/env/check.sh "$(AIRFLOW_PYTHON)" "$(SPARK_PYTHON)"

.PHONY: format
format: setup ## format the Python code
	@"$(AIRFLOW_PYTHON)" -m ruff check --fix-only --quiet . && "$(AIRFLOW_PYTHON)" -m ruff format .

.PHONY: reference
reference: setup ## write the tables of docs/reference/ from run_contract/
	@"$(AIRFLOW_PYTHON)" -m tools.env.reference

.PHONY: setup
setup: ## build the two environments, when their locks have changed
	@$(setup_command)

.PHONY: lock
lock: ## compile requirements/*.txt from pyproject.toml (UPGRADE=1: to the newest versions)
	@tools/env/lock.sh

.PHONY: env
env: ## write a .env with random passwords for docker-compose
	@tools/env/make_env.sh

.PHONY: mwaa-bundle
mwaa-bundle: setup ## collect what MWAA takes into .local/mwaa: OUTPUTS=<file of `aws cloudformation describe-stacks`>
	@PYTHONPATH=plugins "$(AIRFLOW_PYTHON)" -m tools.env.mwaa_bundle "$${OUTPUTS:-stack.json}"

.PHONY: wheels
wheels: setup ## download what nodes are installed from into .local/wheels, to be copied into the bucket (LOCK=requirements-tensorflow.txt: for engine=tensorflow)
	@PYTHONPATH=plugins "$(AIRFLOW_PYTHON)" -m tools.env.wheels $(LOCK)

.PHONY: preflight
preflight: setup ## ask an AWS account, read-only, whether a run can work: OUTPUTS= as above, else the settings of the environment
	@PYTHONPATH=plugins "$(AIRFLOW_PYTHON)" -m tools.preflight.main $${OUTPUTS:+"$$OUTPUTS"}

.PHONY: clean
clean: ## remove runs, buckets, logs and Airflow's database; keeps the environments
	@[[ ! -x "$(AIRFLOW_PYTHON)" ]] || "$(AIRFLOW_PYTHON)" -m tools.local.services end
	@tools/env/clean.sh

.PHONY: bench
bench: setup ## measure: N=3000 BACKBONES= ONLY="featurize pca executors airflow whole scale" PHOTOS=<folder> WEIGHTS=<file, of whole> ROUNDS=3 ROWS="20000 90000"
	@PYTHONPATH=.:plugins "$(AIRFLOW_PYTHON)" -m benchmarks.run $${N:+"--count=$$N"} $${PHOTOS:+"--photos=$$PHOTOS"} \
	  $${ROUNDS:+"--rounds=$$ROUNDS"} $${BACKBONES:+--backbones $$BACKBONES} $${ONLY:+--only $$ONLY} $${ROWS:+--rows $$ROWS} \
	  $${WEIGHTS:+"--weights=$$WEIGHTS"} $${PRECISIONS:+--precisions $$PRECISIONS}

.PHONY: sweep
sweep: setup ## measure featurize_images by executors and cores, and write docs/costs.md: N=300 BACKBONES=mobilenet_v2 PHOTOS=<folder> ROUNDS=1
	@$(MAKE) bench ONLY=executors N=$${N:-300} BACKBONES="$${BACKBONES:-mobilenet_v2}" ROUNDS=$${ROUNDS:-1}
	@$(MAKE) bench-report

.PHONY: bench-report
bench-report: ## write the tables of docs/benchmarks.md, measurements.md and costs.md from benchmarks/results
	@PYTHONPATH=.:plugins "$(AIRFLOW_PYTHON)" -m benchmarks.report
