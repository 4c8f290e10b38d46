"""Versions of the registered model and their aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.tracking import MlflowClient

from ecgml.errors import PromotionError, TrackingError
from ecgml.service.model_card import ABOUT, card_as_description, link_version
from ecgml.service.runs import children_of, pages, read_run

REGISTERED_MODEL = "ecg-rhythm"

RUN_ID_LENGTH = 32
"""Length of MLflow's run ids, hexadecimal digits."""

CHALLENGER, CHAMPION, PREVIOUS = "challenger", "champion", "previous"


@dataclass(frozen=True)
class RegisteredVersion:
    """A candidate for promotion: its run, its LoggedModel, and its version if registered."""

    run_id: str
    model_id: str
    version: str = ""


def register(model_id: str, run_id: str, tags: Mapping[str, str], alias: str = CHALLENGER) -> str:
    """Register a logged model as a new version and give it an alias; return the version.

    Parameters
    ----------
    model_id : str
        The LoggedModel.
    run_id : str
        The run that logged it.
    tags : mapping
        Of the version.
    alias : str

    Raises
    ------
    TrackingError
        If the registry refuses.
    """
    client = MlflowClient()
    try:
        try:
            client.create_registered_model(REGISTERED_MODEL, description=ABOUT)
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
        version = client.create_model_version(
            REGISTERED_MODEL,
            f"models:/{model_id}",
            run_id,
            dict(tags),
            description=card_as_description(model_id),
            model_id=model_id,
        ).version
        link_version(client, model_id, REGISTERED_MODEL, version)
        client.set_registered_model_alias(REGISTERED_MODEL, alias, version)
    except MlflowException as error:
        first_line = str(error).strip().splitlines()[0]
        raise TrackingError(f"{REGISTERED_MODEL}: model {model_id} cannot be registered: {first_line}") from None
    return str(version)


def versions_of_model(client: MlflowClient) -> list[ModelVersion]:
    """Return every version of the registered model."""
    return pages(lambda token: client.search_model_versions(f"name = '{REGISTERED_MODEL}'", page_token=token))


def find_candidate(what: str) -> RegisteredVersion:
    """Return the model of a run, a version or an alias.

    Parameters
    ----------
    what : str
        Id of a model's run or of a finished study's; a version's number; an alias. Also as
        addresses of MLflow: ``runs:/<id>``, ``models:/ecg-rhythm/3``, ``models:/ecg-rhythm@challenger``.

    Raises
    ------
    TrackingError
        If there is no such thing.
    PromotionError
        If it is a job of several models, has no model, or its version names another run than its model.
    """
    name = what.strip()
    for prefix in ("runs:/", f"models:/{REGISTERED_MODEL}/", f"models:/{REGISTERED_MODEL}@"):
        name = name.removeprefix(prefix)
    if name.isdecimal() and len(name) < RUN_ID_LENGTH:
        return _of_version(name)
    if len(name) == RUN_ID_LENGTH and all(digit in "0123456789abcdef" for digit in name):
        return _of_run(name)
    try:
        return _of_version(str(MlflowClient().get_model_version_by_alias(REGISTERED_MODEL, name).version))
    except MlflowException:
        raise TrackingError(
            f"{what!r} is no alias of {REGISTERED_MODEL}; give a run's id, a version's number or an alias"
        ) from None


def _of_version(version: str) -> RegisteredVersion:
    client = MlflowClient()
    try:
        registered = client.get_model_version(REGISTERED_MODEL, version)
    except MlflowException:
        raise TrackingError(f"{REGISTERED_MODEL} has no version {version}") from None
    model_id = registered.model_id or (registered.source or "").removeprefix("models:/")
    try:
        source_run_id = client.get_logged_model(model_id).source_run_id
    except MlflowException:
        source_run_id = None
    if not registered.run_id or source_run_id != registered.run_id:
        # Otherwise another model's metrics would be compared.
        raise PromotionError(
            f"version {version} of {REGISTERED_MODEL} was not registered from the run that logged its model (it names "
            f"run {registered.run_id or 'none'}, its model was logged by {source_run_id or 'no run'}); "
            "promote the run instead"
        )
    return RegisteredVersion(registered.run_id, model_id, version)


def _of_run(run_id: str) -> RegisteredVersion:
    run = read_run(run_id)
    if winner := run.data.tags.get("winner"):
        return _of_run(winner) if winner != run_id else _of_model(run_id)
    if children := children_of(run):
        listed = ", ".join(f"{name} {child.run_id}" for name, child in sorted(children.items())[:6])
        more = ", …" if len(children) > 6 else ""
        raise PromotionError(
            f"run {run_id} is a job of several models, or a study without a winner; give one of them: {listed}{more}"
        )
    return _of_model(run_id)


def _of_model(run_id: str) -> RegisteredVersion:
    run, client = read_run(run_id), MlflowClient()
    models = run.outputs.model_outputs if run.outputs else []
    if not models:
        raise PromotionError(f"run {run_id} ({run.info.status.lower()}) has no model; give a finished run")
    # MLflow lists them in no order; of a resumed run's models the last counts.
    model_id = max(
        (model.model_id for model in models), key=lambda name: client.get_logged_model(name).creation_timestamp
    )
    registered = [
        int(version.version)
        for version in versions_of_model(client)
        if version.run_id == run_id
        and (version.model_id or (version.source or "").removeprefix("models:/")) == model_id
    ]
    return RegisteredVersion(run_id, model_id, str(max(registered)) if registered else "")


def register_candidate(candidate: RegisteredVersion) -> RegisteredVersion:
    """Register a model that has no version yet, as challenger."""
    return replace(candidate, version=register(candidate.model_id, candidate.run_id, {}))
