"""What no cluster checks for us: manifests agree with the code's ports, services and grace."""

import importlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from shared.contracts.stages import SERVICES
from shared.kafka.consumer import FINISH_SECONDS
from shared.service import DRAIN_SECONDS
from shared.settings import PORTS

BASE = Path(__file__).parents[2] / "deploy" / "k8s" / "base"


def manifest(path: str) -> Any:
    return YAML(typ="safe").load((BASE / path).read_text())


@pytest.mark.parametrize("service", SERVICES)
def test_a_deployment_serves_its_service_on_its_port(service: str) -> None:
    deployment = manifest(f"{service}/deployment.yaml")
    pod = deployment["spec"]["template"]
    container = pod["spec"]["containers"][0]
    assert container["args"] == ["serve", service]
    assert container["ports"][0]["containerPort"] == PORTS[service]
    assert {"name": "TUVI_PORT", "value": str(PORTS[service])} in container["env"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    labels = pod["metadata"]["labels"]
    exposed = manifest(f"{service}/service.yaml")["spec"]
    assert exposed["ports"][0]["port"] == PORTS[service]
    assert exposed["selector"].items() <= labels.items()
    budget = manifest(f"{service}/disruption-budget.yaml")["spec"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_is_given_time_to_finish(service: str) -> None:
    spec = manifest(f"{service}/deployment.yaml")["spec"]["template"]["spec"]
    pre_stop = spec["containers"][0].get("lifecycle", {}).get("preStop", {})
    needed = pre_stop.get("sleep", {}).get("seconds", 0) + FINISH_SECONDS + DRAIN_SECONDS
    assert spec["terminationGracePeriodSeconds"] > needed


@pytest.mark.parametrize("service", [*SERVICES, "migrate"])
def test_pods_are_restricted(service: str) -> None:
    file = "migrate/job.yaml" if service == "migrate" else f"{service}/deployment.yaml"
    spec = manifest(file)["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    security = spec["containers"][0]["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    resources = spec["containers"][0]["resources"]
    assert resources["limits"]["memory"] == resources["requests"]["memory"]


def environment() -> dict[str, str]:
    lines = (BASE / "tuvi.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("service", SERVICES)
def test_the_environment_is_one_that_the_service_understands(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {"TUVI_DSN": "postgresql://tuvi@postgres/tuvi", "TUVI_TOKEN_KEYS": "k" * 43}
    for name, value in (environment() | secrets).items():
        monkeypatch.setenv(name, value)
    settings = importlib.import_module(f"services.{service}.settings").Settings()
    assert settings.kafka == "kafka:9092"


def test_every_setting_of_the_environment_is_somebodys() -> None:
    read = {"TUVI_PARTITIONS", "TUVI_REPLICATION"}  # by the migration
    for service in SERVICES:
        settings = importlib.import_module(f"services.{service}.settings").Settings
        read |= {f"TUVI_{name.upper()}" for name in settings.model_fields}
    assert environment().keys() <= read


def test_notifications_come_by_the_queue_that_is_subscribed_to_the_topic() -> None:
    given = environment()
    queue = re.fullmatch(
        r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com/(\d+)/.+", given["TUVI_SQS_QUEUE_URL"]
    )
    assert queue is not None
    [topic] = json.loads(given["TUVI_SNS_TOPICS"])
    assert topic.split(":")[3:5] == [queue[1], queue[2]]


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_secret_is_marked_in_the_readme_and_not_in_the_environment(service: str) -> None:
    settings = importlib.import_module(f"services.{service}.settings").Settings
    secret = {"dsn", "token_keys"} & settings.model_fields.keys()
    told = (BASE.parents[2] / "services" / service / "README.md").read_text()
    for name in secret:
        assert re.search(rf"`(TUVI_)?{name.upper()}`[^`]*(`tuvi_{service}`)?[^`]*secret", told), (
            name
        )
        assert f"TUVI_{name.upper()}" not in environment()


def test_the_migration_jobs_name_changes_with_the_image() -> None:
    tag = manifest("kustomization.yaml")["images"][0]["newTag"]
    assert manifest("migrate/kustomization.yaml")["nameSuffix"] == "-" + tag.replace(".", "-")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl renders; it is not here")
def test_kustomize_renders_the_base() -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(BASE)], capture_output=True, text=True, check=True
    )
    documents = list(YAML(typ="safe").load_all(done.stdout))
    kinds = [d["kind"] for d in documents]
    assert kinds.count("Deployment") == len(SERVICES) == kinds.count("Service")
    assert {"Namespace", "Job", "ConfigMap"} <= set(kinds)
    for document in documents:
        if document["kind"] == "Deployment":
            labels = document["spec"]["template"]["metadata"]["labels"]
            assert labels["app.kubernetes.io/part-of"] == "tuvi"
