# Stages: one fetches the explorer, one builds the portal and the wheel, one installs what runs, and the last holds
# nothing but that.
ARG PYTHON=3.13-slim
ARG NODE=24-slim

FROM node:${NODE} AS explorer
WORKDIR /portal
COPY portal/package.json portal/package-lock.json portal/.npmrc ./
RUN npm ci --silent --omit=dev

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY requirements-build.lock ./
RUN pip install --require-hashes --requirement requirements-build.lock
COPY . .
COPY --from=explorer /portal/node_modules portal/node_modules
RUN pip install --no-deps --no-build-isolation --editable . \
    && mkdocs build --quiet --strict --config-file portal/mkdocs.yml \
    && test -f portal/site/index.html \
    && python -m hatchling build --target wheel --directory /wheel

FROM python:${PYTHON} AS install
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/engage
COPY requirements.lock ./
RUN /opt/engage/bin/pip install --require-hashes --requirement requirements.lock
COPY --from=build /wheel /wheel
RUN /opt/engage/bin/pip install --no-deps /wheel/*.whl && /opt/engage/bin/pip uninstall --yes pip

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="Engage API" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin engage \
    && install --directory --owner engage --group engage /var/lib/engage
COPY --from=install /opt/engage /opt/engage
ENV PATH=/opt/engage/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ENGAGE_ENVIRONMENT=production \
    ENGAGE_DATA_DIR=/var/lib/engage
USER 10001
WORKDIR /var/lib/engage
VOLUME /var/lib/engage
EXPOSE 8000
# The image has no curl; the interpreter asks. A worker, which serves nothing, switches this off (compose.yaml).
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
# SIGTERM ends gracefully within ten seconds, which is what `docker stop` grants.
CMD ["engage", "serve", "--host", "0.0.0.0", "--port", "8000"]
