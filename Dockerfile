# Gradtide: docker run -p 127.0.0.1:8000:8000 -v gradtide:/data gradtide
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python3 -m venv /opt/venv
# constraints-cluster.txt has the extras for many machines, too.
ARG CONSTRAINTS=constraints.txt
# The dependencies first: they change seldom, and this layer is the large one.
COPY ${CONSTRAINTS} ./
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes -r "${CONSTRAINTS}"
COPY pyproject.toml README.md ./
COPY engine engine
COPY app app
COPY templates templates
COPY static static
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 gradtide \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin gradtide \
    && install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=build /opt/venv /opt/venv
# A container's port is published from 0.0.0.0 inside, so the image demands a token:
# without GRADTIDE_TOKEN the first start makes one, keeps it in /data and prints the link.
# hadolint ignore=DL3064  # no secret: GRADTIDE_MAKE_TOKEN says that one is to be made
ENV PATH="/opt/venv/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRADTIDE_DATA=/data \
    NUMBA_CACHE_DIR=/data/compiled \
    GRADTIDE_HOST=0.0.0.0 \
    GRADTIDE_PORT=8000 \
    GRADTIDE_MAKE_TOKEN=1
WORKDIR /data
VOLUME /data
EXPOSE 8000
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['GRADTIDE_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["gradtide"]
CMD ["serve"]
