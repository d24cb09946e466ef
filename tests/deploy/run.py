"""The deployment files: they parse, and they take away what Core does not need.

No container engine and no cluster is needed: the files are read and judged by rules, and
systemd-analyze reads the unit where it is installed. Each rule is first shown a file it refuses.
"""

import copy
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
HARDENING = [
    "CapabilityBoundingSet=", "NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateDevices=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "SystemCallFilter=@system-service", "UMask=0077",
]


def dockerfile(text: str) -> list[str]:
    found = []
    lines = [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if line and not line.startswith("#")]
    words = [line.split() for line in lines]
    stages = [line[1] for line in words if line[0] == "FROM"]
    users = [line[1] for line in words if line[0] == "USER"]
    if len(stages) < 2 or stages[-1] != "scratch":
        found.append("the last stage is not an empty image")
    if not users or users[-1].split(":")[0] in {"root", "0"}:
        found.append("the image runs as root")
    if any(":" not in stage and stage != "scratch" or stage.endswith(":latest") for stage in stages):
        found.append("an image has no version")
    builds = [line for line in lines if "cargo build" in line]
    if not builds or any("--locked" not in line or "--features" in line.replace("--no-default-features", "") for line in builds):
        found.append("the build is not locked, or has features")
    if any(line[0] == "ADD" or "curl" in line or "wget" in line for line in words):
        found.append("something is fetched without a lock")
    if not any(line[0] == "ENTRYPOINT" and line[1].startswith("[") for line in words):
        found.append("the entry point goes through a shell, which would swallow SIGTERM")
    return found


def compose(document: dict) -> list[str]:
    found = []
    for name, service in document["services"].items():
        wanted = {
            "read_only": service.get("read_only") is True,
            "cap_drop": service.get("cap_drop") == ["ALL"],
            "no-new-privileges": "no-new-privileges:true" in service.get("security_opt", []),
            "user": str(service.get("user", "0")).split(":")[0] not in {"0", "root"},
            "tmpfs": all("noexec" in entry for entry in service.get("tmpfs", ["-"])),
            "no privileges": not service.get("privileged") and "network_mode" not in service,
            "stop_grace_period": int(str(service.get("stop_grace_period", "0s")).rstrip("s")) >= 15,
        }
        found += [f"{name}: {rule}" for rule, holds in wanted.items() if not holds]
    return found


def manifests(documents: list[dict]) -> list[str]:
    found = []
    kinds = {document["kind"] for document in documents}
    found += [f"no {kind}" for kind in ("StatefulSet", "PersistentVolumeClaim", "NetworkPolicy", "Service") if kind not in kinds]
    for document in documents:
        if document["kind"] == "NetworkPolicy" and set(document["spec"]["policyTypes"]) != {"Ingress", "Egress"}:
            found.append(f"{document['metadata']['name']}: the policy leaves a direction open")
        if document["kind"] != "StatefulSet":
            continue
        pod = document["spec"]["template"]["spec"]
        settings = next(d for d in documents if d["kind"] == "ConfigMap")["data"]["core.toml"]
        delay = int(re.search(r"drain_delay_seconds = (\d+)", settings)[1])
        if pod["terminationGracePeriodSeconds"] <= delay + 10:
            found.append("the pod is killed before it has drained")
        if document["spec"]["replicas"] != 1:
            found.append("the store has one writer")
        if not pod["securityContext"].get("runAsNonRoot") or pod.get("automountServiceAccountToken") is not False:
            found.append("the pod may run as root or holds a token of the cluster")
        for container in pod["containers"]:
            context = container.get("securityContext", {})
            if context.get("allowPrivilegeEscalation") is not False or not context.get("readOnlyRootFilesystem"):
                found.append("the container may write or rise")
            if context.get("capabilities", {}).get("drop") != ["ALL"]:
                found.append("the container keeps capabilities")
            if not {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys():
                found.append("a probe is missing")
            if container["readinessProbe"]["httpGet"]["path"] != "/ready":
                found.append("readiness asks something else")
            mounts = {mount["name"] for mount in container["volumeMounts"]}
            if mounts != {volume["name"] for volume in pod["volumes"]}:
                found.append("volumes and mounts differ")
    return found


def unit(text: str) -> list[str]:
    return [f"no {line}" for line in HARDENING if line not in text.splitlines()]


def control(docker: str, services: dict, cluster: list[dict], service: str) -> None:
    """Every judge refuses a worse file."""
    assert dockerfile(docker.replace("USER 65532:65532", "USER root")) and dockerfile(docker.replace("--locked ", ""))
    assert dockerfile(docker.replace("--no-default-features", "--features dev"))
    worse = copy.deepcopy(services)
    worse["services"]["core"]["read_only"] = False
    assert compose(worse)
    worse = copy.deepcopy(cluster)
    next(d for d in worse if d["kind"] == "StatefulSet")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 5
    assert manifests(worse)
    assert manifests([d for d in cluster if d["kind"] != "NetworkPolicy"])
    assert unit(service.replace("NoNewPrivileges=yes", ""))


def systemd(service: str) -> list[str]:
    """What systemd itself says of the unit, with a program that is there in place of ours."""
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        print("skipped: systemd-analyze is not installed")
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "vivified-core.service"
        path.write_text(service.replace("/usr/bin/vivified-core", "/bin/true"))
        result = subprocess.run([analyze, "verify", "--man=no", str(path)], capture_output=True, text=True, check=False)
        broken = path.with_name("broken.service")
        broken.write_text(service.replace("Type=exec", "Type=unheard-of"))
        against = subprocess.run([analyze, "verify", "--man=no", str(broken)], capture_output=True, text=True, check=False)
    assert "unheard-of" in against.stderr, against.stderr
    return [line for line in result.stderr.splitlines() if "vivified-core" in line]


def main() -> int:
    docker = (DEPLOY / "Dockerfile").read_text()
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    cluster = [
        document
        for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
    ]
    service = (DEPLOY / "systemd" / "vivified-core.service").read_text()
    control(docker, services, cluster, service)
    found = dockerfile(docker) + compose(services) + manifests(cluster) + unit(service) + systemd(service)
    for line in found:
        print(line)
    print(f"{3 + len(cluster)} deployment documents, {len(found)} faults; the control was refused")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
