"""One JSON object per line. Ids, counts and codes only: never a payload, never a token."""

from __future__ import annotations

import json
import logging
import sys
import time

LOG = logging.getLogger("hello_py")


class JsonFormatter(logging.Formatter):
    """Message and the fields given as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, str | int] = getattr(record, "fields", {})
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        head = {"time": moment, "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(head | fields)


def set_up() -> None:
    """Logs to standard output; libraries keep their own lines to themselves."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    LOG.propagate = False


def log(event: str, **fields: str | int) -> None:
    """One line at level info."""
    LOG.info(event, extra={"fields": fields})
