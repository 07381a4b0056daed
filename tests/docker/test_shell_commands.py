"""Which commands of a script pull, build, log in or run other scripts, and which only look so."""

from __future__ import annotations

import pytest

from cci_migrate.bounds.allowance import TooComplexError
from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.mentions import mentions_docker
from cci_migrate.docker.shell.facts import Build, ComposeCommand, ImagePull
from cci_migrate.docker.shell.script_reading import facts_of
from tests.docker.shell_descriptions import described, facts_in, pulls_in, the_fact

TWO_PULLS = "docker pull x && docker pull y"


def ids(value: object) -> str | None:
    return value.replace("\n", "/")[:50] if isinstance(value, str) else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker pull alpine:3", ["pull alpine:3"]),
        ("docker pull -q --platform linux/arm64 alpine", ["pull alpine"]),
        ("docker image pull quay.io/a/b@sha256:0", ["pull quay.io/a/b@sha256:0"]),
        ("docker run alpine", ["run alpine"]),
        ("docker run -it --rm -v .:/x -p80:80 -e A=b alpine sh -c 'docker run x'", ["run alpine"]),
        ("docker run -dt --name=x --env-file f -e A alpine", ["run alpine"]),
        ("docker run -itv /a:/b alpine", ["run alpine"]),
        ("docker run --rm -v $(pwd)\\:/src alpine test", ["run alpine"]),
        ("docker run --init --gpus all -- alpine", ["run alpine"]),
        ("docker run --pull never alpine", []),
        ("docker run --pull=never alpine", []),
        ("docker run --pull always alpine", ["run alpine"]),
        ("docker container run -d alpine", ["run alpine"]),
        ("docker create --name x alpine:3.4 /bin/true", ["create alpine:3.4"]),
        ("docker container create alpine", ["create alpine"]),
        ("docker container cp x:/a .", []),
        ("docker --log-level debug -H tcp://h pull alpine", ["pull alpine"]),
        ("docker --context remote run alpine", ["run alpine"]),
        ("podman pull a b", ["pull a", "pull b"]),
        ("podman run --rm -it docker.io/library/alpine", ["run docker.io/library/alpine"]),
        ("buildah from --name x fedora", ["create fedora"]),
        ("nerdctl -n k8s.io --address /x pull --all-platforms alpine", ["pull alpine"]),
        ("sudo nerdctl run -d --name a redis:7 sh", ["run redis:7"]),
        ("nerdctl compose -f a.yml up -d", ["compose up a.yml"]),
        ("nerdctl build -t a .; nerdctl run a", ["build Dockerfile", "run a (local)"]),
        ("nerdctl login -u $U -p $P quay.io; nerdctl ps", ["login quay.io"]),
        ("buildah from scratch", []),
        ("buildah pull fedora", ["pull fedora"]),
        ("docker run", []),
        ("docker pull", []),
        ("docker", []),
        (
            "kind create cluster --wait 9s --image kindest/node:v1 --retain",
            ["create kindest/node:v1"],
        ),
        ("kind -v 1 create cluster --name a", ["create kindest/node"]),
        ("/opt/kind \\\n  create cluster", ["create kindest/node"]),
        ("pack --no-color build a --builder a/b", ["build a/b"]),
        ("kind create cluster --config x", ["create ?"]),
        ("kind get clusters; kind load docker-image x; kind create cluster -h", []),
        (
            "docker build -t kindest/node . ; kind create cluster",
            ["build Dockerfile", "create kindest/node (local)"],
        ),
        ("pack build app --verbose --builder a/b --path .", ["build a/b"]),
        ("pack build app -B a/b --pull-policy if-not-present", ["build a/b"]),
        ("pack build app --builder a/b --pull-policy never; pack inspect app", []),
        ("pack build app", ["build ?"]),
        ("docker service create redis:7", ["service create redis:7"]),
        (
            "docker service create -td --name web --replicas 3 -p 80:80 nginx sh -c x",
            ["service create nginx"],
        ),
        ("docker service update --image redis:7 --force cache", ["service update redis:7"]),
        ("docker service update cache --image=redis:7", ["service update redis:7"]),
        ("docker service update --replicas 2 cache; docker service ls; docker service rm x", []),
        ("docker stack deploy -c a.yml --prune app", ["compose stack deploy a.yml"]),
        (
            "cd x; docker stack up --compose-file a.yml --with-registry-auth -c b.yml app",
            ["compose stack deploy x/a.yml,x/b.yml"],
        ),
        ("docker stack deploy app; docker stack rm app; docker stack config -c a.yml", []),
        ("docker plugin install --grant-all-permissions a/b C=d", ["plugin install a/b"]),
        ("docker plugin upgrade --skip-remote-check a/b a/b:2", ["plugin upgrade a/b:2"]),
        ("docker plugin upgrade a/b; docker plugin enable a/b", ["plugin upgrade a/b"]),
        ("docker service create; docker plugin install; docker service create --help x", []),
        ("docker manifest inspect -v redis:7 > x", ["manifest inspect redis:7"]),
        ("docker manifest inspect --help; docker manifest inspect; docker manifest push a", []),
        (
            "docker manifest create --amend a/b a/b:arm && docker manifest inspect a/b",
            ["local a/b", "manifest inspect a/b (local)"],
        ),
        (
            "docker buildx imagetools inspect --format x redis:7; docker buildx imagetools rm x",
            ["buildx imagetools inspect redis:7"],
        ),
        (
            "docker buildx imagetools create -t a/b --append c/d:1 c/d:2",
            ["buildx imagetools create c/d:1", "buildx imagetools create c/d:2"],
        ),
        (
            "docker buildx create --use --bootstrap",
            ["buildx create moby/buildkit:buildx-stable-1"],
        ),
        (
            'docker buildx create --driver-opt "network=host,image=a/b" --bootstrap',
            ["buildx create a/b"],
        ),
        ("docker buildx create --driver kubernetes --bootstrap; docker buildx create x", []),
        ("docker compose scale a=2 b=3", ["compose scale - a b"]),
        ("docker compose -f x watch --no-up a", ["compose watch x a"]),
        ("docker compose deploy; docker-compose service create", []),
        ("docker ps; docker inspect x; docker push x; docker exec x docker pull y", []),
        ("docker images -q x; docker rmi -f 'a/b:1' c", ["named x", "named a/b:1", "named c"]),
        ("docker ps -aq --filter ancestor=a/b --format x", ["named a/b"]),
        ("docker ps -f 'ancestor=a' -f name=b", ["named a"]),
        ('docker ps --filter="ancestor=$X" --filter "ancestor=b"', ["named $X", "named b"]),
        ("docker inspect -f x a:1; docker inspect --type image a", ["named a:1", "named a"]),
        ("docker image inspect a; docker save -o x a; docker history a", ["named a"] * 3),
        ("docker image ls; docker buildx create --use; docker compose version", []),
        ("docker run $OPTS alpine", ["run alpine"]),
        ('docker run "${docker_args[@]}" alpine', ["run alpine"]),
        ("docker run ${TTY:+-t} alpine", ["run alpine"]),
        ("docker run $IMAGE bash", ["run $IMAGE"]),
        ("docker run << parameters.run-options >> alpine", ["run alpine"]),
        ("docker pull {a,b}/c", ["pull ?"]),
    ],
    ids=ids,
)
def test_commands_that_name_an_image(text: str, expected: list[str]) -> None:
    assert facts_in(text) == expected


