"""Every exception that ecgml raises on purpose.

A message is one line for a person: what was wrong, where, the value, and what to do. The command line prints it and
exits with the class's ``exit_code``.
"""


class EcgmlError(Exception):
    """Base of all; the command line prints its message without a traceback."""

    exit_code = 1


class ConfigError(EcgmlError):
    """A setting, option or configuration file is wrong."""

    exit_code = 2


class RecordError(EcgmlError):
    """One ECG cannot be used.

    Parameters
    ----------
    message : str
        One line that names the file.
    reason : str
        Short slug by which quarantined records are counted, e.g. ``"truncated"``.
    """

    def __init__(self, message: str, reason: str = "unreadable") -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        # Crosses process borders in parallel preparation with its reason.
        return type(self), (str(self), self.reason)


class CohortError(EcgmlError):
    """A data set on disk cannot be understood, or too much of it is unusable."""


class DownloadError(EcgmlError):
    """A data set cannot be fetched: the host, the way to it, what it sent, or the folder to write to."""


class CacheError(EcgmlError):
    """The cache of preprocessed records cannot be written or read."""


class TrainingError(EcgmlError):
    """Training cannot start or go on: too few classes or records, a loss that is not finite."""


class CheckpointError(EcgmlError):
    """A checkpoint is missing, incomplete or does not fit."""


class EvaluationError(EcgmlError):
    """Labels and probabilities cannot be scored: shapes, names or values do not fit."""


class OutputError(EcgmlError):
    """A result (figure, table, page) cannot be written."""


class TrackingError(EcgmlError):
    """MLflow's tracking store or registry cannot be used."""


class ServerError(EcgmlError):
    """A running server does not answer as one of ecgml does."""


class TuningError(EcgmlError):
    """A study cannot be opened, does not fit what is asked, or leads nowhere."""


class PromotionError(EcgmlError):
    """A model may not become champion, or there is none to go back to."""
