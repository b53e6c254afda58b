"""What the documents say is true: commands run, examples are accepted, tables follow the code."""

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from balancer.config.load import read_setup

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def shell_lines() -> list[str]:
    return [
        line.split("#")[0].strip()
        for block in blocks("sh")
        for line in block.splitlines()
        if line.strip()
    ]


def test_the_reference_follows_the_code() -> None:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tests/docs/reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    written = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    assert written == reference.reference(), "python tests/docs/reference.py --write"


def test_the_example_house_is_accepted() -> None:
    assert read_setup(ROOT / "config.toml", environ={}).house.loads


def test_the_example_in_the_readme_is_accepted(tmp_path: Path) -> None:
    examples = blocks("toml")
    assert examples
    for number, example in enumerate(examples):
        secret = tmp_path / "mqtt"
        secret.write_text("secret", encoding="utf-8")
        file = tmp_path / f"{number}.toml"
        file.write_text(example.replace("/run/secrets/mqtt", str(secret)), encoding="utf-8")
        assert tomllib.loads(example)
        assert read_setup(file, environ={}).house.loads


def commands() -> list[list[str]]:
    found = [shlex.split(line) for line in shell_lines() if line.startswith("balancer ")]
    found += [shlex.split(each) for each in re.findall(r"`(balancer [a-z]+(?: [^`]*)?)`", README)]
    return found


@pytest.mark.parametrize("name", sorted({words[1] for words in commands()}))
def test_every_command_of_the_readme_has_the_options_it_is_shown_with(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "balancer", name, "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "200", "PATH": "/usr/bin:/bin", "TERM": "dumb"},
    )
    assert done.returncode == 0, done.stderr
    for words in commands():
        if words[1] == name:
            for option in words[2:]:
                if option.startswith("--"):
                    assert option in done.stdout, (words, done.stdout)


def test_the_documents_name_only_files_that_exist() -> None:
    for document in [
        ROOT / "README.md",
        *ROOT.glob("deploy/*/README.md"),
        ROOT / "mosquitto/README.md",
    ]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), (document, target)


def test_the_documents_run_scripts_that_exist() -> None:
    scripts = re.findall(r"python ((?:tests|mosquitto)/\S+\.py)", README)
    assert scripts
    for script in scripts:
        assert (ROOT / script).is_file(), script


def test_ci_runs_the_tests_as_the_readme_does() -> None:
    install, test = "pip install -e '.[test]'", "/pytest -n 2 --dist loadfile"
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    lines = [line for line in shell_lines() if line.startswith("python3 -m venv")]
    assert any(install in line and line.endswith(test) for line in lines), lines
    assert "-e '.[test]'" in ci
    assert '"$bin/pytest" -n 2 --dist loadfile' in ci