@pytest.mark.parametrize("tool", Tool)
def test_every_tool_is_found_wherever_docker_is(tool: Tool) -> None:
    commands = [f"{tool.value} pull x", f"{tool.value} login -u a quay.io"]
    for command in commands:
        assert mentions_docker(command)
        assert facts_in(f"run {command}") == [f"task run {command} in ."]
    assert facts_in("\n".join(commands)) == ["pull x", "login quay.io"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker build .", ["build Dockerfile"]),
        ("docker build -t x -f a/D --target dev --build-arg V=1 --build-arg W .",
         ["build a/D target=dev V=1 W=None"]),
        ("docker build . -t x --file=D --no-cache", ["build D"]),
        ("docker build --pull -t x sub/dir/", ["build sub/dir/Dockerfile"]),
        ("docker buildx build --push --platform a,b -f D .", ["build D"]),
        ("docker buildx --builder b build --load .", ["build Dockerfile"]),
        ("docker image build .", ["build Dockerfile"]),
        ("docker builder build .", ["build Dockerfile"]),
        ("podman build", ["build Dockerfile"]),
        ("buildah bud -f D .", ["build D"]),
        ("docker build https://github.com/a/b.git", ["build -"]),
        ("docker build --help", []),
        ("cd a/b && docker build -f ../D ..", ["build a/D"]),
        ("cd a\ncd ../c\ndocker build .", ["build c/Dockerfile"]),
        ("(cd a; docker build .); docker build .", ["build a/Dockerfile", "build Dockerfile"]),
        ("pushd a; docker build .; popd; docker build x",
         ["build a/Dockerfile", "build x/Dockerfile"]),
        ("cd $(mktemp -d); docker build .", ["build $(mktemp -d)/Dockerfile"]),
        ("cd -; docker build .", ["build -"]),
        ("cd a && go x 2>&1 | tee f\ndocker build .", ["build a/Dockerfile"]),
        ("cd a && docker build - < D", ["build a/D"]),
        ("cd a && cat <<EOF | docker build -f - .\nFROM b\nEOF", ["build - 'FROM b\\n'"]),
        ("[ -d a ] && cd a\ndocker build .", ["build -"]),
        ("if x; then cd a; else cd a; fi\ndocker build .", ["build a/Dockerfile"]),
        ("cd a || exit 1\ndocker build .", ["build a/Dockerfile"]),
        ("if x; then cd a; fi\ndocker build .", ["build -"]),
        ("if x; then cd a; exit 1; fi\ndocker build .", ["build Dockerfile"]),
        ("if x; then cd a; else exit 1; fi\ndocker build .", ["build a/Dockerfile"]),
        ("case $X in a) cd a;; *) exit 1;; esac\ndocker build .", ["build a/Dockerfile"]),
        ("cd $CIRCLE_WORKING_DIRECTORY/a; docker build .", ["build a/Dockerfile"]),
        ("docker build - < ci/D", ["build ci/D"]),
        ("cat ci/D | docker build -", ["build ci/D"]),
        ("cat < ci/D | docker build -", ["build ci/D"]),
        ("docker build -f - . <<EOF\nFROM alpine\nEOF", ["build - 'FROM alpine\\n'"]),
        ("docker build - <<'EOF'\nFROM a$b\nEOF", ["build - 'FROM a$b\\n'"]),
        ("docker build - <<-EOF\n\tFROM \\$a\n\tEOF", ["build - 'FROM $a\\n'"]),
        ("cat <<EOF | docker build -t x -\nFROM a\nEOF", ["build - 'FROM a\\n'"]),
        ("echo 'FROM alpine' | docker build -", ["build - 'FROM alpine'"]),
        ("printf 'FROM a\\nRUN b' | docker build -", ["build - 'FROM a\\nRUN b'"]),
        ("tar c . | docker build -", ["build -"]),
        ("docker buildx bake -f a.hcl --push web db", ["bake a.hcl web db"]),
        ("docker buildx bake --print", []),
    ],
    ids=ids,
)  # fmt: skip
def test_builds(text: str, expected: list[str]) -> None:
    assert facts_in(text) == expected


