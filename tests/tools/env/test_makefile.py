"""The Makefile: says what it can do, and passes on what a person writes, whatever is in it."""

import ast
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from run_contract.param_queries import make_run_params
from tools.local.home import REPOSITORY

PROMISED = {"check", "down", "help", "run", "test", "up"}


def make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_has_one_line_for_each_target() -> None:
    lines = make("help").stdout.splitlines()
    recipe = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    told = [line.split()[1] for line in lines]
    assert told == re.findall(r"^\.PHONY: (\S+)$", recipe, re.MULTILINE)
    assert set(told) > PROMISED
    assert all(len(line.split()) > 3 for line in lines)
    assert make().stdout.splitlines() == lines


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """Stands for the environment's Python, and prints its arguments and the request that it would read."""
    stub = tmp_path / "python"
    program = "import os; from tools.run.run_request import parse_request; print(dict(parse_request(os.environ).asked))"
    stub.write_text(f'#!/usr/bin/env bash\nprintf "%s\\n" "$@"\nexec {sys.executable} -c "{program}"\n')
    stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
    return stub


def asked(stub: Path, *arguments: str, **variables: str) -> object:
    done = make("run", "setup_command=true", f"AIRFLOW_PYTHON={stub}", *arguments, **variables)
    *words, request = done.stdout.splitlines()
    assert words == ["-m", "tools.run.run_pipeline"], done.stderr
    return ast.literal_eval(request)


@pytest.mark.parametrize("source", ["my photos", "it's", 'a "b"', "#1 & 50% (ü); *", "s3://bucket/a b"])
def test_odd_words_reach_the_tool_whole(stub: Path, source: str) -> None:
    assert asked(stub, f"SOURCE={source}", "COMPONENTS=8") == {"source_uri": source, "pca_components": 8}


def test_variables_may_come_from_the_environment_too(stub: Path) -> None:
    assert asked(stub, RUN="fruits", WEIGHTS="random:0") == {"run": "fruits", "weights": "random:0"}


@pytest.mark.parametrize("target", ["plan", "diff"])
def test_a_bucket_is_meant_only_where_it_is_given_to_make(stub: Path, target: str) -> None:
    pythons = (f"AIRFLOW_PYTHON={stub}", f"SPARK_PYTHON={stub}")
    exported = make(target, "setup_command=true", *pythons, BUCKET="of-the-shell")
    given = make(target, "setup_command=true", *pythons, "BUCKET=a b", BUCKET="of-the-shell")
    assert "of-the-shell" not in exported.stdout
    assert "--bucket=a b" in given.stdout.splitlines()


def test_a_variable_that_there_is_not_is_refused_by_name(stub: Path) -> None:
    done = make("run", "setup_command=true", f"AIRFLOW_PYTHON={stub}", "COMPONENT=8")
    assert "there is no COMPONENT; those are SOURCE, SAMPLE, " in done.stderr


def test_help_lists_every_option_of_make_run() -> None:
    (line,) = [line for line in make("help").stdout.splitlines() if line.startswith("  make run ")]
    assert line.endswith(" ".join(f"{param.make_variable}=" for param in make_run_params()))


def test_what_the_makefile_calls_is_there() -> None:
    recipe = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    scripts, modules = set(re.findall(r"tools/\w+/\w+\.sh", recipe)), set(re.findall(r"-m tools\.([\w.]+)", recipe))
    assert len(scripts) > 4
    assert all((REPOSITORY / script).is_file() for script in scripts)
    assert modules >= {"run.run_pipeline", "local.services"}
    assert all((REPOSITORY / "tools" / f"{module.replace(chr(46), chr(47))}.py").is_file() for module in modules)
