"""The pages, as an explicit tuple: each module has PAGE, `layout` and `register`."""

from dashboard.pages import (
    compliance,
    excursion,
    excursions,
    exports,
    inbox,
    logger,
    loggers,
    shipment,
    shipments,
    store,
    stores,
    tower,
)

PAGES = (
    tower, shipments, shipment, stores, store, excursions, excursion, loggers, logger, compliance, exports, inbox,
)  # fmt: skip
