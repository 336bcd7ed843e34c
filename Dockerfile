# One image for every process of the mesh: `docker run IMAGE serve edge`, `… serve identity`.
# The engines (PostgreSQL, Valkey) are not in it: in production they are URLs.

FROM node:22-bookworm-slim AS sdk
WORKDIR /src/sdk/js
COPY sdk/js/package.json sdk/js/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY sdk/js ./
RUN npm run build

FROM python:3.11-slim-bookworm AS wheels
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY hotpath hotpath
COPY proto proto
COPY services services
COPY edge edge
COPY cli cli
COPY sdk/demo sdk/demo
COPY --from=sdk /src/sdk/js/dist/*.js sdk/js/dist/
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[experiments,kafka]'

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home \
        --home-dir /var/lib/sentientiq --shell /usr/sbin/nologin sentientiq \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/sentientiq
# Compiled while installing, for the root file system is read-only later. The last line proves that
# the kernels load.
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'sentientiq[experiments,kafka]' \
    && python -P -c "import hotpath.detector, edge.worker"
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/sentientiq
# By number: Kubernetes checks runAsNonRoot by it.
USER 10001:10001
ENTRYPOINT ["sentientiq"]
CMD ["--help"]
