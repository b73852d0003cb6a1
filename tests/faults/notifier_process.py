"""A notifier in a process of its own, to be killed: `notifier_process.py REGISTRY_URL SMTP_URL SMS_URL`."""

import sys
import threading

from alert_cast import SITE
from mail_servers import SmsServer

from alerts.channels.sms import SmsChannel, SmsSettings
from alerts.channels.smtp import SmtpChannel, parse_smtp_url
from alerts.dispatcher import Dispatcher, Pacing
from coldchain.clock import SystemClock
from coldchain.registry.store import Registry, holder_name

CALLBACK = "https://cold.example.org/api/v1/callbacks/sms"


def main() -> None:
    registry_url, smtp_url, sms_url = sys.argv[1:]
    channels = {
        "email": SmtpChannel(parse_smtp_url(smtp_url), "Coldchain <alerts@cold.example.org>"),
        "sms": SmsChannel(SmsSettings(sms_url, SmsServer.account, SmsServer.token, "+4930000000", CALLBACK)),
    }
    # A lease longer than the test: the next life must see that the killed one is dead instead of waiting for it. And
    # patience enough that a busy test machine does not look like a slow server.
    pacing = Pacing(lease_ms=900_000, patience_s=1.0)
    dispatcher = Dispatcher(Registry(registry_url), channels, SystemClock(), holder_name(), site=SITE, pacing=pacing)
    dispatcher.run(threading.Event(), idle_s=0.1)


if __name__ == "__main__":
    main()