def test_a_build_makes_its_tags_local() -> None:
    text = "docker build -t me/x .\ndocker run me/x\ndocker run me/x:latest\ndocker run me/x:2"
    assert facts_in(text)[1:] == ["run me/x (local)", "run me/x:latest (local)", "run me/x:2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker tag a b:1; docker run b:1", ["named a", "local b:1", "run b:1 (local)"]),
        ("docker run b; docker tag a b", ["run b", "named a", "local b"]),
        ("docker load < x.tar", ["local ?"]),
        ("docker load -i x.tar && docker run b", ["local ?", "run b"]),
        ("docker import x.tar b; docker run b", ["local b", "run b (local)"]),
        ("docker commit c b; docker run b", ["local b", "run b (local)"]),
        ("docker tag a b; docker pull b", ["named a", "local b", "pull b"]),
        ("docker tag a b; docker run --pull always b", ["named a", "local b", "run b"]),
    ],
    ids=ids,
)
def test_images_that_are_there(text: str, expected: list[str]) -> None:
    assert facts_in(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker-compose up -d", ["compose up -"]),
        ("docker compose up", ["compose up -"]),
        ("docker compose -f a.yml -f b/c.yml -p n up -d web db",
         ["compose up a.yml,b/c.yml web db"]),
        ("docker-compose --file=a.yml pull", ["compose pull a.yml (alone)"]),
        ("docker-compose pull --include-deps web", ["compose pull - web"]),
        ("docker-compose build --pull --build-arg A=b web", ["compose build - web (alone)"]),
        ("docker-compose run --rm -e A=b -T --no-deps web docker pull x",
         ["compose run - web (alone)"]),
        ("docker compose create", ["compose create -"]),
        ("docker compose up --pull never", []),
        ("docker compose up $SERVICES", ["compose up -"]),
        ("docker compose up $UP_OPTIONS web", ["compose up - web"]),
        ("COMPOSE_FILE=a.yml:b.yml docker-compose up", ["compose up a.yml,b.yml"]),
        ("export COMPOSE_FILE=a.yml\ndocker-compose up", ["compose up a.yml"]),
        ("cd sub; docker-compose -f ../a.yml up", ["compose up a.yml"]),
        ("docker-compose down; docker-compose logs; docker-compose exec web docker pull x", []),
        ("docker-compose -v; docker compose --help; docker-compose", []),
        ("podman-compose up", ["compose up -"]),
        ("DC='docker-compose -f a.yml'\n$DC up -d", ["compose up a.yml"]),
    ],
    ids=ids,
)  # fmt: skip
def test_compose(text: str, expected: list[str]) -> None:
    assert facts_in(text) == expected


