"""The component of the manifests that runs the members of the path each on its own."""

import os

import pytest
import yaml

from deploy import make_manifests as made
from runtime.kafka.layout import broker_topics
from schemas.topics import PATH
from tests.contract.deployed import APART, DEPLOY, Document, of_kind, rendered, validate


@pytest.fixture(scope="module")
def base() -> list[Document]:
    return rendered(DEPLOY / "base")


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> list[Document]:
    """An overlay of the base with the component that runs the members of the path each on its own."""
    folder = tmp_path_factory.mktemp("overlay")
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(DEPLOY / "base", folder)],
        "components": [os.path.relpath(DEPLOY / "apart", folder)],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    return rendered(folder)


def test_the_members_of_the_path_run_apart_where_an_overlay_says_so(
    base: list[Document], apart: list[Document]
) -> None:
    validate(apart)
    kinds = ("StatefulSet", "Deployment", "Service", "PodDisruptionBudget", "KafkaUser")
    for kind in kinds:
        before = of_kind(base, kind).keys() - {"redis"}
        expected = before - {PATH} | APART if PATH in before else before
        assert of_kind(apart, kind).keys() == expected, kind
    for name in APART:
        document = of_kind(apart, "StatefulSet")[name]
        assert "app.kubernetes.io/part-of" in document["spec"]["template"]["metadata"]["labels"]
        image = document["spec"]["template"]["spec"]["containers"][0]["image"]
        assert image == f"{made.IMAGE}:{made.VERSION}"


def test_each_topic_has_one_who_may_write_it_in_either_shape(
    base: list[Document], apart: list[Document]
) -> None:
    for documents in (base, apart):
        writers = [
            acl["resource"]["name"]
            for user in of_kind(documents, "KafkaUser").values()
            for acl in user["spec"]["authorization"]["acls"]
            if "Write" in acl["operations"]
        ]
        assert sorted(writers) == sorted(broker_topics())
