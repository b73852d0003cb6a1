"""Every carrier that a pipeline asks, in this order: those of the program, then those of installed packages."""

from collections.abc import Callable
from importlib.metadata import entry_points

from sensors.carriers.bthome import BTHome
from sensors.carriers.chirpstack import ChirpStack
from sensors.carriers.cloudevents import CloudEvents
from sensors.carriers.efento import Efento
from sensors.carriers.epcis import Epcis
from sensors.carriers.esphome import EspHome
from sensors.carriers.flespi import Flespi
from sensors.carriers.loriot import Loriot
from sensors.carriers.mapped import Mapped
from sensors.carriers.milesight_gateway import MilesightGateway
from sensors.carriers.monnit import Monnit
from sensors.carriers.native import Native
from sensors.carriers.owntracks import OwnTracks
from sensors.carriers.port import Carrier
from sensors.carriers.ruuvi import Ruuvi
from sensors.carriers.samsara import Samsara
from sensors.carriers.senml import SenML
from sensors.carriers.shelly import Shelly
from sensors.carriers.sigfox import Sigfox
from sensors.carriers.sparkplug import Sparkplug
from sensors.carriers.tasmota import Tasmota
from sensors.carriers.theengs import Theengs
from sensors.carriers.thingpark import ThingPark
from sensors.carriers.things_stack import ThingsStack
from sensors.carriers.tive import Tive
from sensors.carriers.traccar import Traccar
from sensors.carriers.zigbee2mqtt import Zigbee2Mqtt
from sensors.device_profiles.catalogue import Snapshot
from sensors.device_profiles.library import Library

GROUP = "coldchain.carriers"  # an entry point of this group names a class without arguments that is a `Carrier`


def carriers(tenant: str = "main", catalogue: Callable[[], Snapshot] | None = None) -> tuple[Carrier, ...]:
    """New carriers for one pipeline; the first that claims an envelope decodes it.

    `catalogue` gives the device profiles as they are now, those of the program by default. The customer's own
    connections go before everything but the native topics, the presets of the program come last.
    """
    catalogue = catalogue or Library().now
    further = [entry.load()() for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)]
    own = (
        Native(tenant), ChirpStack(), ThingsStack(), MilesightGateway(), Loriot(), ThingPark(),
        Flespi(), Traccar(), Tive(), Monnit(), Efento(), Samsara(), Epcis(), Sigfox(), Sparkplug(),
        Ruuvi(), BTHome(), Theengs(), OwnTracks(), SenML(), Zigbee2Mqtt(), Tasmota(), Shelly(), EspHome(),
    )  # fmt: skip
    # A wrapper around any of them has to be asked before those who would recognise what is inside.
    mapped, presets = Mapped(catalogue, own=True), Mapped(catalogue, own=False)
    return (own[0], mapped, CloudEvents((*own, *further)), *own[1:], *further, presets)
