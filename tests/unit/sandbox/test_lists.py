"""Pages of lists, and deleted objects in expanded answers (FACTS_B 106-108; SB 9.4, 10.1)."""

from __future__ import annotations

from tests.support.sandbox_client import sandbox_client


def test_a_page_has_at_most_a_hundred_rows() -> None:
    """FACTS_B 107: a limit of 101 is answered with 100 rows."""
    with sandbox_client() as stripe:
        for number in range(101):
            stripe.post("/v1/products", name=f"p{number}")
        page = stripe.get("/v1/products", limit=101)
    assert (len(page["data"]), page["has_more"]) == (100, True)


def test_a_discount_keeps_its_deleted_coupon_and_shows_its_id_alone() -> None:
    """SB 9.4: the coupon is deleted, and the discount of the subscription stays."""
    with sandbox_client() as stripe:
        coupon = stripe.post("/v1/coupons", percent_off=20, duration="forever")["id"]
        items = [{"price": stripe.price(2000)}]
        made = stripe.post("/v1/subscriptions", customer=stripe.customer(), items=items, discounts=[{"coupon": coupon}])
        assert stripe.send("DELETE", f"/v1/coupons/{coupon}")[0] == 200
        (discount,) = stripe.get(f"/v1/subscriptions/{made['id']}", expand=["discounts.source.coupon"])["discounts"]
    assert discount["source"]["coupon"] == {"id": coupon, "object": "coupon", "deleted": True}
