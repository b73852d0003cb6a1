"""The pages, as an explicit tuple: each module has PAGE, `layout` and `register`."""

from dashboard.pages import (
    compliance,
    connect,
    excursion,
    excursions,
    exports,
    inbox,
    logger,
    loggers,
    message,
    shipment,
    shipments,
    store,
    stores,
    tower,
)

PAGES = (
    tower, shipments, shipment, stores, store, excursions, excursion, loggers, logger, message, connect, compliance,
    exports, inbox,
)  # fmt: skip
