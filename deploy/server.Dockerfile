# docker build -f deploy/server.Dockerfile -t ecgml .
# docker run -p 8000:8000 -e MLFLOW_TRACKING_URI=http://mlflow:5000 -e ECGML_TOKEN=… ecgml models:/ecg-rhythm@champion
FROM python:3.11-slim
RUN useradd --create-home ecgml
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY ecgml ecgml
# PyPI's torch brings CUDA; the CPU build is enough to serve.
RUN pip install --no-cache-dir torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir .
USER ecgml
EXPOSE 8000
ENTRYPOINT ["ecgml", "serve", "--host", "0.0.0.0"]
CMD ["models:/ecg-rhythm@champion"]
