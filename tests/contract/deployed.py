"""The manifests as they are rendered, for the tests of what is deployed."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from schemas.topics import GATEWAY, OFF_PATH, PATH, PATH_PROCESSES, PROCESSES
from tests.servers.local import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = "1.37"
APART = {*PATH_PROCESSES}
EVERYTHING = {PATH, *PROCESSES, GATEWAY, *OFF_PATH} - APART
Document = dict[str, Any]


def rendered(folder: Path) -> list[Document]:
    """What a cluster gets of a kustomization."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is missing: on Debian, apt install kubernetes-client")
    done = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(documents: list[Document], *kinds: str) -> dict[str, Document]:
    """The documents of these kinds, by name."""
    return {each["metadata"]["name"]: each for each in documents if each["kind"] in kinds}


def validate(documents: list[Document]) -> None:
    """Those that Kubernetes knows; Strimzi's have a test of their own."""
    for document in documents:
        if not document["apiVersion"].startswith("kafka.strimzi.io"):
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
