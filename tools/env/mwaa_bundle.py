"""`make mwaa-bundle`: what an MWAA environment takes, in one folder, and the code for the clusters next to it.

    python -m tools.env.mwaa_bundle OUTPUTS_JSON

OUTPUTS_JSON is what `aws cloudformation describe-stacks` says of the stack of infra/fruit-features.yaml.
"""

import json
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from emr_pipeline.run.code_bundle import gather_code
from emr_pipeline.run.layout import code_uri
from emr_pipeline.run.stages import STAGES
from emr_pipeline.run.wheels import DEFAULT_LOCK, upload_commands
from tools.errors import ToolError, run_tool
from tools.local.home import REPOSITORY, LocalHome

INFRA_PATH = REPOSITORY / "infra" / "mwaa"


class StackOutputsError(ToolError):
    """The stack's outputs cannot be read."""


def make_bundle(outputs: Mapping[str, str], folder: Path) -> str:
    """Empty and fill `folder`; return the URI where the clusters' code, in code/<version>/, belongs.

    Raises StackOutputsError, before anything is removed.
    """
    code = gather_code(REPOSITORY, [stage.name for stage in STAGES])
    uri = code_uri(filled_in("@Bucket@", outputs), code.version)
    script = startup_script(outputs, uri)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "dags").mkdir(parents=True)
    for path in (REPOSITORY / "dags").glob("*.py"):
        shutil.copy(path, folder / "dags")
    zip_plugins(folder / "plugins.zip")

    for name, content in code.files.items():
        path = folder / "code" / code.version / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "startup.sh").write_text(script, encoding="utf-8")
    return uri


def startup_script(outputs: Mapping[str, str], uri: str) -> str:
    """Return MWAA's startup script for a stack and the URI of the clusters' code."""
    return filled_in((INFRA_PATH / "startup.sh").read_text(encoding="utf-8"), {**outputs, "CodeUri": uri})


def stack_settings(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return what the startup script of a stack exports, with the code of this checkout."""
    version = gather_code(REPOSITORY, [stage.name for stage in STAGES]).version
    script = startup_script(outputs, code_uri(filled_in("@Bucket@", outputs), version))
    return dict(re.findall(r'^export (\w+)="(.*)"$', script, re.MULTILINE))


def zip_plugins(path: Path) -> None:
    """Add the contents of plugins/, and not the folder itself: MWAA unpacks them into a plugins/ of its own.

    run_contract/ lies next to them, for MWAA has that folder on its path. .airflowignore keeps Airflow from importing
    every file of both once more, as a plugin.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        plugins = REPOSITORY / "plugins"
        patterns = ((plugins, ".airflowignore"), (plugins, "**/*.py"), (REPOSITORY, "run_contract/**/*.py"))
        for root, pattern in patterns:
            for source in sorted(root.glob(pattern)):
                archive.write(source, source.relative_to(root))


def filled_in(template: str, outputs: Mapping[str, str]) -> str:
    """Return the template with each @Name@ replaced; raises StackOutputsError for one that the stack does not have."""
    missing = sorted(set(re.findall(r"@(\w+)@", template)) - set(outputs))
    if missing:
        raise StackOutputsError(f"the stack has no output {', '.join(missing)}; is it of infra/fruit-features.yaml?")
    return re.sub(r"@(\w+)@", lambda match: outputs[match[1]], template)


def read_outputs(path: Path) -> dict[str, str]:
    """Return the outputs by name, from the answer of describe-stacks."""
    try:
        (stack,) = json.loads(path.read_text(encoding="utf-8"))["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StackOutputsError(
            f"{path}: cannot be read as the outputs of one stack ({type(error).__name__}: {error}); make it by: "
            f"aws cloudformation describe-stacks --stack-name <name> > {path}"
        ) from error


def main(arguments: Sequence[str]) -> None:
    root = LocalHome.from_environment().root
    folder = root / "mwaa"
    outputs = read_outputs(Path(arguments[0]))
    uri = make_bundle(outputs, folder)
    wheels = upload_commands(DEFAULT_LOCK, f"s3://{outputs['Bucket']}/wheels", str(root / "wheels"))
    print(
        f"made {folder}; next:\n"
        f"  aws s3 sync {folder / 'code' / uri.rpartition('/')[2]} {uri}\n"
        f"  {', and '.join(wheels)}\n"
        "  copy dags/, plugins.zip and startup.sh to the MWAA environment's bucket, and update it"
    )


if __name__ == "__main__":
    run_tool(main)
