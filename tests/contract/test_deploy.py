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
from schemas.topics import GATEWAY, OFF_PATH, PROCESSES, TOPICS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = "1.37"
EVERYTHING = {*PROCESSES, GATEWAY, *OFF_PATH}
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


def test_every_document_is_valid(manifests: list[Document]) -> None:
    for document in manifests:
        if not document["apiVersion"].startswith("kafka.strimzi.io"):
            kubernetes_validate.validate(document, KUBERNETES, strict=True)


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
    return {name: value for name, value in found.items() if name.startswith("MM__")}


def test_every_variable_is_one_that_the_engine_knows(manifests: list[Document], compose: Document) -> None:
    """Unknown ones are refused by load_config itself."""
    variables = environment_of(manifests, compose)
    assert len(variables) >= 8
    load_config((), env=variables)


def test_probes_ask_what_the_code_answers(manifests: list[Document]) -> None:
    answered = (ROOT / "chassis" / "health.py").read_text() + (
        ROOT / "gateway-api" / "gateway_api" / "app" / "operation_routes.py"
    ).read_text()
    for name, document in of_kind(manifests, "StatefulSet", "Deployment").items():
        container = document["spec"]["template"]["spec"]["containers"][0]
        ports = {port["containerPort"] for port in container.get("ports", ())}
        probes = [container[each] for each in container if each.endswith("Probe") and name in EVERYTHING]
        assert bool(probes) == (name in EVERYTHING - {*OFF_PATH})
        for probe in probes:
            assert f'"{probe["httpGet"]["path"]}"' in answered
            assert probe["httpGet"]["port"] in ports


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
            assert spec["terminationGracePeriodSeconds"] > made.DRAIN_LIMIT_S


def test_every_object_carries_the_labels_of_its_application(manifests: list[Document]) -> None:
    for document in of_kind(manifests, "StatefulSet", "Deployment", "Service").values():
        labels = document["metadata"]["labels"]
        if labels["app.kubernetes.io/component"] in EVERYTHING:
            wanted = {f"app.kubernetes.io/{name}" for name in ("name", "instance", "component", "part-of")}
            assert wanted | {"app.kubernetes.io/managed-by"} <= labels.keys()
            assert "app.kubernetes.io/version" in document["metadata"]["annotations"]


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


def test_every_image_holds_the_process_that_it_runs(compose: Document) -> None:
    for process, service in made.SERVICES.items():
        given = compose["services"][process]["build"]
        assert given["args"]["SERVICE"] == service
        points = (ROOT / service / "pyproject.toml").read_text(encoding="utf-8")
        assert f"\n{process} = " in points, process
