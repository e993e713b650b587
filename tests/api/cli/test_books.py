"""The books as the command line prints them, on both clocks."""

import json

from tests.api.cli.conftest import Ask, Run


def test_trial_balance(story: Ask, run: Run):
    assert story("trial-balance") == {
        "position": 4,
        "currencies": {
            "CNY": {
                "debit": 6000,
                "credit": 6000,
                "accounts": [
                    {"account": "bank", "kind": "asset", "balance": 6000},
                    {"account": "order_escrow:web:1", "kind": "liability", "balance": 6000},
                ],
            }
        },
    }
    shown = run("trial-balance").stdout.splitlines()
    assert [line.split() for line in shown] == [
        ["CNY", "at", "position", "4"],
        ["account", "kind", "debit", "credit"],
        ["bank", "asset", "60.00"],
        ["order_escrow:web:1", "liability", "60.00"],
        ["total", "60.00", "60.00"],
    ]


def test_trial_balance_by_kind(story: Ask, run: Run):
    line = {"sku": "tea", "amount": 500}
    order = {"shop": "S1", "buyer": "B2", "currency": "CNY", "lines": [line]}
    story("do", "orders.place", "web:2", "--data", json.dumps(order))
    story("do", "orders.pay", "web:2", "--data", '{"cash": 500}')
    shown = run("trial-balance", "--by-kind").stdout.splitlines()
    assert [line.split() for line in shown[2:]] == [
        ["bank", "asset", "65.00"],
        ["order_escrow", "of", "2", "liability", "65.00"],
        ["total", "65.00", "65.00"],
    ]


def test_trial_balance_of_nothing(ask: Ask, run: Run):
    assert ask("trial-balance") == {"position": 0, "currencies": {}}
    assert run("trial-balance").stdout == "Nothing is posted at position 0.\n"


def test_trial_balance_on_both_clocks(story: Ask):
    def accounts(*args: str) -> dict[str, int]:
        book = story("trial-balance", *args)["currencies"].get("CNY", {"accounts": []})
        return {line["account"]: line["balance"] for line in book["accounts"]}

    before = {"bank": 10000, "order_escrow:web:1": 10000}
    assert accounts("--as-of", "2021-06-02T11:59:59+08:00") == before
    assert accounts("--as-of", "2021-06-02") == before
    assert accounts("--as-at", "3") == before
    assert accounts("--as-at", "4", "--as-of", "2021-06-01") == {}
    assert accounts("--as-at", "2021-06-05") == {}  # when nothing was recorded yet
    assert accounts("--as-at", "9999-01-01") == {"bank": 6000, "order_escrow:web:1": 6000}


def test_accounts_at_zero_on_request(story: Ask):
    story("do", "shops.pay-deposit", "S1", "--data", '{"amount": 5}')
    story("do", "shops.request-closing", "S1")
    story("do", "shops.refund-deposit", "S1")
    listed = story("trial-balance", "--all")["currencies"]["CNY"]["accounts"]
    assert {"account": "shop_deposit:S1", "kind": "liability", "balance": 0} in listed
    assert "shop_deposit:S1" not in str(story("trial-balance"))


def test_clocks_that_cannot_be_read(story: Ask, run: Run):
    for args, says in (
        (["--as-of", "yesterday"], "error[invalid_time]: The time cannot be read. Got 'yesterday'. (as_of)"),
        (["--as-at", "yesterday"], "error[invalid_time]: The time cannot be read. Got 'yesterday'. (as_at)"),
        (["--as-at", "5"], "error[unknown_position]: No fact stands at this position."),
    ):
        assert run("trial-balance", *args, status=2).stderr.startswith(says)


def test_balance(story: Ask, run: Run):
    assert story("balance", "bank") == {"account": "bank", "kind": "asset", "balances": {"CNY": 6000}}
    assert story("balance", "bank", "--as-at", "3")["balances"] == {"CNY": 10000}
    assert run("balance", "bank").stdout.splitlines()[1].split() == ["bank", "asset", "60.00", "CNY"]


