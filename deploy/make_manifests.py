"""Writes the Kubernetes manifests that follow from the code: `python deploy/make_manifests.py`.

One workload a process, one KafkaTopic a topic. From book to order is one of them, `path`; the component
`apart` has its three members in its place. A test compares what is committed with what this writes.
"""

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from deploy.make_secrets import ADMIN
from runtime.kafka.access import PRINCIPALS, Grant, grants
from runtime.kafka.layout import broker_topics
from runtime.kafka.topic_settings import topic_settings
from runtime.process.turn import DRAIN_LIMIT_S
from schemas.deployment import Kafka
from schemas.topics import GATEWAY, INVENTORY, PATH, PATH_PROCESSES, PROJECTOR, RISK, STATISTICS

FOLDER = Path(__file__).parent
RUNNING = (PATH, INVENTORY, RISK, PROJECTOR, GATEWAY, STATISTICS)
APART = PATH_PROCESSES  # in place of the path, where each is to be on its own
IMAGE = "market-making/engine"
PRODUCTION = Kafka(partitions=4, replication=3, min_insync_replicas=2)
DEV = Kafka(partitions=4, replication=1, min_insync_replicas=1)
HEALTH_PORT = 8081
ACCESS_SECRET = "market-making-access"  # noqa: S105  a name
ACCESS_FOLDER = "/access"
KAFKA_FOLDER, KAFKA_CA_FOLDER, REDIS_FOLDER = "/kafka", "/kafka-ca", "/redis"
CONTROL_FOLDER, CONTROL_KEYS_FOLDER = "/control", "/control-keys"
REDIS_SECRET = "market-making-redis"  # noqa: S105  a name
CONTROL_SECRET = "market-making-control"  # noqa: S105  a name
CONTROL_KEYS = "market-making-control-keys"
KAFKA_PORT = 9093
WITH_REDIS = (PROJECTOR, GATEWAY)
GATEWAY_PORT = 8080
UID = 10001
CONFIG = "engine-config"
CLUSTER = "market-making"
VERSION = version("mm-runtime")
STOP_S = 2 * DRAIN_LIMIT_S + 15
"""A process may wait its limit for the venue and again for a broker that confirms slowly, and then keeps its
state. One that confirms nothing is not waited for.
"""
START_S = 3600
"""A process waits for the broker and its topics for as long as it takes: a new start makes neither come."""
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
    port, started = HEALTH_PORT, "/health/started"
    if process == GATEWAY:
        port, started = GATEWAY_PORT, "/health/live"
    return {
        "startupProbe": probe(started, port, periodSeconds=1, failureThreshold=START_S),
        "readinessProbe": probe("/health/ready", port, periodSeconds=2, failureThreshold=2),
        "livenessProbe": probe("/health/live", port, periodSeconds=5, failureThreshold=3),
    }


def container(process: str) -> Document:
    """The one container of a process."""
    resources = {"cpu": "1", "memory": "512Mi"}
    if process == PATH:
        resources = {"cpu": "2", "memory": "1Gi"}  # three processes, and the fork that writes their state
    ports = {GATEWAY: [{"name": "http", "containerPort": GATEWAY_PORT}]}
    found: Document = {
        "name": process,
        "image": IMAGE,
        "args": ["run", process],
        "envFrom": [{"configMapRef": {"name": CONFIG}}],
        "env": [{"name": name, "value": value} for name, value in own_settings(process).items()],
        "ports": ports.get(process, [{"name": "health", "containerPort": HEALTH_PORT}]),
        "resources": {"requests": resources, "limits": dict(resources)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  of the pod alone
            *(
                {"name": name, "mountPath": folder, "readOnly": True}
                for name, (folder, _) in mounted(process).items()
            ),
        ],
        **probes(process),
    }
    if is_writer(process):
        found["volumeMounts"].append({"name": "state", "mountPath": "/state"})
    return found


def own_settings(process: str) -> dict[str, str]:
    """What differs from process to process: as whom it signs in, and what it alone may know."""
    found = {"MM__KAFKA__SASL_USERNAME": process}
    if process in WITH_REDIS:
        found["MM__REDIS__PASSWORD_FILE"] = f"{REDIS_FOLDER}/password"
    if process == GATEWAY:
        found["MM__CONTROL__SIGNING_KEY_FILE"] = f"{CONTROL_FOLDER}/signing.key"
    return found


