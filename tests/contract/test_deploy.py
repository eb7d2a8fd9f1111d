"""What is deployed agrees with the code: names, images, ports, probes, topics and environment."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from chassis.settings import load_config
from chassis.worker import DRAIN_LIMIT_S
from schemas.topics import GATEWAY, OFF_PATH, PROCESSES, TOPICS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = "1.37"
EVERYTHING = {*PROCESSES, GATEWAY, *OFF_PATH}
ASKED_FOR_HEALTH = EVERYTHING - {*OFF_PATH}
PATCHES = ("kustomization.yaml", "one-broker.yaml", "small.yaml")
WHOLE = [path for path in sorted(DEPLOY.glob("*/**/*.yaml")) if path.name not in PATCHES]
sys.path.insert(0, str(DEPLOY))
import make_manifests as made  # noqa: E402

Document = dict[str, Any]


def rendered(folder: Path) -> list[Document]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is missing: on Debian, apt install kubernetes-client")
    done = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=60, check=True
    )
    return [document for document in yaml.safe_load_all(done.stdout) if document]


@pytest.fixture(scope="module", params=["base", "overlays/dev"])
def manifests(request: pytest.FixtureRequest) -> list[Document]:
    return rendered(DEPLOY / request.param)


@pytest.fixture(scope="module")
def compose() -> Document:
    found: Document = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def of_kind(documents: list[Document], *kinds: str) -> dict[str, Document]:
    return {each["metadata"]["name"]: each for each in documents if each["kind"] in kinds}


def test_what_is_committed_is_what_the_code_makes() -> None:
    for path, documents in made.files().items():
        assert path.read_text(encoding="utf-8") == made.text_of(documents), f"run deploy/{made.__name__}.py"


def validate(documents: list[Document]) -> None:
    """Those that Kubernetes knows; Strimzi's have a test of their own."""
    for document in documents:
        if not document["apiVersion"].startswith("kafka.strimzi.io"):
            kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_every_document_is_valid(manifests: list[Document]) -> None:
    validate(manifests)


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.name)
def test_every_file_is_valid_before_it_is_rendered(path: Path) -> None:
    """Needs no kubectl."""
    validate(list(yaml.safe_load_all(path.read_text(encoding="utf-8"))))


def test_strimzi_documents_have_what_its_operator_needs(manifests: list[Document]) -> None:
    topics = of_kind(manifests, "KafkaTopic")
    assert topics.keys() == {topic.name for topic in TOPICS}
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
    assert compose["services"].keys() == EVERYTHING | {"kafka", "redis", "topics"}
    for name in EVERYTHING:
        assert compose["services"][name]["command"] == ["run", name]


def test_one_writer_a_topic(manifests: list[Document]) -> None:
    assert {*PROCESSES} == of_kind(manifests, "StatefulSet").keys()
    for name, document in of_kind(manifests, "StatefulSet").items():
        assert document["spec"]["replicas"] == 1
        mounts = document["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        assert {"name": "state", "mountPath": "/state"} in mounts, name


def environment_of(manifests: list[Document], compose: Document) -> dict[str, str]:
    found: dict[str, str] = dict(of_kind(manifests, "ConfigMap")[made.CONFIG]["data"])
    for service in compose["services"].values():
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
    return (routes if process == GATEWAY else ROOT / "chassis" / "health.py").read_text(encoding="utf-8")


def test_probes_ask_what_the_code_answers(manifests: list[Document]) -> None:
    workloads = of_kind(manifests, "StatefulSet", "Deployment")
    for name in EVERYTHING:
        container = workloads[name]["spec"]["template"]["spec"]["containers"][0]
        ports = {port["containerPort"] for port in container["ports"]}
        probes = {each: container[each]["httpGet"] for each in container if each.endswith("Probe")}
        wanted = {"startupProbe", "readinessProbe", "livenessProbe"} if name in ASKED_FOR_HEALTH else set()
        assert probes.keys() == wanted, name
        for asked in probes.values():
            assert f'"{asked["path"]}"' in answers_of(name)
            assert asked["port"] in ports


def test_compose_asks_what_the_code_answers(compose: Document) -> None:
    for name in EVERYTHING - ASKED_FOR_HEALTH:
        assert compose["services"][name]["healthcheck"] == {"disable": True}
    for name in ASKED_FOR_HEALTH:
        service = compose["services"][name]
        key = "MM__ENGINE__PORT" if name == GATEWAY else "MM__PROCESS__HEALTH_PORT"
        asked = re.search(r"http://127\.0\.0\.1:(\d+)([/a-z]+)", service["healthcheck"]["test"][-1])
        assert asked is not None, name
        assert asked[1] == service["environment"][key], name
        assert f'"{asked[2]}"' in answers_of(name)


def test_every_port_is_one_that_something_listens_at(manifests: list[Document], compose: Document) -> None:
    settings = of_kind(manifests, "ConfigMap")[made.CONFIG]["data"]
    for name, document in of_kind(manifests, "Service").items():
        if name in EVERYTHING:
            key = "MM__ENGINE__PORT" if name == GATEWAY else "MM__PROCESS__HEALTH_PORT"
            assert [str(port["targetPort"]) for port in document["spec"]["ports"]] == [settings[key]], name
    gateway = compose["services"][GATEWAY]
    assert gateway["ports"][0].endswith(f":{gateway['environment']['MM__ENGINE__PORT']}")


def ports_of(rules: list[Document]) -> set[str]:
    return {str(port["port"]) for rule in rules for port in rule["ports"]}


def test_the_network_allows_what_the_processes_need_and_no_more(manifests: list[Document]) -> None:
    settings = of_kind(manifests, "ConfigMap")[made.CONFIG]["data"]
    policies = {name: each["spec"] for name, each in of_kind(manifests, "NetworkPolicy").items()}
    assert policies["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (named,) = policies["processes"]["podSelector"]["matchExpressions"]
    assert set(named["values"]) == EVERYTHING
    health, page = settings["MM__PROCESS__HEALTH_PORT"], settings["MM__ENGINE__PORT"]
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
    for name in EVERYTHING:
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
            assert image == f"market-making/{made.SERVICES[name]}:{made.VERSION}"


def test_ports_are_on_the_loopback_alone(compose: Document) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_is_pinned_by_hash_and_runs_as_nobody() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.lock" in text
    assert re.search(rf"^USER {made.UID}:{made.UID}$", text, re.MULTILINE)
    copied = re.findall(r"^COPY (\S+) ", text, re.MULTILINE)
    assert {"requirements.lock", "schemas", "chassis", "${SERVICE}"} <= set(copied)
    assert all((ROOT / service / "pyproject.toml").is_file() for service in made.SERVICES.values())


def test_no_two_services_build_the_same_name(compose: Document) -> None:
    """Without `image`, compose calls what it builds after the project and the service."""
    built = [service for service in compose["services"].values() if "build" in service]
    assert len(built) == len(EVERYTHING) + 1
    assert not any("image" in service for service in built)


def test_every_image_holds_the_process_that_it_runs(compose: Document) -> None:
    for process, service in made.SERVICES.items():
        given = compose["services"][process]["build"]
        assert given["args"]["SERVICE"] == service
        points = (ROOT / service / "pyproject.toml").read_text(encoding="utf-8")
        assert f"\n{process} = " in points, process
