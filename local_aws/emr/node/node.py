"""Node of a local cluster, its only machine: what a command finds on it, and how it is started."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from local_aws.emr.config import LocalEmrConfig
from local_aws.emr.node.command import Command, CommandError
from local_aws.emr.node.command_log import CommandLog
from local_aws.emr.node.environment import command_environment
from local_aws.emr.node.session_process import SessionProcess
from local_aws.emr.node.spark_conf import core_site, log4j2_properties, read_configurations, spark_defaults
from local_aws.emr.node.spark_submit import DRIVER_PYTHON, PYTHON, SparkSubmit
from local_aws.emr.state.cluster_folder import ClusterFolder
from local_aws.emr.state.records import ClusterRecord
from local_aws.s3.files.paths import ObjectPathError, is_bucket_name, object_path

# A step lives for seconds or minutes on a few cores, where Java's second compiler takes more time than it saves.
_SHORT_LIFE = "-XX:TieredStopAtLevel=1"


class ScriptNotFoundError(CommandError):
    """An error because the script of a step or a bootstrap action is not in S3."""


class PreparedCommand:
    """A command whose files are in place, so that only the process is missing."""

    def __init__(self, args: list[str], cwd: Path, env: dict[str, str], log: CommandLog) -> None:
        self._args, self._cwd, self._env, self._log = args, cwd, env, log

    def start(self) -> SessionProcess:
        self._log.note(f"startExec {shlex.join(self._args)!r}")
        process = SessionProcess(self._args, self._cwd, self._env, self._log.stdout_path, self._log.stderr_path)
        self._log.note(f"ProcessRunner started child process {process.pid}")
        return process


class Node:
    """The machine that prepares the commands of one cluster."""

    def __init__(self, config: LocalEmrConfig, record: ClusterRecord, folder: ClusterFolder) -> None:
        self._config, self._record, self._folder = config, record, folder
        self._configuration = read_configurations(record.request.get("Configurations") or [])

    def prepare(self, command: Command, name: str, log: CommandLog) -> PreparedCommand:
        """Prepare a command, and raise CommandError when it cannot run here."""
        if self._configuration.ignored:
            log.note(f"Without effect on one machine: {', '.join(self._configuration.ignored)}")
        cwd = self._folder.command_path(name)
        cwd.mkdir(parents=True, exist_ok=True)
        conf_path = self._write_configuration(name)
        submit = command.spark_submit
        asked = self._configuration.environment | (submit.environment if submit else {})
        env = command_environment(self._config, self._record, self._folder, conf_path, asked)
        if command.script_uri:
            return PreparedCommand([*self._fetch_script(command.script_uri, cwd), *command.args], cwd, env, log)
        program = shutil.which(command.args[0], path=env["PATH"])
        if program is None:
            raise CommandError(f'Cannot run program "{command.args[0]}": not found on the path {env["PATH"]}')
        if submit is None:
            return PreparedCommand([program, *command.args[1:]], cwd, env, log)
        options = self._driver_python(submit, env, conf_path, log)
        env["SPARK_SUBMIT_OPTS"] = f"{_SHORT_LIFE} {env.get('SPARK_SUBMIT_OPTS', '')}".strip()
        return PreparedCommand([program, *options, *submit.args], cwd, env, log)

    def log_destination(self, uri: str) -> Path:
        """Return the folder of a log URI, and raise ObjectPathError when there is no such bucket."""
        bucket = "/".join(uri.split("/")[:3])
        if not object_path(self._config.buckets_root, bucket).is_dir():
            raise ObjectPathError(uri, "the bucket does not exist")
        return object_path(self._config.buckets_root, uri)

    def _write_configuration(self, name: str) -> Path:
        """Write the configuration files again for each command, because buckets come and go."""
        root = self._config.buckets_root
        buckets = sorted(path for path in root.iterdir() if path.is_dir() and is_bucket_name(path.name))
        conf_path = self._folder.conf_path(name)
        conf_path.mkdir(parents=True, exist_ok=True)
        asked = self._configuration
        defaults = spark_defaults(asked.spark_defaults, self._folder.warehouse_path)
        (conf_path / "spark-defaults.conf").write_text(defaults)
        (conf_path / "core-site.xml").write_text(core_site(asked.core_site, buckets))
        (conf_path / "log4j2.properties").write_text(log4j2_properties(asked.logging))
        return conf_path

    def _driver_python(self, submit: SparkSubmit, env: dict[str, str], conf_path: Path, log: CommandLog) -> list[str]:
        """Return the option that keeps stderr and stdout of a Python driver apart, which spark-submit joins."""
        defaults = self._configuration.spark_defaults
        python = submit.driver_python or defaults.get(DRIVER_PYTHON) or defaults.get(PYTHON)
        words = shlex.join([python or env["PYSPARK_DRIVER_PYTHON"]])
        wrapper = conf_path / "driver-python"
        wrapper.write_text(f'#!/bin/sh\nexec {words} "$@" 2>>{shlex.quote(str(log.stderr_path))}\n')
        wrapper.chmod(0o700)
        return ["--conf", f"{DRIVER_PYTHON}={wrapper}"]

    def _fetch_script(self, uri: str, cwd: Path) -> list[str]:
        """Fetch a script, and return the words that run it: with bash when its first line names no interpreter."""
        if not uri.startswith(("s3://", "s3a://", "s3n://")):
            source = Path(uri.removeprefix("file://"))
        else:
            try:
                source = object_path(self._config.buckets_root, uri)
            except ObjectPathError as error:
                raise ScriptNotFoundError(f"the script {uri} cannot be fetched: {error}") from error
        script = cwd / source.name
        try:
            shutil.copyfile(source, script)
        except OSError as error:
            raise ScriptNotFoundError(f"the script {uri} cannot be fetched: {error.strerror}") from error
        script.chmod(0o700)
        with script.open("rb") as opened:
            has_interpreter = opened.read(2) == b"#!"
        return [str(script)] if has_interpreter else ["bash", str(script)]
