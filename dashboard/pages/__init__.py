"""The pages, as an explicit tuple: each module has PAGE, `layout` and `register`."""

from dashboard.pages import (
    alarm,
    alarm_quality,
    alarms,
    batch,
    batches,
    compliance,
    connect,
    connect_profile,
    excursion,
    excursions,
    exports,
    file_import,
    files,
    inbox,
    lab,
    lab_shipment,
    logger,
    loggers,
    message,
    oncall,
    profiles,
    profiles_edit,
    profiles_one,
    shipment,
    shipments,
    store,
    stores,
    tower,
)

PAGES = (
    tower, alarms, alarm, alarm_quality, oncall, shipments, shipment, batches, batch,
    stores, store, excursions, excursion, loggers, logger, message, connect,
    connect_profile, files, file_import, profiles, profiles_edit, profiles_one, compliance,
    lab, lab_shipment, exports, inbox,
)  # fmt: skip
