"""The products, settings and weaknesses that the demo estate is made of, read from catalogue.json."""

import json
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

EXPLOIT_LIKELIHOOD = {"NoExploit": 0.0, "ExploitIsPublic": 0.40, "ExploitIsVerified": 0.55, "ExploitIsInKit": 0.70}
LIKELIHOOD_WITH_ALERT = 1.0
LEAST_LIKELIHOOD = 0.15


@dataclass(frozen=True)
class Weakness:
    id: str
    name: str
    cvss: float
    severity: str
    epss: float
    exploit: str
    published: str
    description: str

    @property
    def risk(self) -> float:
        """Severity times likelihood, 0 to 1."""
        return self.cvss / 10 * max(LEAST_LIKELIHOOD, self.epss, EXPLOIT_LIKELIHOOD[self.exploit])


@dataclass(frozen=True)
class Product:
    """A software product, its versions from oldest to recommended, and which version ends which weakness."""

    vendor: str
    product: str
    title: str
    remediation: str | None
    recommendation: str
    shares: dict[str, float]
    exposed: float
    versions: list[str]
    weaknesses: list[tuple[Weakness, int | None]]
    path: str | None = None
    unix_path: str | None = None
    registry: str | None = None
    kb: int | None = None
    os: bool = False
    eol: str | None = None
    alert: bool = False
    threats: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    exposed_when_large: float | None = None

    @property
    def id(self) -> str:
        return f"{self.vendor}-_-{self.product}"

    @property
    def reference(self) -> str:
        return f"va-_-{self.id}"

    @property
    def recommended_version(self) -> str:
        return "" if self.remediation == "Uninstall" else self.versions[-1]

    @cached_property
    def weaknesses_of(self) -> dict[str, list[Weakness]]:
        """Version to the weaknesses that it has."""
        return {
            version: [weakness for weakness, fixed_in in self.weaknesses if fixed_in is None or position < fixed_in]
            for position, version in enumerate(self.versions)
        }

    @cached_property
    def risk_of(self) -> dict[str, float]:
        return {version: sum(weakness.risk for weakness in found) for version, found in self.weaknesses_of.items()}

    @cached_property
    def vulnerable_versions(self) -> list[str]:
        return [version for version, found in self.weaknesses_of.items() if found]


@dataclass(frozen=True)
class Configuration:
    """A security setting; points are its weight in the configuration score."""

    scid: str
    name: str
    category: str
    subcategory: str
    points: int
    noncompliant: float
    platforms: str
    user_impact: float

    @property
    def reference(self) -> str:
        return f"sca-_-{self.scid}"


@dataclass(frozen=True)
class Catalogue:
    products: dict[str, Product]
    configurations: dict[str, Configuration]
    weaknesses: dict[str, Weakness]

    @cached_property
    def recommended(self) -> dict[str, Product]:
        """Recommendation id to product, for products that have one."""
        return {product.reference: product for product in self.products.values() if product.remediation}

    @cached_property
    def settings(self) -> dict[str, Configuration]:
        """Recommendation id to setting."""
        return {setting.reference: setting for setting in self.configurations.values()}


@cache
def load_catalogue() -> Catalogue:
    content = json.loads(Path(__file__).with_name("catalogue.json").read_text(encoding="utf-8"))
    weaknesses = {cve: Weakness(id=cve, **facts) for cve, facts in content["weaknesses"].items()}
    products = [_product(entry, weaknesses) for entry in content["products"]]
    configurations = [Configuration(**entry) for entry in content["configurations"]]
    return Catalogue(
        products={product.id: product for product in products},
        configurations={setting.scid: setting for setting in configurations},
        weaknesses=weaknesses,
    )


def _product(entry: dict[str, Any], weaknesses: dict[str, Weakness]) -> Product:
    found = [(weaknesses[cve], fixed_in) for cve, fixed_in in entry["weaknesses"]]
    return Product(**{**entry, "weaknesses": found})
