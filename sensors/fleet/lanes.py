"""The lanes of the fleet: who ships what from where to where, in what packaging, and by which steps."""

import itertools
from dataclasses import dataclass
from typing import Literal

from sensors.fleet.itinerary import Itinerary
from sensors.fleet.places import PLACES

Packaging = Literal["reefer", "van", "container", "parcel", "covered_pallet"]


@dataclass(frozen=True, slots=True)
class Product:
    """A product (fictional), its owner and what its label asks for."""

    name: str
    customer: str
    profile: str
    item: int  # of its GTIN


@dataclass(frozen=True, slots=True)
class Lane:
    """A relation that is served again and again. `via` are places of a hand-over between two carriers by road."""

    origin: str
    destination: str
    packaging: Packaging
    carrier: str
    consignor: str
    consignee: str
    profiles: tuple[str, ...]
    via: tuple[str, ...] = ()
    hubs: tuple[str, str] | None = None  # airports or ports of departure and arrival
    mode: Literal["road", "air", "sea"] = "road"
    second_carrier: str = "MediHub Last Mile"

    @property
    def title(self) -> str:
        """The lane as people write it."""
        return f"{PLACES[self.origin].name} → {PLACES[self.destination].name}"

    def travel(self, start_ms: int, *, hurry: float = 1.0, dwell: float = 1.0) -> Itinerary:
        """One trip on this lane. `hurry` scales speed on the road, `dwell` the time at hubs."""
        trip = Itinerary(start_ms, self.consignor)
        trip.stand(self.origin, "dock", 0.75)
        trip.custodian = self.carrier
        trip.record("departure", f"Departed {PLACES[self.origin].name}", mode=self.mode)
        if self.hubs is None:
            self._by_road(trip, hurry, dwell)
        else:
            self._by_hubs(trip, self.hubs, hurry, dwell)
        trip.record("arrival", f"Arrived {PLACES[self.destination].name}", late_ms=int((dwell - 1.0) * 3_600_000))
        trip.stand(self.destination, "dock", 0.5)
        return trip

    def _by_road(self, trip: Itinerary, hurry: float, dwell: float) -> None:
        stops = (self.origin, *self.via, self.destination)
        relays = itertools.cycle((self.second_carrier, self.carrier))
        for here, there in itertools.pairwise(stops):
            trip.drive(here, there, pace=hurry)
            if there != self.destination:
                trip.stand(there, "dock", 1.25 * dwell)
                trip.hand_over(next(relays), f"Cross-dock {PLACES[there].name}")
                trip.record("leg", f"Onwards to {PLACES[self.destination].name}", mode="road")

    def _by_hubs(self, trip: Itinerary, hubs: tuple[str, str], hurry: float, dwell: float) -> None:
        out, back = hubs
        air = self.mode == "air"
        if self.origin != out:
            trip.drive(self.origin, out, pace=hurry)
        trip.hand_over(f"{'Air' if air else 'Sea'} handling {PLACES[out].name}", f"Accepted at {PLACES[out].name}")
        trip.stand(out, "dock", (12.0 if air else 9.0) * dwell)
        trip.stand(out, "ramp", 0.9 * dwell)
        trip.record("leg", f"{'Took off from' if air else 'Sailed from'} {PLACES[out].name}", mode=self.mode)
        (trip.fly if air else trip.sail)(out, back)
        trip.record("stop", f"{'Landed at' if air else 'Berthed at'} {PLACES[back].name}", mode=self.mode)
        trip.stand(back, "ramp", 0.8 * dwell)
        trip.stand(back, "dock", (9.0 if air else 7.0) * dwell)
        trip.hand_over(self.second_carrier, f"Released at {PLACES[back].name}")
        if self.destination != back:
            trip.record("leg", f"Onwards to {PLACES[self.destination].name}", mode="road")
            trip.drive(back, self.destination, pace=hurry)


_COLD = ("refrigerated-2-8", "refrigerated-2-8-freeze-sensitive")

