"""The bill of materials of a program in one file, as CycloneDX 1.6 in JSON: the same for the same file."""

from __future__ import annotations

import json
import uuid

from ppacer.bundle.manifest import Carried, Library, Manifest, Native
from ppc.bundle_distributions import plain

_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"


def bill_of_materials(manifest: Manifest) -> str:
    """The document: the program, its sources, its distributions and what these need of each other."""
    reference = f"program:{manifest['name']}@{manifest['build']}"
    distributions = manifest["distributions"]
    native = manifest.get("native")
    references = {plain(each["name"]): _purl(each) for each in distributions}
    asked = {need for each in distributions for need in each["requires"]}
    direct = sorted(purl for key, purl in references.items() if key not in asked or key == "ppacer")
    document = {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(manifest, sort_keys=True))}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "ppc", "version": manifest["compiler"]}]},
            "component": {
                "type": "application",
                "bom-ref": reference,
                "name": manifest["name"],
                "version": manifest["build"],
                "components": [*map(_source, manifest["sources"]), *(_python(native) if native else ())],
            },
        },
        "components": [*map(_component, distributions), *map(_library, native["libraries"] if native else ())],
        "dependencies": [
            {"ref": reference, "dependsOn": direct},
            *({"ref": _purl(each), "dependsOn": _needs(each, references)} for each in distributions),
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _source(source: dict[str, str]) -> dict[str, object]:
    return {"type": "file", "name": source["path"], "hashes": [{"alg": "SHA-256", "content": source["sha256"]}]}


def _python(native: Native) -> list[dict[str, object]]:
    """What stands in front of the archive in an executable: Python, and the loader that starts it."""
    loader = native["pyinstaller"]
    return [
        {"type": "platform", "name": "CPython", "version": native["python"]},
        {"type": "library", "name": "pyinstaller", "version": loader, "purl": f"pkg:pypi/pyinstaller@{loader}"},
    ]


def _library(library: Library) -> dict[str, object]:
    return {
        "type": "library",
        "name": library["name"],
        "hashes": [{"alg": "SHA-256", "content": library["sha256"]}],
    }


def _component(each: Carried) -> dict[str, object]:
    component: dict[str, object] = {
        "type": "library",
        "bom-ref": _purl(each),
        "name": each["name"],
        "version": each["version"],
        "purl": _purl(each),
        "properties": [
            {"name": "ppacer:files", "value": str(each["files"])},
            {"name": "ppacer:files:sha256", "value": each["sha256"]},
            *({"name": "ppacer:left-out", "value": name} for name in each["left_out"]),
        ],
    }
    if each["licence"]:
        component["licenses"] = [{"license": {"name": each["licence"]}}]
    return component


def _needs(each: Carried, references: dict[str, str]) -> list[str]:
    return sorted(references[need] for need in each["requires"] if need in references)


def _purl(each: Carried) -> str:
    return f"pkg:pypi/{plain(each['name'])}@{each['version']}"
