"""Every carrier that a pipeline asks, in this order: those of the program, then those of installed packages."""

from importlib.metadata import entry_points

from sensors.carriers.chirpstack import ChirpStack
from sensors.carriers.loriot import Loriot
from sensors.carriers.milesight_gateway import MilesightGateway
from sensors.carriers.native import Native
from sensors.carriers.port import Carrier
from sensors.carriers.thingpark import ThingPark
from sensors.carriers.things_stack import ThingsStack

GROUP = "coldchain.carriers"  # an entry point of this group names a class without arguments that is a `Carrier`


def carriers(tenant: str = "main") -> tuple[Carrier, ...]:
    """New carriers for one pipeline; the first that claims an envelope decodes it."""
    further = [entry.load()() for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)]
    return (Native(tenant), ChirpStack(), ThingsStack(), MilesightGateway(), Loriot(), ThingPark(), *further)
