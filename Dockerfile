# The worker and the webhook door in one image: `run` is the default, `webhook` and every other command follow the name.
# Made for a read-only root file system: it writes to /tmp (a tmpfs) and to /var/lib/voicememo/owed (a volume), nothing else.
#
# The base is pinned by its exact tag. Better is its digest, python:…@sha256:…, which this prints:
#   docker buildx imagetools inspect python:3.11.15-slim-bookworm

ARG BASE=python:3.11.15-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /src
# What builds, and what runs: every file is held against its hash, and nothing is built with tools that are not.
COPY deploy/image-build.lock deploy/image.lock deploy/
RUN python -m venv /opt/tools \
 && /opt/tools/bin/pip install --require-hashes -r deploy/image-build.lock
RUN /opt/tools/bin/pip wheel --require-hashes --no-deps --no-build-isolation --wheel-dir /opt/wheels -r deploy/image.lock
COPY pyproject.toml README.md LICENSE ./
COPY audio audio
COPY runtime runtime
COPY providers providers
COPY storage storage
COPY conversation conversation
COPY consumer consumer
COPY console console
COPY sandbox sandbox
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /opt/wheels .
# The environment that goes on has no pip in it.
RUN python -m venv --without-pip /opt/voicememo \
 && /opt/tools/bin/pip --python /opt/voicememo/bin/python install --no-index --no-deps /opt/wheels/*.whl \
 && /opt/tools/bin/pip --python /opt/voicememo/bin/python check

FROM ${BASE} AS run
# The base's installers are removed too; no other user has the id 10001.
RUN python -m pip uninstall --yes --root-user-action ignore setuptools wheel pip \
 && rm -rf /usr/local/lib/python3.11/ensurepip \
 && groupadd --gid 10001 voicememo \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin voicememo \
 && install -d -o voicememo -g voicememo -m 0700 /var/lib/voicememo /var/lib/voicememo/owed
COPY --from=build /opt/voicememo /opt/voicememo
# A container's vitals are for its network: Prometheus is not inside of it. Which ports are published is Compose's to say.
ENV PATH=/opt/voicememo/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    ARCHIVE_SPOOL=/var/lib/voicememo/owed VITALS_HOST=0.0.0.0 VITALS_PORT=8080 LOG_FORMAT=json
USER voicememo
WORKDIR /var/lib/voicememo
VOLUME /var/lib/voicememo/owed
EXPOSE 8080
STOPSIGNAL SIGTERM
# Unhealthy, by these numbers, after 45 s of a loop that has stopped or does not answer.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + os.environ['VITALS_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["voicememo"]
CMD ["run"]