def test_compose_details() -> None:
    text = (
        "A=1 docker compose --project-directory p --profile x --profile y "
        "up --quiet-pull --pull always"
    )
    fact = the_fact(ComposeCommand, text)
    assert fact.project_directory == "p"
    assert fact.profiles == ("x", "y")
    assert fact.environment == (("A", "1"),)
    assert fact.always_pulls


def test_build_details() -> None:
    text = "docker build --pull --build-context base=docker-image://a/b -t x:1 -t y ."
    fact = the_fact(Build, text)
    assert fact.always_pulls
    assert fact.build_contexts == (("base", "docker-image://a/b"),)
    assert fact.tags == ("x:1", "y")


@pytest.mark.parametrize(
    "prefix",
    [
        "sudo",
        "sudo -E -u me",
        "sudo --user=me --",
        "A=b",
        "A=b C='d e'",
        "env A=b",
        "env -u X",
        "sudo A=b",
        "time",
        "time -p",
        "exec",
        "nohup",
        "command",
        "timeout 10",
        "timeout -k 5 --signal=9 10m",
        "nice -n 5",
        "retry",
        "retry 3",
        "travis_retry",
        "with-retries",
        "./ci/retry-on-failure.sh 3",
        "./bin/retry.sh -t 5",
        "sudo timeout 5 env A=b",
        "doppler run --",
        "aws-vault exec prod --",
        "$SUDO",
        "<< parameters.env >>",
        "!",
        "x=$(",
        "true &&",
        "true ||",
        "true |",
        "if",
        "(",
        "{",
    ],
)
def test_what_may_stand_in_front(prefix: str) -> None:
    closing = {"x=$(": ")", "if": "; then :; fi", "(": ")", "{": "; }"}.get(prefix, "")
    assert pulls_in(facts_of(f"{prefix} docker pull alpine{closing}")) == ["pull alpine"]


