"""What is deployed agrees with the code: names, images, ports, probes, topics and environment."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from deploy import make_manifests as made
from deploy import make_secrets as secrets
from runtime.config.settings import load_config
from runtime.kafka.access import PRINCIPALS, grants
from runtime.kafka.layout import broker_topics
from runtime.process.turn import DRAIN_LIMIT_S
from schemas.topics import GATEWAY, MONITOR, PATH, PROCESSES, ROUTER
from tests.contract.deployed import APART, DEPLOY, EVERYTHING, ROOT, Document, of_kind, rendered, validate

PATCHES = ("kustomization.yaml", "one-broker.yaml", "small.yaml", "compose.secure.yaml", "without-path.yaml")
WHOLE = [path for path in sorted(DEPLOY.glob("*/**/*.yaml")) if path.name not in PATCHES]


@pytest.fixture(scope="module", params=["base", "overlays/dev"])
def manifests(request: pytest.FixtureRequest) -> list[Document]:
    return rendered(DEPLOY / request.param)


@pytest.fixture(scope="module")
def compose() -> Document:
    found: Document = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_what_is_committed_is_what_the_code_makes() -> None:
    for path, documents in made.files().items():
        assert path.read_text(encoding="utf-8") == made.text_of(documents), f"run deploy/{made.__name__}.py"


def test_every_document_is_valid(manifests: list[Document]) -> None:
    validate(manifests)


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.name)
def test_every_file_is_valid_before_it_is_rendered(path: Path) -> None:
    """Needs no kubectl."""
    validate(list(yaml.safe_load_all(path.read_text(encoding="utf-8"))))


def test_strimzi_documents_have_what_its_operator_needs(manifests: list[Document]) -> None:
    topics = of_kind(manifests, "KafkaTopic")
    assert topics.keys() == broker_topics().keys()
    for name, document in topics.items():
        assert document["apiVersion"] == "kafka.strimzi.io/v1"
        assert document["metadata"]["labels"]["strimzi.io/cluster"] == made.CLUSTER
        assert {"partitions", "replicas", "config"} == document["spec"].keys(), name
        assert all(isinstance(value, str) for value in document["spec"]["config"].values())


def test_an_overlay_has_one_replication_everywhere(manifests: list[Document]) -> None:
    settings = of_kind(manifests, "ConfigMap")[made.CONFIG]["data"]
    for document in of_kind(manifests, "KafkaTopic").values():
        assert str(document["spec"]["replicas"]) == settings["MM__KAFKA__REPLICATION"]
        assert str(document["spec"]["partitions"]) == settings["MM__KAFKA__PARTITIONS"]
        assert document["spec"]["config"]["min.insync.replicas"] == settings["MM__KAFKA__MIN_INSYNC_REPLICAS"]


def test_every_process_runs_somewhere_and_nothing_else_does(
    manifests: list[Document], compose: Document
) -> None:
    workloads = of_kind(manifests, "StatefulSet", "Deployment").keys() - {"redis"}
    assert workloads == EVERYTHING
    assert compose["services"].keys() == EVERYTHING | APART | {"kafka", "redis", "topics"}
    for name in EVERYTHING | APART:
        service = compose["services"][name]
        assert service["command"] == ["run", name]
        assert service.get("profiles") == (["apart"] if name in APART else None)


def test_both_shapes_have_one_state_in_compose(compose: Document) -> None:
    """So a session goes on where the members of the path run apart after an orderly stop."""
    states = {
        volume.partition(":")[0]
        for name in (PATH, *APART)
        for volume in compose["services"][name]["volumes"]
        if volume.endswith(":/state")
    }
    assert states == {"path"}


def test_one_writer_a_topic(manifests: list[Document]) -> None:
    assert {PATH, *PROCESSES} - APART == of_kind(manifests, "StatefulSet").keys()
    for name, document in of_kind(manifests, "StatefulSet").items():
        assert document["spec"]["replicas"] == 1
        mounts = document["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        assert {"name": "state", "mountPath": "/state"} in mounts, name


def environment_of(manifests: list[Document], compose: Document) -> dict[str, str]:
    found: dict[str, str] = dict(of_kind(manifests, "ConfigMap")[made.CONFIG]["data"])
    for document in of_kind(manifests, "StatefulSet", "Deployment").values():
        container = document["spec"]["template"]["spec"]["containers"][0]
        found |= {each["name"]: each["value"] for each in container.get("env", ())}
    for service in (*compose["services"].values(), *made.compose_secure()["services"].values()):
        found |= service.get("environment", {})
    found |= dict(re.findall(r"\b(MM__\w+)=(\S+)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8")))
    return {name: value for name, value in found.items() if name.startswith("MM__")}


def test_every_variable_is_one_that_the_engine_knows(manifests: list[Document], compose: Document) -> None:
    """Unknown ones are refused by load_config itself."""
    variables = environment_of(manifests, compose)
    assert len(variables) >= 8
    load_config((), env=variables)


def answers_of(process: str) -> str:
    """The code that answers when a process is asked for its health."""
    routes = ROOT / "gateway-api" / "gateway_api" / "app" / "operation_routes.py"
    health = ROOT / "runtime" / "process" / "health.py"
    return (routes if process == GATEWAY else health).read_text(encoding="utf-8")


def test_probes_ask_what_the_code_answers(manifests: list[Document]) -> None:
    workloads = of_kind(manifests, "StatefulSet", "Deployment")
    for name in EVERYTHING:
        container = workloads[name]["spec"]["template"]["spec"]["containers"][0]
        ports = {port["containerPort"] for port in container["ports"]}
        probes = {each: container[each]["httpGet"] for each in container if each.endswith("Probe")}
        assert probes.keys() == {"startupProbe", "readinessProbe", "livenessProbe"}, name
        for asked in probes.values():
            assert f'"{asked["path"]}"' in answers_of(name)
            assert asked["port"] in ports


def test_compose_asks_what_the_code_answers(compose: Document) -> None:
    for name in EVERYTHING:
        service = compose["services"][name]
        key = "MM__GATEWAY__PORT" if name == GATEWAY else "MM__PROCESS__HEALTH_PORT"
        asked = re.search(r"http://127\.0\.0\.1:(\d+)([/a-z]+)", service["healthcheck"]["test"][-1])
        assert asked is not None, name
        assert asked[1] == service["environment"][key], name
        assert f'"{asked[2]}"' in answers_of(name)


def test_every_port_is_one_that_something_listens_at(manifests: list[Document], compose: Document) -> None:
    settings = of_kind(manifests, "ConfigMap")[made.CONFIG]["data"]
    for name, document in of_kind(manifests, "Service").items():
        if name in EVERYTHING:
            key = "MM__GATEWAY__PORT" if name == GATEWAY else "MM__PROCESS__HEALTH_PORT"
            assert [str(port["targetPort"]) for port in document["spec"]["ports"]] == [settings[key]], name
    gateway = compose["services"][GATEWAY]
    assert gateway["ports"][0].endswith(f":{gateway['environment']['MM__GATEWAY__PORT']}")


def ports_of(rules: list[Document]) -> set[str]:
    return {str(port["port"]) for rule in rules for port in rule["ports"]}


def test_the_network_allows_what_the_processes_need_and_no_more(manifests: list[Document]) -> None:
    settings = of_kind(manifests, "ConfigMap")[made.CONFIG]["data"]
    policies = {name: each["spec"] for name, each in of_kind(manifests, "NetworkPolicy").items()}
    assert policies["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (named,) = policies["processes"]["podSelector"]["matchExpressions"]
    assert set(named["values"]) == EVERYTHING | APART
    (asking,) = policies["venues"]["podSelector"]["matchExpressions"]
    assert set(asking["values"]) == {PATH, MONITOR, ROUTER}
    health, page = settings["MM__PROCESS__HEALTH_PORT"], settings["MM__GATEWAY__PORT"]
    kafka, redis = settings["MM__KAFKA__BOOTSTRAP"], settings["MM__REDIS__URL"].removesuffix("/0")
    assert ports_of(policies["processes"]["ingress"]) == {health, page}
    needed = {kafka.rpartition(":")[2], redis.rpartition(":")[2]}
    assert ports_of(policies["processes"]["egress"]) == needed | {"53"}
    assert policies["page"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == GATEWAY
    assert ports_of(policies["page"]["ingress"]) == {page}


def test_pods_are_restricted_and_have_time_to_cancel(manifests: list[Document]) -> None:
    for document in of_kind(manifests, "StatefulSet", "Deployment").values():
        spec = document["spec"]["template"]["spec"]
        container = spec["containers"][0]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        if document["metadata"]["name"] in EVERYTHING:
            assert spec["terminationGracePeriodSeconds"] > 2 * DRAIN_LIMIT_S


def test_containers_have_as_long_to_cancel_as_pods(compose: Document) -> None:
    for name in EVERYTHING | APART:
        assert compose["services"][name]["stop_grace_period"] == f"{made.STOP_S}s"


def test_the_operators_pods_may_run_in_the_namespace() -> None:
    """Its own defaults are less than the restricted profile asks for."""
    documents = rendered(DEPLOY / "overlays" / "dev")
    (namespace,) = of_kind(documents, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    spec = of_kind(documents, "Kafka")[made.CLUSTER]["spec"]
    for part, container in (("kafka", "kafkaContainer"), ("entityOperator", "topicOperatorContainer")):
        template = spec[part]["template"]
        assert template["pod"]["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert template[container]["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
    assert spec["entityOperator"]["template"]["userOperatorContainer"] == template["topicOperatorContainer"]


def test_the_broker_knows_who_comes_and_what_they_may(manifests: list[Document]) -> None:
    users = of_kind(manifests, "KafkaUser")
    assert users.keys() == {*PRINCIPALS} - APART
    granted = set()
    for name, user in users.items():
        assert user["metadata"]["labels"]["strimzi.io/cluster"] == made.CLUSTER
        assert user["spec"]["authentication"] == {"type": "scram-sha-512"}
        assert user["spec"]["authorization"]["type"] == "simple"
        for acl in user["spec"]["authorization"]["acls"]:
            assert acl["resource"]["patternType"] == "literal"
            granted |= {
                (name, each, acl["resource"]["type"], acl["resource"]["name"]) for each in acl["operations"]
            }
    assert granted == {
        (each.principal, each.operation, each.resource, each.name)
        for each in grants()
        if each.principal not in APART
    }


def test_every_process_signs_in_under_its_own_name_over_tls(manifests: list[Document]) -> None:
    settings = of_kind(manifests, "ConfigMap")[made.CONFIG]["data"]
    assert settings["MM__KAFKA__SECURITY_PROTOCOL"] == "SASL_SSL"
    for name in EVERYTHING:
        spec = of_kind(manifests, "StatefulSet", "Deployment")[name]["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        volumes = {each["name"]: each for each in spec["volumes"]}
        mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        env = {each["name"]: each["value"] for each in container["env"]}
        assert env["MM__KAFKA__SASL_USERNAME"] == name
        folder = str(Path(settings["MM__KAFKA__SASL_PASSWORD_FILE"]).parent)
        assert volumes[mounts[folder]]["secret"]["secretName"] == name
        has_key = any(
            each.get("secret", {}).get("secretName") == made.CONTROL_SECRET for each in volumes.values()
        )
        assert has_key is (name == GATEWAY), "the gateway alone can sign"
        for file in (*env.values(), *settings.values()):
            if file.startswith("/") and file != "/state":
                needed = name == GATEWAY or not file.startswith(made.ACCESS_FOLDER)
                assert (str(Path(file).parent) in mounts) is needed, (name, file)


def test_no_secret_is_in_a_manifest(manifests: list[Document]) -> None:
    assert not of_kind(manifests, "Secret")
    for value in of_kind(manifests, "ConfigMap")[made.CONFIG]["data"].values():
        assert "@" not in value, "a password in a URL"


def test_compose_with_secrets_gives_each_container_its_own(tmp_path: Path) -> None:
    secrets.make(tmp_path / "secrets")
    over = made.compose_secure()["services"]
    for name in (*EVERYTHING, *APART, "topics", "kafka", "redis"):
        for volume in over[name]["volumes"]:
            assert (tmp_path / volume.partition(":")[0]).exists(), volume
    for name in EVERYTHING | APART:
        principal = over[name]["environment"]["MM__KAFKA__SASL_USERNAME"]
        assert principal == name
        assert f"./secrets/kafka/{name}.password:/kafka/password:ro" in over[name]["volumes"]
    for path in (tmp_path / "secrets").rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0, path
    users = (tmp_path / "secrets" / "broker" / "users").read_text()
    assert {*PRINCIPALS, "admin"} == set(re.findall(r"name=([\w-]+),", users))


def test_every_object_carries_the_six_labels_of_its_application(manifests: list[Document]) -> None:
    names = ("name", "instance", "version", "component", "part-of", "managed-by")
    wanted = {f"app.kubernetes.io/{name}" for name in names}
    for document in of_kind(manifests, "StatefulSet", "Deployment").values():
        if document["metadata"]["name"] in EVERYTHING:
            assert wanted <= document["spec"]["template"]["metadata"]["labels"].keys()
            selector = document["spec"]["selector"]["matchLabels"]
            assert "app.kubernetes.io/version" not in selector, "a selector cannot be changed by an upgrade"
    for document in of_kind(
        manifests, "StatefulSet", "Deployment", "Service", "PodDisruptionBudget"
    ).values():
        if document["metadata"]["name"] in EVERYTHING:
            assert wanted <= document["metadata"]["labels"].keys()


def test_images_have_the_version_of_the_code(manifests: list[Document]) -> None:
    for name, document in of_kind(manifests, "StatefulSet", "Deployment").items():
        if name in EVERYTHING:
            image = document["spec"]["template"]["spec"]["containers"][0]["image"]
            assert image == f"{made.IMAGE}:{made.VERSION}"


def test_ports_are_on_the_loopback_alone(compose: Document) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_is_pinned_by_hash_and_runs_as_nobody() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.lock" in text
    assert re.search(rf"^USER {made.UID}:{made.UID}$", text, re.MULTILINE)


def test_the_image_holds_every_service() -> None:
    """So any command runs in it, and a replay there finds every process."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    members = project["tool"]["uv"]["workspace"]["members"]
    build, _, _ = text.partition(" AS compiled")
    assert re.findall(r"^COPY (?!--)(\S+) ", build, re.MULTILINE) == ["requirements.lock", *members]
    assert set(re.findall(r"(?<= )\./([\w-]+)", text)) == {*members}
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    seen = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    assert all(any(fnmatch(member, pattern) for pattern in seen) for member in members)


