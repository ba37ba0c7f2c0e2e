"""Webhooks, as Tollgate and the reference implementation of Standard Webhooks sign them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tollgate.webhooks import WebhookError, verify_webhook

BODY = json.dumps(
    {
        "data": {"organization": {"id": "o1", "external_id": None, "name": "Adä"}, "endpoint_id": "e1"},
        "type": "webhook.test",
        "timestamp": "2026-11-21T09:20:14.000Z",
    },
    ensure_ascii=False,
)
OLD, FRESH = (f"whsec_{base64.b64encode(bytes([byte]) * 24).decode()}" for byte in (1, 2))


def sign(
    secrets: Sequence[str], *, body: str = BODY, event_id: str = "evt_1", at: float | None = None
) -> dict[str, str]:
    """The headers of a webhook."""
    timestamp = str(int(time.time() if at is None else at))
    signed = f"{event_id}.{timestamp}.{body}".encode()
    digests = [hmac.new(base64.b64decode(one[6:]), signed, hashlib.sha256).digest() for one in secrets]
    signature = " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
    return {"webhook-id": event_id, "webhook-timestamp": timestamp, "webhook-signature": signature}


def code(work: Callable[[], Any]) -> str:
    with pytest.raises(WebhookError) as caught:
        work()
    return str(caught.value.code)


def test_the_published_vector_of_standard_webhooks_is_genuine() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    # Its body is JSON and no event of Tollgate: that is found out after the signature was accepted.
    assert code(lambda: verify_webhook(headers, '{"test": 2432232314}', secret, tolerance=1e12)) == "unreadable_body"
    assert code(lambda: verify_webhook(headers, '{"test": 2432232315}', secret, tolerance=1e12)) == "wrong_signature"


@pytest.mark.parametrize("body", [BODY, BODY.encode()], ids=["text", "bytes"])
def test_a_genuine_webhook_gives_its_event_with_the_id_of_the_header(body: str | bytes) -> None:
    event = verify_webhook(sign([FRESH]), body, FRESH)
    assert (event.id, event.type, event.timestamp) == ("evt_1", "webhook.test", "2026-11-21T09:20:14.000Z")
    assert event.data["organization"]["name"] == "Adä"


def test_names_of_headers_may_have_any_case() -> None:
    headers = {name.title(): value for name, value in sign([FRESH]).items()}
    assert verify_webhook(headers, BODY, FRESH).id == "evt_1"


def test_during_a_rotation_either_secret_verifies_at_the_sender_and_at_the_receiver() -> None:
    assert verify_webhook(sign([FRESH, OLD]), BODY, OLD).id == "evt_1"
    assert verify_webhook(sign([OLD]), BODY, [FRESH, OLD]).id == "evt_1"


def test_another_secret_body_id_or_time_a_signature_of_another_scheme_and_none_are_refused() -> None:
    def tampered(**changes: str) -> str:
        return code(lambda: verify_webhook({**sign([FRESH]), **changes}, BODY, FRESH))

    assert code(lambda: verify_webhook(sign([OLD]), BODY, FRESH)) == "wrong_signature"
    assert code(lambda: verify_webhook(sign([FRESH]), BODY.replace("o1", "o2"), FRESH)) == "wrong_signature"
    assert tampered(**{"webhook-id": "evt_9"}) == "wrong_signature"
    assert tampered(**{"webhook-timestamp": str(int(time.time()) - 1)}) == "wrong_signature"
    assert tampered(**{"webhook-signature": "v1,%%% v2,AAAA"}) == "wrong_signature"
    assert tampered(**{"webhook-signature": ""}) == "missing_header"
    assert tampered(**{"webhook-timestamp": "now"}) == "outside_tolerance"
    assert tampered(**{"webhook-timestamp": "nan"}) == "outside_tolerance"


def test_five_minutes_is_the_tolerance_in_both_directions_unless_another_is_given() -> None:
    def at(offset: float, **options: float) -> Any:
        return verify_webhook(sign([FRESH], at=time.time() + offset), BODY, FRESH, **options)

    assert [at(-290).id, at(290).id, at(-302, tolerance=600).id] == ["evt_1"] * 3
    assert [code(lambda: at(-302)), code(lambda: at(302))] == ["outside_tolerance"] * 2


def test_a_signed_body_that_is_no_event_is_unreadable_and_a_secret_in_another_form_a_mistake_of_the_receiver() -> None:
    assert code(lambda: verify_webhook(sign([FRESH], body="hello"), "hello", FRESH)) == "unreadable_body"
    assert code(lambda: verify_webhook(sign([FRESH], body="[]"), "[]", FRESH)) == "unreadable_body"
    for secret in ("whsec_%%%", ""):
        with pytest.raises(ValueError, match="whsec_"):
            verify_webhook(sign([FRESH]), BODY, secret)