@pytest.mark.parametrize(
    "text",
    [
        "# docker pull x",
        "echo docker pull x",
        'echo "docker pull x"',
        "printf 'docker pull x\\n' > f",
        "x='docker pull x'",
        "git commit -m 'docker pull x'",
        "cat > f <<EOF\ndocker pull x\nEOF",
        "cat > f \\<<EOF\ndocker pull x\nEOF",
        "cat <<'EOF' | tee f\ndocker pull x\nEOF",
        "ssh host 'docker pull x'",
        "ssh host docker pull x",
        "ssh host <<EOF\ndocker pull x\nEOF",
        "command -v docker pull",
        "which docker",
        "type docker",
        "dockerize -wait tcp://x",
        "my-docker pull x",
        "docker-machine create x",
        "apt-get install docker run",
        "trap 'docker pull x' INT",
        "(trap 'docker pull x' EXIT)",
        "trap - EXIT",
        "ssh host -- docker pull x",
        "kubectl exec pod -- docker pull x",
        "buildah run box -- docker pull x",
        "docker-compose exec web -- docker pull x",
        "git log -- docker pull",
        "docker run",
        "vagrant ssh -c 'docker pull x'",
        "kubectl run docker pull x",
        "docker exec c sh -c 'docker pull x'",
        "alias d='docker pull x'",
        "f() { docker pull x; }",
        "grep 'docker run' file",
    ],
    ids=ids,
)
def test_what_only_mentions_docker(text: str) -> None:
    assert facts_in(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bash -c 'docker pull x'", ["pull x"]),
        ('sh -ec "docker pull $X && docker run y"', ["pull $X", "run y"]),
        ("bash -lc 'docker pull x'", ["pull x"]),
        ("bash -eo pipefail -c 'docker pull x'", ["pull x"]),
        ("sudo -u me bash -c 'sudo docker pull x'", ["pull x"]),
        ("su - me -c 'docker pull x'", ["pull x"]),
        ("sg docker -c 'docker pull x'", ["pull x"]),
        ("eval 'docker pull x'", ["pull x"]),
        ("bash <<EOF\ndocker pull x\nEOF", ["pull x"]),
        ("sudo bash -e \\<<'EOF'\ndocker pull x\nEOF", ["pull x"]),
        ("bash -c \"bash -c 'docker pull x'\"", ["pull x"]),
        ("bash -c \"x $(docker run y)\"", ["run y"]),
        ("./x.sh a", ["script ./x.sh in ."]),
        ("ci/build", ["script ci/build in ."]),
        ("sudo bash -x ci/a.sh b", ["script ci/a.sh in ."]),
        ("cd sub && sh ../a.sh", ["script ../a.sh in sub"]),
        ("source env.sh; . ./lib", ["source env.sh in .", "source ./lib in ."]),
        ("bash ~/project/a.sh", ["script ~/project/a.sh in ."]),
        ("source $BASH_ENV", []),
        ("/usr/bin/make; bash /tmp/x.sh", []),
        ("curl x | sudo -E bash -", ["task curl | sh curl x in ."]),
        ("curl -s https://x.io/i?t=1 | sh -s -- -y", ["task curl | sh https://x.io/i?t=1 in ."]),
        ("bash <(wget -qO- https://x.io/i)", ["task curl | sh https://x.io/i in ."]),
        ('eval "$(curl -s https://x.io/i)"', ["task curl | sh https://x.io/i in ."]),
        ("generate | sh", ["task sh -c in ."]),
        ('bash "$SCRIPT"; "$PROGRAM" up', ["task sh -c in ."]),
        ("bash << parameters.script >>", ["script << parameters.script >> in ."]),
        ("<< parameters.command >> && true", ["function << parameters.command >>"]),
        ("cat > /tmp/x.sh <<'X'\ndocker pull a\nX\nbash /tmp/x.sh", ["pull a"]),
        ("tee run.sh <<X\ndocker pull a\nX\nchmod +x run.sh\n./run.sh", ["pull a"]),
        ("cat > x.sh <<X\ndocker pull a\nX\ncurl y > x.sh; ./x.sh", ["script ./x.sh in ."]),
        ("echo ls | sh; source <(kubectl completion bash)", []),
        ("echo docker pull x | sh", ["task sh -c docker pull x in ."]),
        ('echo "docker pull x" | wrapper', ["task wrapper docker pull in ."]),
        ("echo docker pull x | tee f; echo docker run x | grep a | wc -l", []),
        ("printf 'cd a\\ndocker run x' | lock 3 -", ["task lock docker run in ."]),
        ("with-vm <<EOF\ndocker pull x\nEOF", ["task with-vm docker pull in ."]),
        ("cat > f <<EOF\ndocker pull x\nEOF\nssh h <<EOF\ndocker pull x\nEOF", []),
        ("echo docker ps | wrapper; echo ls | wrapper; log_info <<< 'docker pull x'", []),
        ('echo "$X" | sh; sh <<< "$X"; cat x | tr a b | sh', ["task sh -c in ."] * 3),
        ('C="docker pull x && docker pull y"; sh -c "$C"', [f"task sh -c {TWO_PULLS} in ."]),
        ('C="docker pull x && docker pull y"; bash -ec "cd a; ${C}"',
         [f"task sh -c cd a; {TWO_PULLS} in ."]),
        ('C="docker pull x && docker pull y"; eval "$C"', [f"task sh -c {TWO_PULLS} in ."]),
        ('C="docker pull x && docker pull y"; eval $C', [f"task sh -c {TWO_PULLS} in ."]),
        ('C="docker pull x && docker pull y"; retry 3 "$C"', [f"task sh -c {TWO_PULLS} in ."]),
        ('C="docker pull x && docker pull y"; su - u -c "$C"', [f"task sh -c {TWO_PULLS} in ."]),
        ('C="docker pull x && docker pull y"; bash <<< "$C"', [f"task sh -c {TWO_PULLS} in ."]),
        ('C="docker pull x && docker pull y"; echo "$C" | sh', [f"task sh -c {TWO_PULLS} in ."]),
        ('f() { sh -c "$1"; }; f "docker pull x && docker pull y"',
         [f"task sh -c {TWO_PULLS} in ."]),
        ('C="docker pull x"; sh -c "$C"; eval $C; bash <<< "$C y"',
         ["pull x", "task sh -c docker pull x in .", "task sh -c docker pull x y in ."]),
        ("make docker X=1", ["task make docker X=1 in ."]),
        ("cd a && A=b npm run docker", ["task npm run docker in a"]),
        ("./gradlew jib; python3 ci/x.py", ["task gradlew jib in .", "task python3 ci/x.py in ."]),
        ("sudo make -C ci x", ["task make -C ci x in ."]),
        ('bash -c "$(cat ci/x.sh)"', ["script ci/x.sh in ."]),
        ("bash < ci/x.sh", ["script ci/x.sh in ."]),
        ('bash -c "$SCRIPT"', ["task sh -c in ."]),
        ('bash -c "$(curl -fsSL https://x.io/i)"', ["task curl | sh https://x.io/i in ."]),
        (". ci/lib.sh; up a", ["source ci/lib.sh in .", "function up a"]),
        ('bash -c "docker pull \\"x\\""', ['task sh -c docker pull "x" in .']),
        ("bash -c docker\\ pull\\ x", ["task sh -c docker pull x in ."]),
        ("eval 'docker pull '\"x\"", ["task sh -c docker pull x in ."]),
        ('su me -c "$SCRIPT"', ["task sh -c in ."]),
        ("f() { sh -c \"$*\"; }; f docker pull x", ["pull x"]),
        ("f() { eval \"$*\"; }; f docker pull x", ["pull x"]),
        ("f() { local c=\"$*\"; $c; }; f docker pull x", ["pull x"]),
        ("eval docker pull x", ["task sh -c docker pull x in ."]),
        ("retry 3 'docker pull x'", ["pull x"]),
        ('retry "docker pull \\"x\\""', ['task sh -c docker pull "x" in .']),
        ('watch -n 5 "docker pull x && true"', ["pull x"]),
        ('r() { for i in 1 2; do $@ && break; done; }\nr "docker pull x"', ["pull x"]),
    ],
    ids=ids,
)  # fmt: skip
def test_scripts_within_scripts(text: str, expected: list[str]) -> None:
    assert facts_in(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("with-lock docker pull x", ["task with-lock docker pull x in ."]),
        ('run "docker pull x"', ["task run docker pull x in ."]),
        ("wait-for db:1 'sudo docker run x'", ["task wait-for sudo docker run x in ."]),
        ("run -o x --cmd 'docker compose up'", ["task run docker compose up in ."]),
        ("run /usr/bin/docker -D pull x", ["task run /usr/bin/docker -D pull x in ."]),
        ("A=b timeout 9 run docker build .", ["task run docker build . in ."]),
        ("ci/run 'docker pull x'", ["script ci/run in .", "task run docker pull x in ."]),
        (". lib.sh; run docker pull x", ["source lib.sh in .", "function run docker pull x"]),
        ("npx concurrently 'docker pull x'", ["task npx concurrently docker pull x in ."]),
        ("run docker-compose -f a.yml -p b up", ["task run docker-compose -f a.yml -p b up in ."]),
        ("run 'npm i && docker -H b pull x'", ["task run npm i && docker -H b pull x in ."]),
        ("run docker container run x", ["task run docker container run x in ."]),
        ("run buildah bud .", ["task run buildah bud . in ."]),
        ("run docker container ls; run docker image ls; run docker compose down", []),
        ("C='docker pull x'; run $C", ["task run docker pull x in ."]),
        ("C='docker pull x'; run \"$C\"", ["task run docker pull x in ."]),
        ("C='docker pull x'; y && C='docker pull z'; run $C", ["task run docker pull z in ."]),
        ("C='docker pull x'; y && C='docker pull z'; sudo $C", ["task $C docker pull z in ."]),
        ("C='docker pull x'; y && C='docker pull z'; eval $C", ["task sh -c in ."]),
        ('C=(docker pull x); run "${C[@]}"', ["task run docker pull x in ."]),
        ('f() { run "$@"; }; f docker pull x', ["task run docker pull x in ."]),
        ('f() { [ $1 ] && shift; run "$@"; }; f docker pull x', ["task run docker pull x in ."]),
        ("run $DOCKER pull x", ["task run $DOCKER pull x in ."]),
        ("C='docker pull x'; echo $C; log \"$C\"; ssh h $C", []),
        ("log_error 'docker build failed'; notify.sh 'docker run x'", []),
        ("run docker ps; run docker version; run 'docker info'; enable docker", []),
    ],
    ids=ids,
)
def test_what_programs_that_nobody_knows_may_run(text: str, expected: list[str]) -> None:
    assert facts_in(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I=alpine:3; docker run $I", ["run alpine:3"]),
        ('export I="alpine:3"\ndocker run "${I}"', ["run alpine:3"]),
        ("T=3\ndocker run alpine:$T", ["run alpine:3"]),
        ("R=quay.io/x\nI=$R/y:$TAG\ndocker run $I", ["run quay.io/x/y:$TAG"]),
        ("docker run $I", ["run $I"]),
        ("docker run $I; I=alpine", ["run $I"]),
        ("I=a; I=b; docker run $I", ["run $I"]),
        ("I=a; I+=b; docker run $I", ["run $I"]),
        ("I=a; read I; docker run $I", ["run $I"]),
        ("if x; then I=a; fi; docker run $I", ["run $I"]),
        ("[ -z $X ] && I=a\ndocker run $I", ["run $I"]),
        ("I=a docker run $I", ["run $I"]),
        ("docker run ${I:-alpine}", ["run ${I:-alpine}"]),
        ("docker run '$I'", ["run $I"]),
        ("docker pull $(cat image)", ["pull $(cat image)"]),
        ("for i in a b; do docker pull q/$i; done", ["pull q/a", "pull q/b"]),
        ("for i in a b; do docker pull x; echo $i; done", ["pull x"]),
        ("for i in $L; do docker pull $i; done", ["pull $i"]),
        ("for i in {1..3}; do docker pull x:$i && break; done", ["pull x:$i"]),
        ("for i in 1 2; do docker pull x && break || sleep $i; done", ["pull x"]),
        ("p() { docker pull $1; }\np a; p b", ["pull a", "pull b"]),
        ('p() { docker "$@"; }\np pull a', ["pull a"]),
        ('r() { n=0; until "$@"; do sleep 1; done; }\nr docker pull a', ["pull a"]),
        ("p() { shift; docker pull $1; }\np a b", ["pull b"]),
        ("p() { local x=$1; shift 2; docker \"$x\" \"$@\"; }\np pull a b", ["pull b"]),
        ("p() { while x; do docker pull $1; shift; done; }\np a b", ["pull $1"]),
        ("p() { getopts a o; shift $((OPTIND - 1)); docker pull $1; }\np a", ["pull $1"]),
        ("shift $#; docker pull $1:${\u00b2}", ["pull $1:${\u00b2}"]),
        ("p() { docker $1 \"${@:2}\"; }\np pull a", ["pull a"]),
        ("A=(pull a)\ndocker \"${A[@]}\"", ["pull a"]),
        ("A=(a b)\nfor i in \"${A[@]}\"; do docker pull $i; done", ["pull a", "pull b"]),
        ("A=(a); A+=(b)\ndocker pull \"${A[@]}\"", ["pull ${A[@]}"]),
        ("L='a b'\nfor i in $L; do docker pull $i; done", ["pull a", "pull b"]),
        ("docker \"$@\"", ["task docker $@ in ."]),
        ("docker compose -f x.yml $X", ["task docker compose -f x.yml $X in ."]),
        ("docker-compose $X", ["task docker-compose $X in ."]),
        ("docker $OPTIONS pull a", ["pull a"]),
        ("trap 'docker logout' EXIT; docker pull a", ["pull a", "logout docker.io"]),
        ("end() { docker logout; }\ntrap end EXIT\ndocker pull a", ["pull a", "logout docker.io"]),
        ("flock -w 9 /tmp/l docker pull a", ["pull a"]),
        ("poetry run docker pull a", ["pull a"]),
        ("wait-for-it db:5432 -t 9 -- docker pull a", ["pull a"]),
        ("npx dotenv -e .env -- docker pull a", ["pull a"]),
        ("function p { docker pull x; }\np", ["pull x"]),
        ("p() { p; docker pull x; }\np", ["pull x"]),
        ("echo a b | xargs -n1 docker pull", ["pull ?"]),
        ("cat l | xargs -I{} docker pull {}", ["pull ?"]),
        ("cat l | xargs docker run alpine", ["run alpine"]),
        ("while read i; do docker pull $i; done < l", ["pull $i"]),
        ("if docker pull a; then docker pull b; elif docker pull c; then docker pull d; fi",
         ["pull a", "pull b", "pull c", "pull d"]),
        ("case $X in a) docker pull a;; *) docker pull b;; esac", ["pull a", "pull b"]),
    ],
    ids=ids,
)  # fmt: skip
def test_variables_loops_and_functions(text: str, expected: list[str]) -> None:
    assert facts_in(text) == expected