def mounted(process: str) -> dict[str, tuple[str, Document]]:
    """Secrets and keys by volume: the folder, and where they come from. Each process sees its own alone."""
    found = {
        "kafka": (KAFKA_FOLDER, secret(process)),
        "kafka-ca": (KAFKA_CA_FOLDER, secret(f"{CLUSTER}-cluster-ca-cert", "ca.crt")),
        "control-keys": (CONTROL_KEYS_FOLDER, {"configMap": {"name": CONTROL_KEYS}}),
    }
    if process in WITH_REDIS:
        found["redis"] = (REDIS_FOLDER, secret(REDIS_SECRET))
    if process == GATEWAY:
        found["control"] = (CONTROL_FOLDER, secret(CONTROL_SECRET))
        found["access"] = (ACCESS_FOLDER, secret(ACCESS_SECRET))
    return found


def secret(name: str, *keys: str) -> Document:
    """A volume of a secret, or of some of its keys, which the group of the pod reads."""
    found: Document = {"secretName": name, "defaultMode": 0o440}
    if keys:
        found["items"] = [{"key": key, "path": key} for key in keys]
    return {"secret": found}


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
    return [
        {"name": "tmp", "emptyDir": {}},
        *({"name": name, **source} for name, (_, source) in mounted(process).items()),
    ]


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


def workloads(processes: Iterable[str]) -> list[Document]:
    """The objects of these processes."""
    found = []
    for process in processes:
        found.append(workload(process))
        found.append(service(process))
        if is_writer(process) and process != PROJECTOR:
            found.append(disruption_budget(process))
    return found


def without(process: str) -> list[Document]:
    """Patches that take the objects of a process away."""
    objects = (*workloads((process,)), user(process))
    kinds = [{"apiVersion": each["apiVersion"], "kind": each["kind"]} for each in objects]
    return [{"$patch": "delete", **kind, "metadata": {"name": process}} for kind in kinds]


def topics(config: Kafka) -> list[Document]:
    """The topics for Strimzi's operator, as `maker topics apply` makes them elsewhere."""
    return [
        {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaTopic",
            "metadata": {"name": name, "labels": {"strimzi.io/cluster": CLUSTER}},
            "spec": {
                "partitions": config.partitions,
                "replicas": config.replication,
                "config": topic_settings(topic, config),
            },
        }
        for name, (topic, _) in broker_topics().items()
    ]


def user(principal: str) -> Document:
    """Somebody who comes to the broker, and what they may do there: no more than needed."""
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": principal, "labels": {"strimzi.io/cluster": CLUSTER}},
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {
                "type": "simple",
                "acls": [acl(grant) for grant in grants() if grant.principal == principal],
            },
        },
    }


def acl(grant: Grant) -> Document:
    """A grant for Strimzi's operator."""
    resource = {"type": grant.resource, "name": grant.name, "patternType": "literal"}
    return {"resource": resource, "operations": [grant.operation], "host": "*"}


