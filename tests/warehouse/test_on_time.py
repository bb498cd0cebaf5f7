"""Which orders a policy counts and which it calls on time; one order per case, all served by one site in Shanghai."""

from __future__ import annotations

from functools import cache

import pytest

from tests.warehouse.bare import bare, of

PROMISED = "2026-01-20 10:00:00+00"
BEFORE, AFTER = "2026-01-20 09:59:59+00", "2026-01-20 10:00:01+00"
NEXT_DAY = "2026-01-20 16:00:00+00"  # midnight in Shanghai

ORDERS: dict[str, dict[str, str]] = {
    "late by a second": {"promised_by": PROMISED, "delivered_at": AFTER},
    "on the dot": {"promised_by": PROMISED, "delivered_at": PROMISED},
    "the day after": {"promised_by": PROMISED, "delivered_at": NEXT_DAY},
    "cancelled": {"promised_by": PROMISED, "status": "cancelled"},
    "lost": {"promised_by": PROMISED, "status": "lost"},
    "undeliverable": {"promised_by": PROMISED, "status": "undeliverable"},
    "part of it in time": {"promised_by": PROMISED, "delivered_at": BEFORE, "status": "partially_delivered"},
    "returned before delivery": {"promised_by": PROMISED, "status": "returned"},
    "returned after delivery": {"promised_by": PROMISED, "delivered_at": BEFORE, "status": "returned"},
    "open and overdue": {"promised_by": PROMISED, "status": "in_transit"},
    "open, rescheduled by the customer into February": {
        "promised_by": PROMISED, "status": "in_transit", "rescheduled_to": "2026-02-10 10:00:00+00", "reschedule_cause": "customer",
    },
    "rescheduled by the customer, kept": {
        "promised_by": PROMISED, "rescheduled_to": "2026-01-22 10:00:00+00", "reschedule_cause": "customer", "delivered_at": "2026-01-22 09:00:00+00",
    },
    "rescheduled by the carrier, kept": {
        "promised_by": PROMISED, "rescheduled_to": "2026-01-22 10:00:00+00", "reschedule_cause": "carrier", "delivered_at": "2026-01-22 09:00:00+00",
    },
    "rescheduled by nobody knows whom, kept": {
        "promised_by": PROMISED, "rescheduled_to": "2026-01-22 10:00:00+00", "delivered_at": "2026-01-22 09:00:00+00",
    },
    "in time for the promise, late for the wish": {
        "promised_by": PROMISED, "requested_by": "2026-01-19 10:00:00+00", "delivered_at": BEFORE,
    },
    "accepted in December": {"accepted_at": "2025-12-31 15:59:59+00", "promised_by": PROMISED, "delivered_at": BEFORE},
    "accepted in January": {"accepted_at": "2025-12-31 16:00:00+00", "promised_by": "2026-02-05 10:00:00+00", "delivered_at": BEFORE},
    # a promise for the day, as conform writes it: the day's last second in Shanghai
    "promised for Jan 31, come at its last second": {"promised_by": "2026-01-31 15:59:59+00", "delivered_at": "2026-01-31 15:59:59+00"},
    "promised for Jan 31, come at midnight": {"promised_by": "2026-01-31 15:59:59+00", "delivered_at": "2026-01-31 16:00:00+00"},
    "superseded": {"promised_by": PROMISED, "delivered_at": AFTER, "is_superseded": "true"},
}  # fmt: skip
LATE, ON_TIME, OUT = (1, 0), (1, 1), None


@cache
def judged() -> dict[tuple[str, str], tuple[int, int]]:
    """(case, policy) → orders due and on time in January; each case is a site of its own."""
    connection = bare(
        {
            "clean.site": [{"site_id": name, "legal_entity_id": "LE1"} for name in ORDERS],
            "clean.customer_order": [{"order_id": name, "site_id": name, "source": "tms", **order} for name, order in ORDERS.items()],
            "meta.arrival": [{"contract": "customer_order", "source": "tms", "month": "2026-01"}],
            "reference.on_time_policy": [
                {"policy": "an hour's grace", "reference_time": "promised_by", "population": "promised_by", "precision": "instant",
                 "tolerance_min": 60, "customer_reschedule": "ignored", "cancelled": "excluded", "undelivered": "excluded",
                 "partial": "as_delivered"},
            ],
        },
        "site_month_delivery",
    )  # fmt: skip
    rows = of(
        connection,
        "select site_id, policy, due_orders, on_time_orders from mart.site_month_delivery where month = '2026-01'",
    )
    return {(site, policy): (due, on_time) for site, policy, due, on_time in rows}


@pytest.mark.parametrize(
    ("case", "policy", "expected"),
    [
        ("late by a second", "first_promise", LATE),
        ("late by a second", "first_promise_day", ON_TIME),
        ("late by a second", "an hour's grace", ON_TIME),
        ("the day after", "first_promise_day", LATE),
        ("the day after", "an hour's grace", LATE),
        ("on the dot", "first_promise", ON_TIME),
        ("cancelled", "first_promise", OUT),
        ("cancelled", "cancelled_late", LATE),
        ("lost", "first_promise", LATE),
        ("lost", "an hour's grace", LATE),
        ("undeliverable", "first_promise", LATE),
        ("part of it in time", "first_promise", LATE),
        ("part of it in time", "an hour's grace", ON_TIME),
        ("returned before delivery", "first_promise", LATE),
        ("returned after delivery", "first_promise", ON_TIME),
        ("open and overdue", "first_promise", LATE),
        ("open and overdue", "an hour's grace", OUT),
        ("open, rescheduled by the customer into February", "first_promise", OUT),
        ("open, rescheduled by the customer into February", "original_promise", LATE),
        ("rescheduled by the customer, kept", "first_promise", ON_TIME),
        ("rescheduled by the customer, kept", "original_promise", LATE),
        ("rescheduled by the carrier, kept", "first_promise", LATE),
        ("rescheduled by the carrier, kept", "latest_promise", ON_TIME),
        ("rescheduled by nobody knows whom, kept", "first_promise", LATE),
        ("rescheduled by nobody knows whom, kept", "latest_promise", ON_TIME),
        ("in time for the promise, late for the wish", "first_promise", ON_TIME),
        ("in time for the promise, late for the wish", "customer_request", LATE),
        ("on the dot", "customer_request", OUT),
        ("accepted in December", "accepted_in_period", OUT),
        ("accepted in December", "first_promise", ON_TIME),
        ("accepted in January", "accepted_in_period", ON_TIME),
        ("accepted in January", "first_promise", OUT),
        ("promised for Jan 31, come at its last second", "first_promise", ON_TIME),
        ("promised for Jan 31, come at midnight", "first_promise", LATE),
        ("promised for Jan 31, come at midnight", "first_promise_day", LATE),
        ("superseded", "first_promise", OUT),
    ],
)  # fmt: skip
def test_a_policy_judges_an_order(case: str, policy: str, expected: tuple[int, int] | None) -> None:
    assert judged().get((case, policy)) == expected


def test_on_time_in_full_is_never_more_than_on_time() -> None:
    for policy in {policy for _, policy in judged()}:
        assert all(on_time <= due for (_, other), (due, on_time) in judged().items() if other == policy)
