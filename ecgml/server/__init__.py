"""The HTTP server: ECG files or arrays in, calibrated answers out. The only room that knows FastAPI.

settings        what a server is asked to do
app             the FastAPI application: routes, limits, life cycle
guard           what every request passes: identity, token, rate, size, time; a fault's one line
loading         an address -> a model ready to answer, its version
trial           does a version load and answer, in a process of its own?
following       the alias moves, the model follows
batching        prepared records of many requests -> batches for the model, with a bounded queue
uploads         files as they were sent -> records, safely
answering       records -> prepared, predicted, described
explaining      what an answer rests on (captum, on request)
files           POST /v1/predict: ECG files
invocations     MLflow's contract: /ping, /health, /version, /invocations
open_inference  the Open Inference Protocol (KServe V2), JSON and binary
drift           what came in last beside what validation looked like: GET /v1/drift
answer_ids      an answer's id, signed
reviews         reviewed answers as a CSV file, and how often model and reviewer agree
feedback        /v1/feedback: a reviewer's rhythm for an answer
drawing         what a client draws of a record
pages           the page at /, its examples, the model's card
about           /v1/schema, /metrics
monitoring      counters and timings for Prometheus
described       /openapi.json: the routes, with the errors and the header that they share
running         uvicorn: port, workers, shutdown
"""