def settings(config: Kafka) -> Document:
    """The configuration that all processes share, as environment."""
    data = {
        "MM__KAFKA__BOOTSTRAP": f"{CLUSTER}-kafka-bootstrap:{KAFKA_PORT}",
        "MM__KAFKA__PARTITIONS": config.partitions,
        "MM__KAFKA__REPLICATION": config.replication,
        "MM__KAFKA__MIN_INSYNC_REPLICAS": config.min_insync_replicas,
        "MM__KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "MM__KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
        "MM__KAFKA__SASL_PASSWORD_FILE": f"{KAFKA_FOLDER}/password",
        "MM__KAFKA__SSL_CA_FILE": f"{KAFKA_CA_FOLDER}/ca.crt",
        "MM__REDIS__URL": "redis://redis:6379/0",
        "MM__CONTROL__PUBLIC_KEYS_FILE": f"{CONTROL_KEYS_FOLDER}/public.keys",
        "MM__PROCESS__STATE_DIR": "/state",
        "MM__PROCESS__HEALTH_HOST": "0.0.0.0",  # noqa: S104  the network policy says who may come
        "MM__PROCESS__HEALTH_PORT": HEALTH_PORT,
        "MM__GATEWAY__HOST": "0.0.0.0",  # noqa: S104
        "MM__GATEWAY__PORT": GATEWAY_PORT,
        "MM__ACCESS__USERS_FILE": f"{ACCESS_FOLDER}/users.yaml",
        "MM__ACCESS__SIGNING_KEY_FILE": f"{ACCESS_FOLDER}/signing.key",
    }
    metadata = {"name": CONFIG}
    text = {name: str(value) for name, value in data.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": text}


def compose_over(process: str) -> Document:
    """What a service has on top of compose.yaml where the broker and Redis know who comes."""
    own = "./secrets"
    environment = {
        "MM__KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "MM__KAFKA__SASL_USERNAME": process,
        "MM__KAFKA__SASL_PASSWORD_FILE": f"{KAFKA_FOLDER}/password",
        "MM__KAFKA__SSL_CA_FILE": f"{KAFKA_CA_FOLDER}/ca.pem",
    }
    volumes = [
        f"{own}/kafka/{process}.password:{KAFKA_FOLDER}/password:ro",
        f"{own}/kafka/ca.pem:{KAFKA_CA_FOLDER}/ca.pem:ro",
    ]
    if process in WITH_REDIS:
        environment["MM__REDIS__PASSWORD_FILE"] = f"{REDIS_FOLDER}/password"
        volumes.append(f"{own}/redis/password:{REDIS_FOLDER}/password:ro")
    return {"environment": environment, "volumes": volumes}


def compose_secure() -> Document:
    """For `docker compose -f compose.yaml -f compose.secure.yaml`, with what make_secrets.py made."""
    format_and_start = (
        "/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --cluster-id bWFya2V0LW1ha2luZy0xMQ "
        "-c /broker/server.properties $$(cat /broker/users) "
        "&& exec /opt/kafka/bin/kafka-server-start.sh /broker/server.properties"
    )
    admin = compose_over(ADMIN)
    return {
        "services": {
            "kafka": {
                "entrypoint": ["/bin/bash", "-c", format_and_start],
                "volumes": ["./secrets/broker:/broker:ro"],
                "healthcheck": {
                    "test": [
                        "CMD",
                        "/opt/kafka/bin/kafka-broker-api-versions.sh",
                        "--bootstrap-server",
                        "kafka:9092",
                        "--command-config",
                        "/broker/admin.properties",
                    ]
                },
            },
            "redis": {
                "command": [
                    "sh",
                    "-c",
                    'exec redis-server --save "" --appendonly no --requirepass "$$(cat /redis/password)"',
                ],
                "volumes": ["./secrets/redis/password:/redis/password:ro"],
                "healthcheck": {
                    "test": [
                        "CMD-SHELL",
                        'REDISCLI_AUTH="$$(cat /redis/password)" redis-cli ping | grep -q PONG',
                    ]
                },
            },
            "topics": admin | {"command": ["topics", "apply", "--access"]},
            **{process: compose_over(process) for process in (*RUNNING, *APART)},
        }
    }


def files() -> dict[Path, list[Document]]:
    """What is written where."""
    return {
        FOLDER / "base" / "workloads.yaml": workloads(RUNNING),
        FOLDER / "base" / "config.yaml": [settings(PRODUCTION)],
        FOLDER / "base" / "topics.yaml": topics(PRODUCTION),
        FOLDER / "base" / "users.yaml": [user(each) for each in PRINCIPALS if each not in APART],
        FOLDER / "apart" / "workloads.yaml": workloads(APART),
        FOLDER / "apart" / "users.yaml": [user(each) for each in APART],
        FOLDER / "apart" / "without-path.yaml": without(PATH),
        FOLDER / "overlays" / "dev" / "one-broker.yaml": [settings(DEV), *topics(DEV)],
        FOLDER / "compose.secure.yaml": [compose_secure()],
        FOLDER / "overlays" / "dev" / "small.yaml": [small(process) for process in RUNNING],
    }


def text_of(documents: list[Document]) -> str:
    """A file's content."""
    head = "# Made by deploy/make_manifests.py: change that, and run it.\n"
    return head + yaml.safe_dump_all(documents, sort_keys=False, width=110)


if __name__ == "__main__":
    for path, documents in files().items():
        path.write_text(text_of(documents), encoding="utf-8")
