"""Signatures, compared with values that none of our code made.

The vector of `standard` is that of the Standard Webhooks libraries; all others were computed with openssl from what the
vendor's pages say, such as:

    printf '%s' '1614265330.{"test": 2432232314}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$KEY
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.settings.webhook import decoded
from consumer.webhook.signatures import Genuine, NotGenuine, Verifier

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = bytes.fromhex("31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0")
OLD_SECRET = "your-webhook-secret-key"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1614265330
BODY = b'{"test": 2432232314}'
STANDARD = {
    "webhook-id": ID,
    "webhook-timestamp": str(AT),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
TIMESTAMPED = {
    "X-Webhook-Event": "message.received",
    "X-Webhook-Timestamp": str(AT),
    "X-Webhook-Signature": "e96203c6de850e7dc1fde7489ef6140b402d3a5a64fe250cd2eef9830fac1cef",
}
BY_WHOLE_SECRET = "2e37df5d4a028c51a7f3133d64ae1e300d2c2c900f1b1d49d4369ad2530f8964"
BY_OLD_SECRET = "254050e8a9378ccef9683f32225de48fdbf069aaf9b53c1d5fb6adde1626394d"
BODY_ONLY = {"X-Webhook-Signature": "sha256=7a31129acebd0d5fa9a40b1526e305a1b13702a25634492223e91aca995d437f"}


def verified(
    headers: dict[str, str], body: bytes = BODY, *secrets: str, now: float = AT, tolerance_seconds: float = 300
) -> Genuine:
    """Verify with both secrets, unless others are named."""
    return Verifier(secrets or (SECRET, OLD_SECRET), tolerance_seconds).verify(headers, body, now=now)


def doubt(
    headers: dict[str, str], body: bytes = BODY, *secrets: str, now: float = AT, tolerance_seconds: float = 300
) -> str:
    """Return why a delivery is not trusted."""
    with pytest.raises(NotGenuine) as caught:
        verified(headers, body, *secrets, now=now, tolerance_seconds=tolerance_seconds)
    return caught.value.doubt


def test_the_published_vector_of_standard_webhooks() -> None:
    """The example that all Standard Webhooks libraries share is genuine, and its id is known to be signed."""
    assert verified(STANDARD, BODY, SECRET) == Genuine("standard", ID)


@pytest.mark.parametrize(
    ("secret", "digest"),
    [
        (SECRET, TIMESTAMPED["X-Webhook-Signature"]),
        (SECRET, BY_WHOLE_SECRET),
        (OLD_SECRET, BY_OLD_SECRET),
        (OLD_SECRET, f"sha256={BY_OLD_SECRET.upper()}"),
    ],
)
def test_the_older_headers_of_v3(secret: str, digest: str) -> None:
    """A time and a body are enough, whether the key is the secret as it stands or what it encodes; no id is signed."""
    headers = TIMESTAMPED | {"X-Webhook-Signature": digest, "webhook-id": "anything"}
    assert verified(headers, BODY, secret) == Genuine("timestamped")


def test_v2_signs_its_body_alone() -> None:
    """A delivery of v2 has no time to be checked."""
    assert verified(BODY_ONLY, BODY, OLD_SECRET, now=AT + 10**8) == Genuine("body")


def test_both_sets_of_headers_at_once() -> None:
    """Linq sends both with each delivery of v3; the one that tells more is taken, and one that is right suffices."""
    assert verified(STANDARD | TIMESTAMPED).scheme == "standard"
    assert verified(STANDARD | TIMESTAMPED | {"webhook-signature": "v1,AAAA"}).scheme == "timestamped"
    assert verified(STANDARD | TIMESTAMPED | {"X-Webhook-Signature": "00"}).scheme == "standard"


def test_any_secret_of_a_rotation_will_do() -> None:
    """While a secret is being replaced, deliveries signed with either are genuine, and so is one signed with both."""
    other = f"whsec_{base64.b64encode(b'another key of 24 bytes!').decode()}"
    assert verified(STANDARD, BODY, other, SECRET).scheme == "standard"
    assert verified(STANDARD, BODY, SECRET, other).scheme == "standard"
    both = STANDARD | {"webhook-signature": f"v1,AAAA v1a,xyz {STANDARD['webhook-signature']}"}
    assert verified(both, BODY, SECRET).scheme == "standard"
    assert doubt(STANDARD, BODY, other) == "forged"


@pytest.mark.parametrize("headers", [STANDARD, TIMESTAMPED])
@pytest.mark.parametrize(
    ("late", "found"), [(-301, "early"), (-300, None), (0, None), (300, None), (300.5, "stale"), (10**9, "stale")]
)
def test_a_delivery_holds_for_a_while(headers: dict[str, str], late: float, found: str | None) -> None:
    """What was signed rightly for another time is refused, in the past and in the future, with distinct outcomes."""
    if found is None:
        assert isinstance(verified(headers, now=AT + late), Genuine)
    else:
        assert doubt(headers, now=AT + late) == found


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Webhook-Event": "message.received"},
        {name: text for name, text in STANDARD.items() if name != "webhook-id"},
        {name: text for name, text in STANDARD.items() if name != "webhook-timestamp"},
        STANDARD | {"webhook-timestamp": "1614265330.5"},
        STANDARD | {"webhook-timestamp": "9" * 400},
        STANDARD | {"webhook-signature": "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        STANDARD | {"webhook-signature": ""},
        {"X-Webhook-Signature": ""},
        {"X-Webhook-Signature": TIMESTAMPED["X-Webhook-Signature"]},
    ],
)
def test_half_a_signature_is_none(headers: dict[str, str]) -> None:
    """Where a header is missing or makes no sense, the delivery counts as unsigned."""
    assert doubt(headers) == "unsigned"


@pytest.mark.parametrize("headers", [STANDARD, TIMESTAMPED, BODY_ONLY])
def test_another_body_or_secret_is_a_forgery(headers: dict[str, str]) -> None:
    """Who does not know a secret can say nothing in its name, and change nothing of what was said."""
    assert doubt(headers, BODY + b" ") == "forged"
    assert doubt(headers, BODY, "somebody-elses-secret") == "forged"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_what_is_signed_cannot_be_changed(name: str) -> None:
    """The id and the time are signed too, so neither can be put right for a repeat."""
    assert doubt(STANDARD | {name: "1614265331"}) == "forged"


def test_a_delivery_of_v3_cannot_be_turned_into_one_of_v2() -> None:
    """The time in front of the body would make the older signature of v3 one of v2, which holds for ever."""
    turned = {"X-Webhook-Signature": f"sha256={BY_OLD_SECRET}"}
    assert doubt(turned, f"{AT}.".encode() + BODY, OLD_SECRET, now=AT + 10**8) == "unsigned"


def test_a_secret_of_v2_does_not_sign_by_the_standard() -> None:
    """Only a whsec_ secret has a key for the standard scheme; without padding or with other signs it has none."""
    assert decoded(SECRET) == KEY
    for secret in (SECRET.removeprefix("whsec_"), "whsec_MfKQ9r8GKYqrTwjUPD8IL", "whsec_MfKQ 9r8G", "whsec_ä"):
        assert decoded(secret) is None
        assert doubt(STANDARD, BODY, secret) == "forged"


def test_no_secret_is_shown() -> None:
    """The repr of a verifier tells no secret."""
    assert "MfKQ" not in repr(Verifier((SECRET,), 300))


@given(
    headers=st.dictionaries(
        st.sampled_from([*STANDARD, *TIMESTAMPED]),
        st.one_of(st.text(max_size=80), st.sampled_from(["v1,", "v1,AAAA", "sha256=00", str(AT), "\udcff"])),
    ),
    body=st.binary(max_size=80),
)
def test_nothing_that_anybody_sends_is_trusted_or_breaks_it(headers: dict[str, str], body: bytes) -> None:
    """Whatever stands in headers and body, without a secret it is refused, and nothing else is raised."""
    assert doubt(headers, body) in {"unsigned", "forged"}


@given(
    delivery_id=st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=40),
    at=st.integers(0, 10**11),
    body=st.binary(max_size=200),
    late=st.integers(-1000, 1000),
)
def test_what_linq_signs_is_genuine_for_its_time(delivery_id: str, at: int, body: bytes, late: int) -> None:
    """A delivery that is signed as the vendor's page does it is genuine within the tolerance, and only there."""
    signed = f"{delivery_id}.{at}.".encode() + body
    signature = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": delivery_id, "webhook-timestamp": str(at), "webhook-signature": f"v1,{signature}"}
    if abs(late) <= 300:
        assert verified(headers, body, SECRET, now=at + late) == Genuine("standard", delivery_id)
    else:
        assert doubt(headers, body, SECRET, now=at + late) == ("stale" if late > 0 else "early")