def test_the_environment_of_the_step_is_known() -> None:
    for text, pull in (
        ("docker run $I", "run alpine"),
        ("if x; then I=b; fi; docker run $I", "run $I"),
    ):
        assert described(the_fact(ImagePull, text, I="alpine")) == pull


def test_functions_that_are_not_called_stand_apart() -> None:
    script = facts_of("f() { docker login -u a -p b; docker pull x; }\ndocker pull y")
    assert len(script.facts) == 1
    assert len(script.uncalled) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker run << parameters.image >>:<< parameters.tag >>",
         ["run << parameters.image >>:<< parameters.tag >>"]),
        ("docker run cimg/go:<<parameters.go>>", ["run cimg/go:<<parameters.go>>"]),
        ("docker pull <<#parameters.x>>-q <</parameters.x>>alpine", ["pull alpine"]),
        ('docker pull << pipeline.git.branch == "main" and "a" or "b" >>',
         ['pull << pipeline.git.branch == "main" and "a" or "b" >>']),
        ("if << parameters.x >> ; then docker pull a; fi",
         ["function << parameters.x >>", "pull a"]),
        ("<< parameters.setup >>\ndocker pull a", ["function << parameters.setup >>", "pull a"]),
        ("cat <<EOF >> f\ndocker pull x\nEOF\ndocker pull y", ["pull y"]),
        ("cat \\<<EOF >> f\nx << parameters.y >>\nEOF\ndocker pull y", ["pull y"]),
        ("read -r A \\<<< \"$B\"\ndocker pull y", ["pull y"]),
        ("echo h\u00e9ll\u00f6 \u2705 && docker pull y", ["pull y"]),
        ("docker pull \\\r\n  a\r\ndocker run \\\r\n  -d b\r\n", ["pull a", "run b"]),
        ("cat > f <<EOF\r\ndocker pull x\r\nEOF\r\ndocker pull y\r\n", ["pull y"]),
        ("docker pull \\\n  # a comment: it ends the command\n  x", []),
        ("docker build . \\\n", ["build Dockerfile"]),
        ('echo "the ``docker`` command"\ndocker pull x', ["pull x"]),
    ],
    ids=ids,
)  # fmt: skip
def test_text_that_is_not_only_shell(text: str, expected: list[str]) -> None:
    assert facts_in(text) == expected


