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
    tower,
)

PAGES = (tower, shipments, shipment, excursions, excursion, loggers, logger, compliance, exports, inbox)
