"""The Compose file is read as Compose reads it, and its commands have the options that MLflow has."""

from __future__ import annotations

import re
import shlex

import click
import yaml
from mlflow.cli import cli

from tests.conftest import ROOT

SERVICES = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]


def test_every_option_of_its_commands_is_one_of_mlflow() -> None:
    for name in ("mlflow", "model"):
        program, *words = shlex.split(SERVICES[name]["command"])
        assert program == "mlflow"
        command: click.Command = cli
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), words.pop(0))
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, name


def test_servers_are_reached_from_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_model_reaches_the_server_by_a_name_that_the_server_accepts() -> None:
    """MLflow refuses requests that name another host."""
    host = SERVICES["model"]["environment"]["MLFLOW_TRACKING_URI"].removeprefix("http://")
    accepted = re.search(r"--allowed-hosts (\S+)", SERVICES["mlflow"]["command"])[1].split(",")
    assert host in accepted
    assert host.partition(":")[0] in SERVICES