def test_what_parses_of_a_broken_script_is_read() -> None:
    script = facts_of("docker pull a\nif [ x; then ((\ndocker pull b\n")
    assert script.does_more_than_log_in
    assert pulls_in(script)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 400 + "docker pull x" + ")" * 400,
        "f0() { docker pull x; }\n"
        + "".join(f"f{n}() {{ {f'f{n - 1}; ' * 9} }}\n" for n in range(1, 7))
        + "f6",
        "for a in 1 2 3 4 5 6 7 8 9; do " * 8 + "docker pull $a$a; " + "done; " * 8,
        "if [ x; then ((\n" * 300,
    ],
    ids=["parentheses", "functions", "loops", "broken"],
)
def test_scripts_made_to_be_hard_are_read_in_bounds(text: str) -> None:
    script = facts_of(text)
    assert len(script.facts) < 2000
    assert script.facts or script.does_more_than_log_in


@pytest.mark.parametrize(
    "text",
    [
        "if a; then\n" * 500 + "docker pull x\n" + "fi\n" * 500,
        " && ".join(["docker pull x"] * 600),
        "f0() { docker pull x; }\n"
        + "".join(f"f{n}() {{ f{n - 1}; }}\n" for n in range(1, 20))
        + "f19",
    ],
    ids=["ifs", "ands", "functions"],
)
def test_a_script_too_deep_to_be_read_is_refused(text: str) -> None:
    with pytest.raises(TooComplexError):
        facts_of(text)


@pytest.mark.parametrize(
    "text",
    ["", " \n", "go test", "docker-machine ls", "dockerize -wait x", "echo dockerhub"],
)
def test_most_scripts_need_no_parser(text: str) -> None:
    assert not mentions_docker(text)
    assert facts_in(text) == []
