"""A command's settings from options and a local file or MLflow artifact."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecgml.config import C, resolve
from ecgml.errors import ConfigError
from ecgml.service.store import check_store, connect
from ecgml.service.tracker import fetch_artifact

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/")  # of two letters at least: C:/ is a drive


def resolve_settings(kind: type[C], options: Mapping[str, Any], config: str = "") -> C:
    """Combine options, a settings file and defaults; see :func:`ecgml.config.resolve`.

    Parameters
    ----------
    kind : type of Configuration
        The command's.
    options : mapping
        Values by flat name; ``None`` and ``""`` mean "not given".
    config : str
        A YAML file of settings: a path, or the address of an artifact, as ``runs:/<run id>/best.yaml``.

    Raises
    ------
    ConfigError
        If a setting is unknown or does not fit, or the file is missing or no mapping.
    TrackingError
        If the artifact cannot be fetched.
    """
    if not _ADDRESS.match(config):
        return resolve(kind, options, config)
    check_store()
    connect()
    with tempfile.TemporaryDirectory() as folder:
        path = fetch_artifact(config, Path(folder), f"config: {config}")
        try:
            return resolve(kind, options, path)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(path), config)) from None