def test_the_image_holds_compiled_modules_of_its_own_sources() -> None:
    """They are made of what the first stage installed, which the last one copies."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    _, _, stage = text.partition("FROM build AS compiled\n")
    compiling, _, last = stage.partition("\nFROM ")
    assert "--require-hashes -r requirements-compile.lock" in compiling
    for name in re.findall(r"^COPY (?!--)(.+) \S+$", compiling, re.MULTILINE):
        assert all((ROOT / each).exists() for each in name.split())
    assert "COPY --from=build /venv /venv" in last
    assert "--mount=from=compiled" in last


def test_one_service_builds_the_image_before_any_other_runs_it(compose: Document) -> None:
    """Nobody asks a registry for it, and no two build it at once."""
    assert [name for name, each in compose["services"].items() if "build" in each] == ["topics"]
    for name in (*EVERYTHING, "topics"):
        service = compose["services"][name]
        assert service["image"] == made.IMAGE
        assert service["pull_policy"] == ("build" if name == "topics" else "never")
        assert name == "topics" or "topics" in service["depends_on"]


def test_those_who_ask_an_exchange_share_one_budget(compose: Document) -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    (folder,) = re.findall(r"XDG_RUNTIME_DIR=(\S+)", text)
    shared = f"shared-numbers:{folder}"
    sharing = {name for name, each in compose["services"].items() if shared in each.get("volumes", ())}
    assert sharing == {PATH, MONITOR, ROUTER}
    assert f"uid={made.UID}" in compose["volumes"]["shared-numbers"]["driver_opts"]["o"]
