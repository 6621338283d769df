# One image for every service of docker-compose.yaml. It builds with and without BuildKit; nothing is fetched when it starts.
FROM python:3.12-slim-bookworm AS wheel
WORKDIR /build
COPY requirements-build.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY plugins ./plugins
COPY sql ./sql
COPY expectations ./expectations
RUN python -m pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.12-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW_HOME=/opt/airflow GX_ANALYTICS_ENABLED=false
RUN useradd --uid 50000 --gid 0 --home-dir /home/airflow --create-home airflow \
    && mkdir -p /opt/airflow/logs /opt/stripe_sync/reports \
    && chown -R airflow:0 /opt/airflow /opt/stripe_sync
COPY requirements.txt /tmp/requirements.txt
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r /tmp/requirements.txt \
    && rm /tmp/requirements.txt
COPY --from=wheel /wheels /wheels
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps /wheels/*.whl && rm -r /wheels
WORKDIR /opt/stripe_sync
COPY --chown=airflow:0 dags ./dags
COPY --chown=airflow:0 sandbox ./sandbox
COPY --chown=airflow:0 docker/plugins ./plugins
COPY --chown=airflow:0 demo/environments.toml ./demo.toml
USER airflow
CMD ["airflow", "version"]
