#!/bin/sh
set -eu
start_broker() {
    docker run -d --name broker eclipse-mosquitto:2
}
start_broker
docker exec broker true
