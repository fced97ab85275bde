"""The software bill of materials of dist/pk, in CycloneDX: what is in the file, each part with its version and hash.

    distributions   from the package index: the hash is that of the archive that was installed
    Python          linked into the program
    libraries       shared objects of the building machine, with the Debian package that each is from, if any

It stands beside the program, as dist/pk.cdx.json.
"""

import hashlib
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

_CLASSIFIER = "License :: OSI Approved :: "


def file_of(program: Path) -> Path:
    """Where the bill of a program is."""
    return program.with_name(f"{program.name}.cdx.json")


def bill(
    program: bytes, distributions: Iterable[Distribution], archives: Mapping[str, str], libraries: Mapping[str, Path]
) -> str:
    """The bill as JSON.

    program     the whole file
    archives    SHA-256 of the archive that a distribution was installed from, by the distribution's name
    libraries   shared objects in the program, by the names by which they are asked for
    """
    parts = [_distribution(each, archives.get(normalized(each.name))) for each in distributions]
    itself = next(part for part in parts if part.name == "pk-kafka")
    itself.type, itself.hashes = ComponentType.APPLICATION, [_sha256(program)]
    parts = [part for part in parts if part is not itself]
    parts.append(
        Component(
            name="python", version=platform.python_version(), type=ComponentType.PLATFORM, bom_ref="python",
            purl=PackageURL("generic", None, "python", platform.python_version()),
        )
    )  # fmt: skip
    parts += [_library(name, path) for name, path in libraries.items()]
    bom = Bom(components=parts, serial_number=uuid5(NAMESPACE_URL, hashlib.sha256(program).hexdigest()))
    bom.metadata.component = itself
    bom.register_dependency(itself, parts)
    return JsonV1Dot6(bom).output_as_string(indent=2)


def normalized(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return name.lower().replace("_", "-").replace(".", "-")


def _distribution(found: Distribution, archive: str | None) -> Component:
    name = normalized(found.name)
    return Component(
        name=name,
        version=found.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{name}=={found.version}",
        purl=PackageURL("pypi", None, name, found.version),
        licenses=[each] if (each := _license(found)) else [],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=archive)] if archive else [],
    )


def _license(found: Distribution) -> License | None:
    """What the metadata call it, in one of the three ways in which they may."""
    factory, given = LicenseFactory(), found.metadata
    if "License-Expression" in given:
        return factory.make_with_expression(given["License-Expression"])
    named = [each.removeprefix(_CLASSIFIER) for each in given.get_all("Classifier") or () if _CLASSIFIER in each]
    name = " AND ".join(named) or "".join(given.get_all("License") or ()).partition("\n")[0]
    return factory.make_with_name(name) if name else None


def _library(name: str, path: Path) -> Component:
    package, version = _debian_package(path)
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=name,
        purl=PackageURL("deb", "debian", package, version) if package else None,
        hashes=[_sha256(path.read_bytes())],
    )


def _debian_package(path: Path) -> tuple[str | None, str | None]:
    """Name and version of the package that a file is from."""
    for place in (
        path.resolve(),
        Path("/", *path.resolve().parts[2:]),
    ):  # packages may say /lib for what is in /usr/lib
        owner = _said("dpkg-query", "--search", str(place)).partition(":")[0]
        if owner:
            return owner, _said("dpkg-query", "--show", "--showformat=${Version}\n", owner).splitlines()[0]
    return None, None


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def _sha256(data: bytes) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(data).hexdigest())
