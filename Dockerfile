# Two stages: the first builds the environment, the second holds nothing that could build.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/bursar
COPY requirements.lock ./
RUN /opt/bursar/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md ./
COPY actions actions
COPY bot bot
COPY flows flows
COPY runbooks runbooks
COPY spend spend
COPY storage storage
RUN /opt/bursar/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
# git and ssh are for a git remote in `audit.anchors`; nothing else calls them.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /var/lib/bursar --create-home bursar
COPY --from=build /opt/bursar /opt/bursar
ENV PATH=/opt/bursar/bin:$PATH BURSAR_HOME=/var/lib/bursar PYTHONUNBUFFERED=1
USER bursar
# Where bursar.yaml is mounted; state lives in the volume, so that the rest may be read-only.
WORKDIR /etc/bursar
VOLUME /var/lib/bursar
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8090/readyz', timeout=4)"]
ENTRYPOINT ["bursar"]
CMD ["run", "--health", "127.0.0.1:8090"]