ROAD_LANES: tuple[Lane, ...] = (
    Lane("leverkusen", "madrid", "reefer", "FrostLine Logistik", "Rheintal Biologics DC", "Farmacia Central Madrid",
        _COLD, via=("paris",)),
    Lane("basel", "milan", "reefer", "Alpen Kühltransporte", "Helvion Plant Basel", "Ospedale Maggiore Milano",
        _COLD),
    Lane("milan", "rome", "reefer", "Via Fredda", "Helvion Hub Milano", "Farmacia Ospedaliera Roma",
        ("refrigerated-2-8", "cct-2-8")),
    Lane("munich", "budapest", "reefer", "Alpen Kühltransporte", "Isar Pharma Munich", "Duna Gyógyszer",
        ("refrigerated-2-8", "frozen-25-15"), via=("vienna",)),
    Lane("copenhagen", "stockholm", "reefer", "Polar Freight", "Øresund Vaccines", "Karolinska Apotek", _COLD),
    Lane("frankfurt", "paris", "reefer", "FrostLine Logistik", "Main Pharma DC", "Pharmacie Lariboisière",
        ("crt-20-25", "eu-15-25")),
    Lane("lyon", "barcelona", "reefer", "Via Fredda", "Rhône Vaccins", "Hospital del Mar", _COLD),
    Lane("puurs", "hamburg", "reefer", "Polar Freight", "Scheldt Biotech", "Hanse Apotheke Großhandel",
        ("refrigerated-2-8", "frozen-25-15")),
    Lane("warsaw", "berlin", "reefer", "FrostLine Logistik", "Vistula Generics", "Spree Pharma", ("eu-15-25",
        "crt-20-25")),
    Lane("lisbon", "madrid", "reefer", "Ibérica Fría", "Tejo Pharma", "Farmacia Central Madrid",
        ("refrigerated-2-8",)),
    Lane("strasbourg", "barcelona", "reefer", "Via Fredda", "Rhin Santé", "Hospital del Mar", _COLD, via=("lyon",)),
    Lane("frankfurt", "munich", "van", "MediHub Last Mile", "Main Pharma DC", "Klinikum Isar", ("refrigerated-2-8",)),
    Lane("munich", "rosenheim", "van", "MediHub Last Mile", "Klinikum Isar Pharmacy", "Inntal Klinik",
        ("refrigerated-2-8",)),
)  # fmt: skip

AIR_LANES: tuple[Lane, ...] = (
    Lane("puurs", "newyork", "parcel", "Aerocold Express", "Scheldt Biotech", "Manhattan General Pharmacy",
        ("refrigerated-2-8", "ultra-low"), hubs=("bru", "jfk"), mode="air"),
    Lane("basel", "singapore", "parcel", "Aerocold Express", "Helvion Plant Basel", "Singapore General Hospital",
        _COLD, hubs=("zrh", "sin"), mode="air"),
    Lane("leverkusen", "dubai", "parcel", "Gulf Cold Chain", "Rheintal Biologics DC", "Emirates Pharmacy Group",
        ("refrigerated-2-8", "cct-2-8"), hubs=("fra", "dxb"), mode="air"),
    Lane("ringaskiddy", "chicago", "parcel", "Aerocold Express", "Celtic Biopharma", "Lakeside Hospitals", _COLD,
        hubs=("dub", "ord"), mode="air"),
    Lane("hyderabad", "frankfurt", "covered_pallet", "Deccan Air Cargo", "Genome Valley Vaccines", "Main Pharma DC",
        ("below-30", "eu-15-25"), hubs=("hyd", "fra"), mode="air"),
    Lane("puurs", "tokyo", "parcel", "Aerocold Express", "Scheldt Biotech", "Tokyo Medical Supply", ("ultra-low",
        "refrigerated-2-8"), hubs=("bru", "nrt"), mode="air"),
)  # fmt: skip

SEA_LANES: tuple[Lane, ...] = (
    Lane("antwerp", "edison", "container", "Blue Anchor Lines", "Scheldt Biotech", "Jersey Pharma DC", ("eu-15-25",),
        hubs=("antwerp", "newark"), mode="sea"),
    Lane("genoa", "valencia", "container", "Blue Anchor Lines", "Helvion Hub Milano", "Levante Farma", ("eu-15-25",
        "below-25"), hubs=("genoa", "valencia"), mode="sea"),
)  # fmt: skip

# The lane of the live excursion: hot at any hour of any day, so that an open door shows at once; and more than a day
# long, so that the demonstration can be started again and again while it is under way.
LIVE_LANE = Lane(
    "tuas", "bangkok", "van", "Straits Cold Logistics", "Merlion Biologics", "Chao Phraya General Hospital",
    ("refrigerated-2-8",), via=("kualalumpur", "penang"), second_carrier="Utara Express",
)  # fmt: skip

PRODUCTS: tuple[Product, ...] = (
    Product("Immunara 40 mg pens", "Helvion", "refrigerated-2-8", 101),
    Product("Cardovel 10 ml vials", "Rheintal Biologics", "refrigerated-2-8", 102),
    Product("Oncostat infusion", "Scheldt Biotech", "refrigerated-2-8", 103),
    Product("Mabrexa 150 mg", "Merlion Biologics", "refrigerated-2-8", 104),
    Product("Trivax hexavalent vaccine", "Øresund Vaccines", "refrigerated-2-8-freeze-sensitive", 105),
    Product("Insulin Norda cartridges", "Rheintal Biologics", "refrigerated-2-8-freeze-sensitive", 106),
    Product("Lumigel eye drops", "Helvion", "cct-2-8", 107),
    Product("Respirin capsules", "Main Pharma", "crt-20-25", 108),
    Product("Gastrozol tablets", "Vistula Generics", "eu-15-25", 109),
    Product("Dermalin cream", "Helvion", "below-25", 110),
    Product("Paraveda syrup", "Genome Valley", "below-30", 111),
    Product("Varicella freeze-dried vaccine", "Scheldt Biotech", "frozen-25-15", 112),
    Product("Genevec gene therapy", "Scheldt Biotech", "ultra-low", 113),
)
