"""Node of a local cluster, its only machine: what a command finds on it, and how it is started."""

import shlex
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from local_aws.config import EndpointConfig
from local_aws.emr.node.command import Command, CommandError
from local_aws.emr.node.command_log import CommandLog
from local_aws.emr.node.environment import command_environment
from local_aws.emr.node.offline import offline
from local_aws.emr.node.session_process import SessionProcess
from local_aws.emr.node.spark_conf import S3_SCHEMES, core_site, log4j2_properties, read_configurations, spark_defaults
from local_aws.emr.node.spark_submit import DRIVER_PYTHON, PYTHON, SparkSubmit
from local_aws.emr.state.cluster_folder import ClusterFolder
from local_aws.emr.state.records import ClusterRecord
from local_aws.s3.files.paths import ObjectPathError, is_bucket_name, object_path

# A step lives for seconds or minutes on a few cores, where Java's second compiler takes more time than it saves.
_SHORT_LIFE = "-XX:TieredStopAtLevel=1"
_S3_PREFIXES = tuple(f"{scheme}://" for scheme in S3_SCHEMES)


class ScriptNotFoundError(CommandError):
    """An error because the script of a step or a bootstrap action is not in S3."""


class Node:
    """The machine that prepares the commands of one cluster."""

    def __init__(self, config: EndpointConfig, record: ClusterRecord, folder: ClusterFolder) -> None:
        self._config, self._record, self._folder = config, record, folder
        self._configuration = read_configurations(record.settings["Configurations"])

    def prepare(self, command: Command, name: str, log: CommandLog) -> Callable[[], SessionProcess]:
        """Put the files of a command in place, and return what starts it. Raises CommandError when it cannot run."""
        if self._configuration.ignored:
            log.note(f"Without effect on one machine: {', '.join(self._configuration.ignored)}")
        cwd = self._folder.command_path(name)
        cwd.mkdir(parents=True, exist_ok=True)
        conf_path = self._write_configuration(name)
        submit = command.spark_submit
        # On EMR, spark-env is for Spark alone.
        is_asked = submit or not self._config.hardness.bare_steps
        asked = (self._configuration.environment if is_asked else {}) | (submit.environment if submit else {})
        env = command_environment(self._config, self._record, self._folder, conf_path, asked)
        if command.script_uri:
            words = [*self._fetch_script(command.script_uri, cwd), *command.args]
        elif program := shutil.which(command.args[0], path=env["PATH"]):
            words = [program, *command.args[1:]]
        else:
            raise CommandError(f'Cannot run program "{command.args[0]}": not found on the path {env["PATH"]}')
        if submit:
            words[1:1] = self._driver_python(submit, env, conf_path, log)
            env["SPARK_SUBMIT_OPTS"] = f"{_SHORT_LIFE} {env.get('SPARK_SUBMIT_OPTS', '')}".strip()
        log.note(f"startExec {shlex.join(words)!r}")
        if self._config.hardness.offline_steps:
            words = offline(words, self._config.socket_path, self._config.port)
        return partial(SessionProcess, words, cwd, env, log.stdout_path, log.stderr_path)

    def log_destination(self, uri: str) -> Path:
        """Return the folder of a log URI, and raise ObjectPathError when there is no such bucket."""
        bucket = "/".join(uri.split("/")[:3])
        if not self._path_of(bucket).is_dir():
            raise ObjectPathError(uri, "the bucket does not exist")
        return self._path_of(uri)

    def _path_of(self, uri: str) -> Path:
        """Return the file or folder of a URI, and raise ObjectPathError for one outside the buckets."""
        root = self._config.root
        path = object_path(root, uri)
        if not path.resolve().is_relative_to(root.resolve()):
            raise ObjectPathError(uri, "a link on its way leads out of the folder of the buckets")
        return path

    def _write_configuration(self, name: str) -> Path:
        """Write the configuration files again for each command, because buckets come and go."""
        root = self._config.root
        folders = [path for path in root.iterdir() if path.is_dir() and not path.is_symlink()]
        buckets = sorted(path for path in folders if is_bucket_name(path.name))
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
        try:
            source = self._path_of(uri) if uri.startswith(_S3_PREFIXES) else Path(uri.removeprefix("file://"))
            script = shutil.copyfile(source, cwd / source.name)
        except (ObjectPathError, ValueError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ScriptNotFoundError(f"the script {uri} cannot be fetched: {reason}") from error
        script.chmod(0o700)
        with script.open("rb") as opened:
            has_interpreter = opened.read(2) == b"#!"
        return [str(script)] if has_interpreter else ["bash", str(script)]
