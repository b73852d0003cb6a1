"""Real cities, hubs and ports, with the waypoints of the motorways and sea lanes between them."""

from typing import NamedTuple


class Place(NamedTuple):
    """Somewhere on the map: WGS 84 degrees and the IANA time zone of its clocks."""

    name: str
    latitude: float
    longitude: float
    zone: str


def _places(zone: str, **found: tuple[str, float, float]) -> dict[str, Place]:
    return {key: Place(name, latitude, longitude, zone) for key, (name, latitude, longitude) in found.items()}


PLACES: dict[str, Place] = {
    **_places(
        "Europe/Berlin",
        leverkusen=("Leverkusen", 51.0303, 6.9843),
        munich=("Munich", 48.1374, 11.5755),
        rosenheim=("Rosenheim", 47.8564, 12.1225),
        frankfurt=("Frankfurt", 50.1109, 8.6821),
        fra=("Frankfurt Airport CargoCity", 50.0379, 8.5622),
        hamburg=("Hamburg", 53.5511, 9.9937),
        berlin=("Berlin", 52.5200, 13.4050),
    ),
    **_places(
        "Europe/Paris",
        paris=("Paris", 48.8566, 2.3522),
        lyon=("Lyon", 45.7640, 4.8357),
        strasbourg=("Strasbourg", 48.5734, 7.7521),
    ),
    **_places("Europe/Madrid", madrid=("Madrid", 40.4168, -3.7038), barcelona=("Barcelona", 41.3874, 2.1686)),
    **_places("Europe/Madrid", valencia=("Port of Valencia", 39.4440, -0.3170)),
    **_places("Europe/Lisbon", lisbon=("Lisbon", 38.7223, -9.1393)),
    **_places("Europe/Zurich", basel=("Basel", 47.5596, 7.5886), zrh=("Zurich Airport Cargo", 47.4516, 8.5636)),
    **_places("Europe/Rome", milan=("Milan", 45.4642, 9.1900), rome=("Rome", 41.9028, 12.4964)),
    **_places("Europe/Rome", genoa=("Port of Genoa", 44.4056, 8.9200)),
    **_places("Europe/Vienna", vienna=("Vienna", 48.2082, 16.3738)),
    **_places("Europe/Budapest", budapest=("Budapest", 47.4979, 19.0402)),
    **_places("Europe/Warsaw", warsaw=("Warsaw", 52.2297, 21.0122)),
    **_places("Europe/Copenhagen", copenhagen=("Copenhagen", 55.6761, 12.5683)),
    **_places("Europe/Stockholm", stockholm=("Stockholm", 59.3293, 18.0686)),
    **_places("Europe/Brussels", puurs=("Puurs", 51.0744, 4.2847), bru=("Brussels Airport Brucargo", 50.9094,
        4.4500)),
    **_places("Europe/Brussels", antwerp=("Port of Antwerp", 51.2870, 4.3000)),
    **_places("Europe/Dublin", ringaskiddy=("Ringaskiddy", 51.8300, -8.3200), dub=("Dublin Airport", 53.4264,
        -6.2499)),
    **_places(
        "America/New_York",
        jfk=("New York JFK Cargo", 40.6413, -73.7781),
        newyork=("New York", 40.7411, -73.9747),
        newark=("Port Newark", 40.6840, -74.1500),
        edison=("Edison NJ", 40.5187, -74.4121),
    ),
    **_places(
        "America/Chicago", ord=("Chicago O'Hare Cargo", 41.9742, -87.9073), chicago=("Chicago", 41.8781, -87.6298)
    ),
    **_places(
        "Asia/Singapore", tuas=("Tuas Biomedical Park", 1.3230, 103.6360), sin=("Changi Airfreight", 1.3644, 103.9915)
    ),
    **_places("Asia/Singapore", singapore=("Singapore General Hospital", 1.2796, 103.8358)),
    **_places(
        "Asia/Kuala_Lumpur",
        kualalumpur=("Kuala Lumpur Cross-dock", 3.0738, 101.5183),
        penang=("Penang", 5.4141, 100.3288),
    ),
    **_places("Asia/Bangkok", bangkok=("Bangkok", 13.7563, 100.5018)),
    **_places("Asia/Dubai", dxb=("Dubai Airport Freight Gate", 25.2532, 55.3657), dubai=("Dubai", 25.2048, 55.2708)),
    **_places(
        "Asia/Kolkata",
        hyderabad=("Genome Valley, Hyderabad", 17.6350, 78.5600),
        hyd=("Hyderabad Airport", 17.2403, 78.4294),
    ),
    **_places("Asia/Tokyo", nrt=("Narita Airport Cargo", 35.7720, 140.3929), tokyo=("Tokyo", 35.6762, 139.6503)),
}  # fmt: skip

