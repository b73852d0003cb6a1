"""Codes that trackers of one widespread family send where a temperature should stand, whoever passes them on.

One-wire probes send tenths of a degree, Bluetooth sensors hundredths; forwarding platforms scale the number and lose
the difference between a code and a measurement. So 30.00 °C of a Bluetooth sensor cannot be told from "sensor not
found" and is taken for a fault: a missing sample is better than an invented one.
"""

from typing import Any

from sensors.carriers.declared import number_of

_ONE_WIRE = {850: "not_ready", 2000: "sensor_error", 3000: "probe_open", 4000: "sensor_error", 5000: "not_ready"}
_BLUETOOTH = {2000: "sensor_error", 3000: "probe_open", 4000: "sensor_error"}


def fault_of(value: Any, *, bluetooth: bool) -> str | None:
    """The fault that a temperature stands for, scaled or as it was sent; None if it is a measurement."""
    number = number_of(value)
    if number is None:
        return None
    codes, scale = (_BLUETOOTH, 100) if bluetooth else (_ONE_WIRE, 10)
    for code, fault in codes.items():
        if code in (number, number * scale):
            return fault
    return None
