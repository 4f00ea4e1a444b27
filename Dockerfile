# PostgreSQL with tiktok_fdw, in the image of PostgreSQL:
#
#   docker build -t postgres-tiktok .                          # PostgreSQL 17
#   docker build -t postgres-tiktok --build-arg PG_MAJOR=16 .
#   docker run -e POSTGRES_PASSWORD=… -p 127.0.0.1:5432:5432 postgres-tiktok
#
# and there the six statements of README.md, which begin with CREATE EXTENSION.

ARG PG_MAJOR=17

FROM postgres:${PG_MAJOR} AS build
ARG PG_MAJOR
RUN apt-get update \
	&& apt-get install -y --no-install-recommends build-essential pkg-config \
		libcurl4-openssl-dev libjansson-dev "postgresql-server-dev-$PG_MAJOR"
COPY . /src
RUN make -C /src PG_CONFIG="/usr/lib/postgresql/$PG_MAJOR/bin/pg_config" with_llvm=no install DESTDIR=/out

# The library of libcurl is called differently from release to release.
FROM postgres:${PG_MAJOR}
RUN apt-get update \
	&& apt-get install -y --no-install-recommends ca-certificates libjansson4 \
		"$(apt-cache depends libcurl4-openssl-dev | sed -n 's/^ *Depends: \(libcurl4[a-z0-9]*\)$/\1/p')" \
	&& rm -rf /var/lib/apt/lists/*
COPY --from=build /out /