def test_statement_page_by_page(story: Ask, run: Run):
    paid = {
        "position": 3,
        "number": 0,
        "effective_at": "2021-06-01T10:05:00+08:00",
        "type": "order-paid",
        "stream": "order-web:1",
        "other": "order_escrow:web:1",
        "change": 10000,
        "balance": 10000,
    }
    given_back = {
        "position": 4,
        "number": 0,
        "effective_at": "2021-06-02T12:00:00+08:00",
        "type": "refund-completed",
        "stream": "refund-R1",
        "other": "order_escrow:web:1",
        "change": -4000,
        "balance": 6000,
    }
    head = {"account": "bank", "kind": "asset", "currency": "CNY"}
    assert story("statement", "bank") == {**head, "lines": [paid, given_back], "next": None}
    assert story("statement", "bank", "--limit", 1) == {**head, "lines": [paid], "next": "3/0"}
    assert story("statement", "bank", "--after", "3/0") == {**head, "lines": [given_back], "next": None}
    assert story("statement", "bank", "--after", "3")["lines"] == [given_back]
    shown = run("statement", "bank", "--limit", 1)
    assert "2021-06-01T10:05:00+08:00" in shown.stdout
    assert shown.stderr == "There is more: --after 3/0\n"


def test_an_account_in_two_currencies(story: Ask, run: Run):
    story("do", "shops.open", "S2", "--data", '{"currency": "GBP"}')
    story("do", "shops.pay-deposit", "S2", "--data", '{"amount": 5}')
    assert story("balance", "bank")["balances"] == {"CNY": 6000, "GBP": 5}
    assert "bank has CNY, GBP: name one." in run("statement", "bank", status=2).stderr
    assert [line["change"] for line in story("statement", "bank", "--currency", "GBP")["lines"]] == [5]


def test_journal(story: Ask, run: Run):
    found = story("journal")
    assert [(line["debit"], line["credit"], line["amount"], line["currency"]) for line in found["lines"]] == [
        ("bank", "order_escrow:web:1", 10000, "CNY"),
        ("order_escrow:web:1", "bank", 4000, "CNY"),
    ]
    assert set(found["lines"][0]) == set(
        "position number effective_at posted_at type stream debit credit amount currency".split()
    )
    assert found["next"] is None
    assert story("journal", "--limit", 1)["next"] == "3/0"
    assert len(story("journal", "--as-of", "2021-06-02")["lines"]) == 1
    assert len(run("journal").stdout.splitlines()) == 3


def test_what_comes_too_late_for_a_closed_month_is_posted_after_it(story: Ask, run: Run):
    story("do", "periods.close", "2021-06")
    story("do", "shops.pay-deposit", "S1", "--data", '{"amount": 7, "at": "2021-06-20T00:00:00+08:00"}')
    end = ("--as-of", "2021-06-30T23:59:59+08:00")
    assert story("balance", "bank", *end)["balances"] == {"CNY": 6007}
    assert story("balance", "bank", *end, "--posted")["balances"] == {"CNY": 6000}
    assert story("balance", "bank", "--posted")["balances"] == {"CNY": 6007}
    assert story("trial-balance", *end, "--posted")["currencies"]["CNY"]["debit"] == 6000
    late = story("journal")["lines"][-1]
    assert late["effective_at"] == "2021-06-20T00:00:00+08:00"
    assert late["posted_at"] == "2021-07-01T00:00:00+08:00"
    (month,) = story("periods")["periods"]
    assert (month["period"], month["until"]) == ("2021-06", "2021-07-01T00:00:00+08:00")
    assert "2021-06" in run("periods").stdout
    (line,) = [line for line in run("journal").stdout.splitlines() if "2021-07-01" in line]
    assert "2021-06-20" in line
