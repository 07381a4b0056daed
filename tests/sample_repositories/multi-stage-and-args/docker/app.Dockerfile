# syntax=docker/dockerfile:1
ARG BASE=ubuntu:22.04
FROM ${BASE} AS deps
RUN apt-get update
FROM deps AS app
COPY --from=busybox:1.36 /bin/busybox /bin/
FROM node:20 AS never-built
RUN true
