"""The script that MLflow runs to build the served model ("models from code")."""

from mlflow.models import set_model

from ecgml.service.pyfunc import RhythmClassifier

set_model(RhythmClassifier())
