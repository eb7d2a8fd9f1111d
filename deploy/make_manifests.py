"""Writes the Kubernetes manifests that follow from the code: `python deploy/make_manifests.py`.

One workload a process, one KafkaTopic a topic. A test compares what is committed with what this writes.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from chassis.bus.kafka.admin import topic_settings
from chassis.worker import DRAIN_LIMIT_S
from schemas.deployment import Kafka
from schemas.topics import GATEWAY, INVENTORY, MONITOR, PROJECTOR, QUOTE, RISK, ROUTER, STATISTICS, TOPICS

FOLDER = Path(__file__).parent
SERVICES = {
    MONITOR: "monitor-service",
    QUOTE: "quote-service",
    ROUTER: "quote-service",
    INVENTORY: "inventory-service",
    RISK: "risk-service",
    PROJECTOR: "gateway-api",
    GATEWAY: "gateway-api",
    STATISTICS: "monitor-service",
}
"""By process: the service, and so the image, that it is in."""
PRODUCTION = Kafka(partitions=4, replication=3, min_insync_replicas=2)
DEV = Kafka(partitions=4, replication=1, min_insync_replicas=1)
HEALTH_PORT = 8081
ACCESS_SECRET = "market-making-access"  # noqa: S105  a name
ACCESS_FOLDER = "/access"
GATEWAY_PORT = 8080
UID = 10001
CONFIG = "engine-config"
CLUSTER = "market-making"
VERSION = version("mm-chassis")
STOP_S = 2 * DRAIN_LIMIT_S + 15
"""A process may wait its limit for the venue and again for the broker, and then keeps its state."""
Document = dict[str, Any]


def selector(process: str) -> dict[str, str]:
    """What finds the pods of a process: nothing that an upgrade changes. The kustomization adds to it."""
    return {"app.kubernetes.io/component": process}


def labels(process: str) -> dict[str, str]:
    """What every object of a process carries; name, instance and the rest come from the kustomization."""
    return selector(process) | {"app.kubernetes.io/version": VERSION}


def probe(path: str, port: int, **fields: int) -> Document:
    """An HTTP probe."""
    return {"httpGet": {"path": path, "port": port}, "timeoutSeconds": 2, **fields}


def probes(process: str) -> Document:
    """startup: state restored; readiness: caught up and its dependencies answer; liveness: the loop turns."""
    if process == STATISTICS:
        return {}  # it ends by itself where it does not get on
    port, started = HEALTH_PORT, "/health/started"
    if process == GATEWAY:
        port, started = GATEWAY_PORT, "/health/live"
    return {
        "startupProbe": probe(started, port, periodSeconds=1, failureThreshold=120),
        "readinessProbe": probe("/health/ready", port, periodSeconds=2, failureThreshold=2),
        "livenessProbe": probe("/health/live", port, periodSeconds=5, failureThreshold=3),
    }


def container(process: str) -> Document:
    """The one container of a process."""
    resources = {"cpu": "1", "memory": "512Mi"}
    ports = {STATISTICS: [], GATEWAY: [{"name": "http", "containerPort": GATEWAY_PORT}]}
    found: Document = {
        "name": process,
        "image": f"market-making/{SERVICES[process]}",
        "args": ["run", process],
        "envFrom": [{"configMapRef": {"name": CONFIG}}],
        "ports": ports.get(process, [{"name": "health", "containerPort": HEALTH_PORT}]),
        "resources": {"requests": resources, "limits": dict(resources)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  of the pod alone
        **probes(process),
    }
    if process == GATEWAY:
        found["volumeMounts"].append({"name": "access", "mountPath": ACCESS_FOLDER, "readOnly": True})
    if is_writer(process):
        found["volumeMounts"].append({"name": "state", "mountPath": "/state"})
    return found


def is_writer(process: str) -> bool:
    """Does the process keep state of its own, and so have one instance a shard?"""
    return process not in (GATEWAY, STATISTICS)


def pod(process: str) -> Document:
    """The template of a process's pods."""
    return {
        "metadata": {"labels": labels(process)},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": STOP_S,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": UID,
                "runAsGroup": UID,
                "fsGroup": UID,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container(process)],
            "volumes": volumes(process),
        },
    }


def volumes(process: str) -> list[Document]:
    """What is mounted beside the state."""
    found: list[Document] = [{"name": "tmp", "emptyDir": {}}]
    if process == GATEWAY:
        found.append({"name": "access", "secret": {"secretName": ACCESS_SECRET, "defaultMode": 0o440}})
    return found


