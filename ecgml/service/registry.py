"""Versions of the registered model and their aliases."""

from __future__ import annotations

from collections.abc import Mapping

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.tracking import MlflowClient

from ecgml.errors import TrackingError
from ecgml.service.model_card import ABOUT, card_as_description, link_version

REGISTERED_MODEL = "ecg-rhythm"

CHALLENGER = "challenger"


def register(model_id: str, run_id: str, tags: Mapping[str, str], alias: str = CHALLENGER) -> str:
    """Register a logged model as a new version and give it an alias; return the version.

    Parameters
    ----------
    model_id : str
        The LoggedModel.
    run_id : str
        The run that it comes from.
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
