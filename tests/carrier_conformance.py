"""What every carrier's own test holds it to: `conform` over examples, damaged examples and, for bytes, anything."""

from sensors.carriers.conformance import BrokenPromise, conform, mutations

__all__ = ["BrokenPromise", "conform", "mutations"]
