"""Products: made with or without a default price, changed, archived and deleted."""

from __future__ import annotations

from sandbox.resources.stripe.objects import emit, get, listed
from sandbox.resources.stripe.pricing import new_price
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import check_own_id, check_url, merge_metadata
from sandbox.world.refusal import StripeRefusal, blank, invalid
from sandbox.world.state import Obj, World

TEXTS = ("description", "unit_label", "statement_descriptor", "url")
FILTERS = ("active", "shippable", "url")
SHOWN = ("images", "marketing_features", "package_dimensions", "shippable")


@route("post", "/v1/products", "id", "name", "active", *TEXTS, "metadata", "tax_code", "shippable", "images",
       "marketing_features", "package_dimensions", "default_price_data", "type")  # fmt: skip
def create_product(call: Call) -> Obj:
    """Create a product; ``default_price_data`` makes its price in the same step (FACTS_A 77, 101)."""
    world, params = call.world, call.params
    product = new_product(world, params)
    price = None
    if "default_price_data" in params:
        given = params["default_price_data"] | {"product": product["id"]}
        price = new_price(world, given, product["id"], within="default_price_data")
        product["default_price"] = price["id"]
    emit(call, "product.created", world.put("products", product))
    if price is not None:
        emit(call, "price.created", world.put("prices", price))
    return product


def new_product(world: World, params: Obj) -> Obj:
    """Return the product that these parameters make, not yet kept."""
    id = check_own_id(params["id"]) if params.get("id") else ""
    if id in world.stripe["products"]:
        raise StripeRefusal("Product already exists.", code="resource_already_exists")
    if not params["name"]:
        raise blank("name")
    check_url(params.get("url"), "url")
    return {
        "id": id or world.next_id("prod"),
        "object": "product",
        "active": params.get("active", True),
        "attributes": [],
        "created": world.now,
        "default_price": None,
        "images": params.get("images", []),
        "livemode": False,
        "marketing_features": params.get("marketing_features", []),
        "metadata": merge_metadata({}, params.get("metadata")),
        "name": params["name"],
        "package_dimensions": params.get("package_dimensions") or None,
        "shippable": params.get("shippable"),
        "type": params.get("type", "service"),
        "updated": world.now,
        **{name: params.get(name) or None for name in TEXTS},
        **tax_fields(params.get("tax_code")),
    }


def product_of(world: World, given: Obj) -> Obj:
    """Return the product that ``price_data`` names, or the one that it makes, as a line of an invoice may."""
    if ("product" in given) == ("product_data" in given):
        raise invalid("You must specify either `product` or `product_data` when creating a price.")
    if "product_data" in given:
        return world.put("products", new_product(world, given["product_data"]))
    return get(world, "products", given["product"], kind="product", param="price_data[product]", status=400)


def tax_fields(code: str | None) -> Obj:
    """Return the two fields that a tax code fills (FACTS_A 79)."""
    details = {"performance_location": None, "tax_code": code} if code else None
    return {"tax_code": code or None, "tax_details": details}


@route("post", "/v1/products/{id}", "name", "active", *TEXTS, *SHOWN, "metadata", "default_price", "tax_code")
def update_product(call: Call) -> Obj:
    product = get(call.world, "products", call.ids[0], kind="product")
    before, params = dict(product), call.params
    check_default_price(call, product)
    if params.get("name") == "":
        raise blank("name")
    check_url(params.get("url"), "url")
    for name in ("name", "active", "default_price", *TEXTS):
        if name in params:
            product[name] = None if params[name] == "" else params[name]
    empty: Obj = {"images": [], "marketing_features": []}
    product |= {name: params[name] or empty.get(name, params[name] or None) for name in SHOWN if name in params}
    if "tax_code" in params:
        product |= tax_fields(params["tax_code"])
    product["metadata"] = merge_metadata(product["metadata"], params.get("metadata"))
    product["updated"] = call.world.now
    emit(call, "product.updated", product, before)
    return product


def check_default_price(call: Call, product: Obj) -> None:
    """Refuse a default price that is unknown, of another product, or archived."""
    id = call.params.get("default_price")
    if not id:
        return
    price = get(call.world, "prices", id, kind="price", param="default_price", status=400)
    if price["product"] != product["id"]:
        raise invalid(f"The price {price['id']} does not belong to this product", param="default_price")
    if not price["active"]:
        raise invalid("The default price must be active", param="default_price")


@route("get", "/v1/products/{id}")
def retrieve_product(call: Call) -> Obj:
    return get(call.world, "products", call.ids[0], kind="product")


@route("delete", "/v1/products/{id}")
def delete_product(call: Call) -> Obj:
    """Delete a product without prices; the event shows it inactive (FACTS_A 99)."""
    product = get(call.world, "products", call.ids[0], kind="product")
    if any(price["product"] == product["id"] for price in call.world.stripe["prices"].values()):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    call.world.bury("products", product)
    emit(call, "product.deleted", product | {"active": False})
    return {"id": product["id"], "object": "product", "deleted": True}


@route("get", "/v1/products", *PAGING, *FILTERS, "ids")
def list_products(call: Call) -> Obj:
    """Return a page of the products; an id that does not exist is skipped (FACTS_A 75)."""
    ids, filters = call.params.get("ids"), {name: call.params[name] for name in FILTERS if name in call.params}

    def keep(product: Obj) -> bool:
        return all(product[name] == value for name, value in filters.items()) and (ids is None or product["id"] in ids)

    return listed(call, "products", keep)
