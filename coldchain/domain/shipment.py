"""A shipment's own words: its states, its stages, and what may be bound to it."""

from enum import StrEnum


class ShipmentState(StrEnum):
    """Where a shipment stands in its life."""

    PLANNED = "planned"
    IN_TRANSIT = "in_transit"
    ARRIVED = "arrived"
    CLOSED = "closed"


class Role(StrEnum):
    """What a bound channel stands for; only `PRODUCT` is judged."""

    PRODUCT = "product"
    AMBIENT = "ambient"
    EXCLUDED = "excluded"


class Stage(StrEnum):
    """What happens to the goods; readings of the first and the last are shown and exported, but not judged."""

    CONDITIONING = "conditioning"
    LOADING = "loading"
    IN_TRANSIT = "in_transit"
    HANDOVER = "handover"
    ARRIVED = "arrived"
    POST_REMOVAL = "post_removal"

    @property
    def judged(self) -> bool:
        """Whether readings of this stage count."""
        return self not in (Stage.CONDITIONING, Stage.POST_REMOVAL)


class FactKind(StrEnum):
    """What a fact says; figures depend on nothing else."""

    BINDING = "binding"
    PROFILE = "profile"
    STAGE = "stage"
    EXCLUSION = "exclusion"
    INTERVAL = "interval"
    CALIBRATION = "calibration"
    INTERPRETATION = "interpretation"
    STAY = "stay"  # of a batch, in a store
