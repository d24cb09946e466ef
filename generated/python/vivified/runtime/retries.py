"""When a call is sent again, and after how long. Pure decisions, no clock and no network."""

from __future__ import annotations

import datetime
import math
import random
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final

DEFAULT_RETRIES: Final = 2
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 8.0

LONGEST_RETRY_AFTER: Final = 60.0
"""Seconds. A server that asks for more is not waited for; the error says how long it asked."""

RETRIED_STATUSES: Final = frozenset({408, 429, 502, 503, 504})


def backoff(
    tries: int, uniform: Callable[[float, float], float] = random.uniform
) -> float:
    """Full jitter: anything up to a bound that doubles with every try. `tries` counts from 0."""
    return uniform(0.0, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(tries, 16)))


def read_retry_after(
    headers: Mapping[str, str], now: datetime.datetime
) -> float | None:
    """Seconds to wait, from `Retry-After` (RFC 9110 section 10.2.3): a number or a date."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_until(text, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def delay_before_retry(
    *,
    tries: int,
    max_retries: int,
    safe: bool,
    status: int | None,
    retryable: bool | None,
    retry_after: float | None,
) -> float | None:
    """Seconds to wait before the next try, or None when the call has failed.

    `tries` counts the retries made so far, `safe` says that sending twice does no harm,
    `status` is None when there was no answer, `retryable` is what the problem says.
    """
    if not safe or tries >= max_retries or retryable is False:
        return None
    if status is not None and status not in RETRIED_STATUSES:
        return None
    if retry_after is not None:
        return retry_after if retry_after <= LONGEST_RETRY_AFTER else None
    return backoff(tries)


def _seconds_until(text: str, now: datetime.datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return max(0.0, (moment - now).total_seconds())