# Waypoints (latitude, longitude) between the ends of each road, in the order of the first name to the second.
ROADS: dict[tuple[str, str], tuple[tuple[float, float], ...]] = {
    ("leverkusen", "paris"): ((50.776, 6.084), (50.633, 5.568), (50.455, 3.952), (50.175, 3.235), (49.417, 2.826)),
    ("paris", "madrid"): (
        (47.903, 1.909), (47.394, 0.685), (46.580, 0.340), (45.648, 0.156), (44.838, -0.579), (43.493, -1.475),
        (43.318, -1.981), (42.847, -2.673), (42.344, -3.697), (41.670, -3.689),
    ),
    ("basel", "milan"): ((47.351, 7.908), (47.050, 8.309), (46.820, 8.640), (46.527, 8.610), (46.195, 9.024),
        (46.004, 8.951), (45.808, 9.085)),
    ("milan", "rome"): ((44.801, 10.328), (44.494, 11.343), (43.769, 11.256), (43.463, 11.880), (42.718, 12.111)),
    ("munich", "vienna"): ((47.856, 12.122), (47.810, 13.055), (48.306, 14.286), (48.204, 15.625)),
    ("vienna", "budapest"): ((47.867, 17.270), (47.687, 17.650)),
    ("copenhagen", "stockholm"): ((55.605, 13.003), (56.046, 12.694), (56.879, 14.300), (57.782, 14.161), (58.410,
        15.621), (58.753, 17.009)),
    ("frankfurt", "paris"): ((49.634, 8.363), (49.240, 6.997), (49.119, 6.176), (49.258, 4.031)),
    ("lyon", "barcelona"): ((44.933, 4.892), (43.949, 4.806), (43.610, 3.877), (42.688, 2.894), (41.979, 2.821)),
    ("puurs", "hamburg"): ((51.351, 5.460), (51.370, 6.172), (51.514, 7.468), (52.279, 8.047), (53.079, 8.801)),
    ("warsaw", "berlin"): ((51.759, 19.456), (52.223, 18.251), (52.406, 16.925), (52.347, 14.550)),
    ("lisbon", "madrid"): ((38.571, -7.909), (38.879, -6.970), (39.475, -6.372), (39.960, -4.830)),
    ("munich", "rosenheim"): ((48.050, 11.680), (47.920, 11.880)),
    ("puurs", "bru"): ((50.990, 4.370),),
    ("jfk", "newyork"): ((40.700, -73.820), (40.735, -73.890)),
    ("newark", "edison"): ((40.600, -74.240),),
    ("basel", "zrh"): ((47.540, 7.790), (47.480, 8.210)),
    ("sin", "singapore"): ((1.310, 103.890),),
    ("leverkusen", "fra"): ((50.740, 7.180), (50.390, 8.060)),
    ("dxb", "dubai"): ((25.230, 55.320),),
    ("ringaskiddy", "dub"): ((51.900, -8.400), (52.350, -7.700), (52.840, -6.930), (53.180, -6.800)),
    ("ord", "chicago"): ((41.970, -87.770),),
    ("tuas", "kualalumpur"): ((1.3480, 103.6330), (1.660, 103.600), (2.030, 103.320), (2.210, 102.270), (2.730,
        101.930)),
    ("kualalumpur", "penang"): ((3.700, 101.520), (4.190, 101.260), (4.597, 101.090), (4.850, 100.740), (5.350,
        100.420)),
    ("penang", "bangkok"): (
        (6.520, 100.420), (7.008, 100.474), (7.617, 100.074), (8.164, 99.680), (9.138, 99.322), (10.493, 99.180),
        (11.812, 99.797), (12.568, 99.958), (13.112, 99.944), (13.820, 100.060),
    ),
    ("hyderabad", "hyd"): ((17.540, 78.480), (17.400, 78.350)),
    ("fra", "frankfurt"): ((50.070, 8.620),),
    ("nrt", "tokyo"): ((35.700, 140.130), (35.690, 139.900)),
    ("frankfurt", "munich"): ((49.792, 9.953), (49.452, 11.077), (48.766, 11.426)),
    ("strasbourg", "lyon"): ((48.079, 7.358), (47.638, 6.863), (47.237, 6.024), (46.307, 4.828)),
}  # fmt: skip

# Ships keep to the sea: Strait of Dover, the Channel and the great circle; the gulf of Lion.
SEA_LANES: dict[tuple[str, str], tuple[tuple[float, float], ...]] = {
    ("antwerp", "newark"): (
        (51.420, 3.400), (50.950, 1.350), (50.200, -0.500), (49.300, -5.500), (49.000, -12.000), (47.600, -25.000),
        (44.800, -40.000), (42.300, -52.000), (40.500, -65.000), (40.450, -73.800),
    ),
    ("genoa", "valencia"): ((43.500, 8.300), (41.600, 4.600), (40.000, 1.600)),
}  # fmt: skip
