"""Registries to lock, write to and break off in."""

from tests.registries import registry, tracking_store

__all__ = ["registry", "tracking_store"]
