"""Event names as other tools write them -> Segment's (e-commerce v2). The one list of them.

Sources: Segment's specification (v2 and the names of v1), Klaviyo's API metrics, Braze's
recommended e-commerce events. Upper and lower case do not matter for a known name.
"""

_SEGMENT = """
Products Searched, Product List Viewed, Product List Filtered, Promotion Viewed,
Promotion Clicked, Product Clicked, Product Viewed, Product Added, Product Removed, Cart Viewed,
Checkout Started, Checkout Step Viewed, Checkout Step Completed, Payment Info Entered,
Order Completed, Order Updated, Order Refunded, Order Cancelled, Coupon Entered, Coupon Applied,
Coupon Denied, Coupon Removed, Product Added to Wishlist, Product Removed from Wishlist,
Wishlist Product Added to Cart, Product Shared, Cart Shared, Product Reviewed,
Signed Up, Order Fulfilled, Order Delivered, Resource Downloaded, Webinar Registered,
Webinar Attended, Form Submitted, Email Delivered, Email Opened, Email Link Clicked,
Email Bounced, Email Marked as Spam, Unsubscribed, Subscribed, Preferences Updated
"""

_ALIASES = {
    # Klaviyo
    "Viewed Product": "Product Viewed",
    "Added to Cart": "Product Added",
    "Started Checkout": "Checkout Started",
    "Placed Order": "Order Completed",
    "Fulfilled Order": "Order Fulfilled",
    "Cancelled Order": "Order Cancelled",
    "Refunded Order": "Order Refunded",
    # Braze; its cart is told whole and is never empty, so every update is a cart with goods in it
    "ecommerce.product_viewed": "Product Viewed",
    "ecommerce.cart_updated": "Product Added",
    "ecommerce.checkout_started": "Checkout Started",
    "ecommerce.order_placed": "Order Completed",
    "ecommerce.order_cancelled": "Order Cancelled",
    "ecommerce.order_refunded": "Order Refunded",
    # Segment v1
    "Added Product": "Product Added",
    "Removed Product": "Product Removed",
    "Completed Order": "Order Completed",
}

_KNOWN = {
    **{name.casefold(): name for name in (n.strip() for n in _SEGMENT.split(","))},
    **{alias.casefold(): name for alias, name in _ALIASES.items()},
}


def known_as(name: str) -> str:
    """Segment's name for an event; a name that nobody knows is the shop's own and stays."""
    stripped = name.strip()
    return _KNOWN.get(stripped.casefold(), stripped)