def workload(process: str) -> Document:
    """A StatefulSet for a process that writes topics, one pod a shard; a Deployment for the others."""
    spec: Document = {
        "replicas": 1,
        "selector": {"matchLabels": selector(process)},
        "template": pod(process),
    }
    if not is_writer(process):
        if process == STATISTICS:
            spec["strategy"] = {"type": "Recreate"}
        return _object("apps/v1", "Deployment", process, spec)
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    spec["serviceName"] = process
    spec["podManagementPolicy"] = "Parallel"
    spec["volumeClaimTemplates"] = [{"metadata": {"name": "state"}, "spec": claim}]
    return _object("apps/v1", "StatefulSet", process, spec)


def service(process: str) -> Document:
    """Gives a process its name in the cluster."""
    port = GATEWAY_PORT if process == GATEWAY else HEALTH_PORT
    spec: Document = {
        "selector": selector(process),
        "ports": [{"name": "http", "port": port, "targetPort": port}],
    }
    if process != GATEWAY:
        spec["clusterIP"] = "None"
    return _object("v1", "Service", process, spec)


def disruption_budget(process: str) -> Document:
    """Nobody drains the pod of a process that trades without saying so."""
    spec = {"maxUnavailable": 0, "selector": {"matchLabels": selector(process)}}
    return _object("policy/v1", "PodDisruptionBudget", process, spec)


def _object(api: str, kind: str, name: str, spec: Document) -> Document:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "labels": labels(name)}, "spec": spec}


def small(process: str) -> Document:
    """A patch: what a process asks for on a small cluster."""
    asked = {"name": process, "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": workload(process)["kind"],
        "metadata": {"name": process},
        "spec": {"template": {"spec": {"containers": [asked]}}},
    }


def workloads() -> list[Document]:
    """Everything that runs."""
    found = []
    for process in SERVICES:
        found.append(workload(process))
        if process != STATISTICS:
            found.append(service(process))
        if is_writer(process) and process != PROJECTOR:
            found.append(disruption_budget(process))
    return found


def topics(config: Kafka) -> list[Document]:
    """The topics for Strimzi's operator, as `maker topics apply` makes them elsewhere."""
    return [
        {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaTopic",
            "metadata": {"name": topic.name, "labels": {"strimzi.io/cluster": CLUSTER}},
            "spec": {
                "partitions": config.partitions,
                "replicas": config.replication,
                "config": topic_settings(topic, config),
            },
        }
        for topic in TOPICS
    ]


def settings(config: Kafka) -> Document:
    """The configuration that all processes share, as environment."""
    data = {
        "MM__KAFKA__BOOTSTRAP": f"{CLUSTER}-kafka-bootstrap:9092",
        "MM__KAFKA__PARTITIONS": config.partitions,
        "MM__KAFKA__REPLICATION": config.replication,
        "MM__KAFKA__MIN_INSYNC_REPLICAS": config.min_insync_replicas,
        "MM__REDIS__URL": "redis://redis:6379/0",
        "MM__PROCESS__STATE_DIR": "/state",
        "MM__PROCESS__HEALTH_HOST": "0.0.0.0",  # noqa: S104  the network policy says who may come
        "MM__PROCESS__HEALTH_PORT": HEALTH_PORT,
        "MM__PROCESS__GATEWAY_HOST": "0.0.0.0",  # noqa: S104
        "MM__ENGINE__PORT": GATEWAY_PORT,
        "MM__ACCESS__USERS_FILE": f"{ACCESS_FOLDER}/users.yaml",
        "MM__ACCESS__SIGNING_KEY_FILE": f"{ACCESS_FOLDER}/signing.key",
    }
    metadata = {"name": CONFIG}
    text = {name: str(value) for name, value in data.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": text}


def files() -> dict[Path, list[Document]]:
    """What is written where."""
    return {
        FOLDER / "base" / "workloads.yaml": workloads(),
        FOLDER / "base" / "config.yaml": [settings(PRODUCTION)],
        FOLDER / "base" / "topics.yaml": topics(PRODUCTION),
        FOLDER / "overlays" / "dev" / "one-broker.yaml": [settings(DEV), *topics(DEV)],
        FOLDER / "overlays" / "dev" / "small.yaml": [small(process) for process in SERVICES],
    }


def text_of(documents: list[Document]) -> str:
    """A file's content."""
    head = "# Made by deploy/make_manifests.py: change that, and run it.\n"
    return head + yaml.safe_dump_all(documents, sort_keys=False, width=110)


if __name__ == "__main__":
    for path, documents in files().items():
        path.write_text(text_of(documents), encoding="utf-8")
