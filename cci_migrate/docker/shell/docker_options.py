"""Which options of docker, nerdctl, podman and buildah take a value, command by command.

`parse` takes the switches of a command, which have no value; all its other options have one.
Options are those of the reference pages: https://docs.docker.com/reference/cli/docker/,
https://docs.podman.io/en/latest/Commands.html,
https://github.com/containerd/nerdctl/blob/main/docs/command-reference.md, https://github.com/containers/buildah/tree/main/docs.
"""

from __future__ import annotations

from cci_migrate.docker.word_sets import names

DOCKER_VALUED = names(
    "--config -c --context -H --host -l --log-level --tlscacert --tlscert --tlskey"
    # nerdctl
    " -a --address -n --namespace --snapshotter --data-root --hosts-dir"
    " --cni-path --cni-netconfpath"
    # podman, buildah
    " --root --runroot --storage-driver --storage-opt --cgroup-manager --url --connection"
    " --identity --registries-conf --network-cmd-path --tmpdir --conmon --runtime"
)
RUN_SWITCHES = names(
    "-d --detach -i --interactive -t --tty --rm --init --privileged --read-only -P --publish-all"
    " --no-healthcheck --oom-kill-disable --sig-proxy --disable-content-trust -q --quiet --help"
    " --use-api-socket --replace --tls-verify --no-hosts --rmi --env-host --http-proxy"
    " --no-hostname"
)
PULL_SWITCHES = names(
    "-a --all-tags -q --quiet --disable-content-trust --help --tls-verify --all --policy-always"
    " --all-platforms"
)
BUILD_SWITCHES = names(
    "--no-cache --pull --rm --force-rm --squash -q --quiet --compress --push --load --stream"
    " --disable-content-trust --check -D --debug --tls-verify --layers --help --squash-all"
    " --pull-always --pull-never --no-hosts --http-proxy --omit-history --skip-unused-stages"
)
FROM_SWITCHES = names("--pull --pull-always --pull-never -q --quiet --tls-verify --http-proxy")
BAKE_SWITCHES = names("--no-cache --pull --push --load --print --check -D --debug --help")
LOGIN_SWITCHES = names(
    "--password-stdin --help --tls-verify --get-login -v --verbose --verify-path"
)
COMPOSE_SWITCHES = names(
    "--verbose --compatibility --dry-run --all-resources --no-ansi --tls --tlsverify -D -v"
    " --version --skip-hostname-check -h --help --debug"
)
UP_SWITCHES = names(
    "-d --detach --build --no-build --no-deps --no-start --no-recreate --force-recreate"
    " --no-up --prune --always-recreate-deps --abort-on-container-exit --abort-on-container-failure"
    " --remove-orphans -V --renew-anon-volumes --quiet-pull --quiet-build --no-color"
    " --no-log-prefix --timestamps --wait --menu -w --watch --attach-dependencies -y --yes --help"
    # run
    " --rm -T --no-TTY --no-tty --service-ports -P --use-aliases -i --interactive -q --quiet --tty"
    # build
    " --no-cache --push --force-rm --no-rm --compress --parallel --no-parallel --with-dependencies"
    " --check --print"
    # pull
    " --include-deps --ignore-pull-failures --ignore-buildable"
)

#: Sends the login to the nodes of a swarm, which pull without it:
#: https://docs.docker.com/reference/cli/docker/service/create/#with-registry-auth
WITH_LOGIN = "--with-registry-auth"
SERVICE_SWITCHES = names(
    "-d --detach --init --no-healthcheck --no-resolve-image -q --quiet --read-only -t --tty --help"
    f" --force --rollback {WITH_LOGIN}"
)
STACK_SWITCHES = names(f"-d --detach --prune -q --quiet --help {WITH_LOGIN}")
PLUGIN_SWITCHES = names(
    "--disable --disable-content-trust --grant-all-permissions --skip-remote-check --help"
)
MANIFEST_SWITCHES = names("-a --all --amend --insecure --tls-verify -v --verbose -q --quiet --help")
IMAGETOOLS_SWITCHES = names("--append --dry-run --prefer-index --raw -D --debug --help")
BUILDER_SWITCHES = names("--append --bootstrap --leave --use -D --debug --help")

COMMIT_SWITCHES = names("-p --pause -q --quiet --rm --squash")

#: Of ``inspect``, ``save``, ``history``, ``images`` and ``ps``.
NAMING_SWITCHES = names(
    "-a --all -q --quiet -s --size -H --human --no-trunc --digests --tree -l --latest --help"
)
REMOVE_SWITCHES = names("-f --force --no-prune -a --all -i --ignore --help")
