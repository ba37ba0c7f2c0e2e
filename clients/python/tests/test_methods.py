"""Each method that is written from the API's own description sends its operation, with what it is given in its place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any
from urllib.parse import unquote, urlsplit

from support import Handler, answer_json, text

import tollgate
from tollgate._management_types import CALLS

EMPTY = answer_json(200, {"data": [], "next_cursor": None})
CSV = text(200, "text/csv", "id\n1\n")


def empty(handler: Handler) -> None:
    (CSV if "/usage/export" in handler.path else EMPTY)(handler)


def give_names(operation: str, id_name: str) -> dict[str, str]:
    names = re.findall(r"\{(\w+)\}", operation)
    return {id_name if name == "id" else name: f"given-{name}" for name in names}


def test_each_method_sends_its_operation_with_what_its_path_names_in_its_place(kind: str, serve: Any) -> None:
    server = serve(empty)
    client = server.connect(kind)
    for name, (operation, _, _, id_name) in CALLS.items():
        getattr(client, name)(**give_names(operation, id_name))
        seen = server.requests[-1]
        path = unquote(urlsplit(seen.path).path).removeprefix("/api/v1")
        expected = re.sub(r"\{(\w+)\}", r"given-\1", operation)
        assert f"{seen.method} {path}" == expected, name
    assert len(server.requests) == len(CALLS) > 100
    client.close()


def test_what_is_given_goes_into_the_query_or_the_body_and_names_the_organization_where_the_api_reads_it(
    kind: str, serve: Any
) -> None:
    server = serve(EMPTY)
    client = server.connect(kind)
    client.list_members(external_id="a/b", limit=5)
    client.add_member(organization_id="o1", email="ada@example.com")
    client.update_webhook(external_id="c1", endpoint_id="w1", description="New")
    client.update_customer(external_id="c1", name="Ada")
    client.update_customer(organization_id="o1", external_id="c2")
    client.cancel_subscription(external_id="c1")
    client.send_test_webhook(external_id="c1", endpoint_id="w1")

    sent = [(one.path.removeprefix("/api/v1"), json.loads(one.body) if one.body else None) for one in server.requests]
    assert sent == [
        ("/organizations/external_id%3Aa%2Fb/members?limit=5", None),
        ("/admin/organizations/o1/members", {"email": "ada@example.com"}),
        ("/webhook-endpoints/w1?external_id=c1", {"description": "New"}),
        ("/admin/organizations/external_id%3Ac1", {"name": "Ada"}),
        ("/admin/organizations/o1", {"external_id": "c2"}),
        ("/billing/cancel", {"external_id": "c1"}),
        ("/webhook-endpoints/w1/test?external_id=c1", None),
    ]
    client.close()


def test_a_list_is_iterated_over_all_of_its_pages_with_what_it_was_given(kind: str, serve: Any) -> None:
    pages = [{"data": [{"id": f"{at}a"}, {"id": f"{at}b"}], "next_cursor": cursor} for at, cursor in ((0, "x"), (1, None))]
    server = serve(*(answer_json(200, page) for page in pages))
    client = server.connect(kind)
    assert [one.id for one in client.read_all("list_users", limit=2)] == ["0a", "0b", "1a", "1b"]
    assert [urlsplit(one.path).query for one in server.requests] == ["limit=2", "limit=2&cursor=x"]
    client.close()


def test_a_member_who_was_added_and_one_who_was_invited_are_told_apart(kind: str, serve: Any) -> None:
    member = {"user_id": "u1", "email": "a@b.c", "name": None, "role": "member", "is_active": True}
    invitation = {"id": "i1", "email": "a@b.c", "role": "member", "status": "pending", "expires_at": "2027-01-01"}
    client = serve(answer_json(201, member), answer_json(202, invitation)).connect(kind)
    added = client.add_member(external_id="c1", email="a@b.c")
    invited = client.add_member(external_id="c1", email="a@b.c")
    assert (type(added).__name__, type(invited).__name__) == ("Member", "Invitation")
    client.close()


def test_the_classes_of_rarer_answers_are_made_when_somebody_needs_one() -> None:
    program = """import sys, tollgate
rare = lambda: "tollgate._management_types" in sys.modules
before = rare()
print(before, tollgate.Credits.__name__, rare())"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["False", "Credits", "True"]
    for name in tollgate.__all__:
        assert getattr(tollgate, name) is not None
    assert not hasattr(tollgate, "Kredits")
