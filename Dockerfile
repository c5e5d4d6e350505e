# Caudal in an image. `make image` builds it with docker, podman or buildah, whichever is there.
#
#   docker build -t caudal .                                     builds the program in its first stage
#   docker build -t caudal --target prebuilt .                   takes the program from .build/image, as `make image` does
#
# BASE may name an image that has everything already: the libraries, and `duckdb` on PATH.
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS base
ARG DUCKDB=1.5.5
# What the program and DuckDB link, time zones, and the certificates that curl trusts.
RUN if ! command -v duckdb > /dev/null; then \
        apt-get update \
        && apt-get install -y --no-install-recommends ca-certificates curl libncursesw6 libpcre2-8-0 libsqlite3-0 \
            libstdc++6 python3-pip tzdata zlib1g \
        && pip install --quiet --break-system-packages --no-cache-dir --target /opt/duckdb "duckdb-cli==${DUCKDB}" \
        && ln -s /opt/duckdb/duckdb_cli/duckdb /usr/local/bin/duckdb \
        && apt-get purge -y --auto-remove python3-pip \
        && rm -rf /var/lib/apt/lists/*; \
    fi \
    && echo 'caudal:x:10001:10001::/project:/usr/sbin/nologin' >> /etc/passwd \
    && echo 'caudal:x:10001:' >> /etc/group
ENV LANG=C.UTF-8
USER 10001:10001
WORKDIR /project
LABEL org.opencontainers.image.title="caudal" org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["/usr/local/bin/caudal"]

FROM base AS prebuilt
COPY .build/image/caudal /usr/local/bin/caudal

FROM docker.io/library/swift:6.2-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libncurses-dev libpcre2-dev libsqlite3-dev zlib1g-dev binutils
WORKDIR /source
COPY . .
RUN swift build -c release --static-swift-stdlib --product caudal \
    && install -D .build/release/caudal /image/caudal \
    && strip /image/caudal

FROM base
COPY --from=build /image/caudal /usr/local/bin/caudal
