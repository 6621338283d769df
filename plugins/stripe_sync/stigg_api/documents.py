"""Our GraphQL documents. Lists name their page size always: Stigg's default of 10 would silently be the whole list."""

from __future__ import annotations

from typing import Final

PRICE_PARTS: Final = """
fragment PriceParts on Price {
  id billingModel billingPeriod billingCadence billingCountryCode billingId blockSize isOverridePrice
  price { amount currency }
  tiersMode tiers { upTo unitPrice { amount currency } flatPrice { amount currency } }
  feature { refId displayName }
}
"""

ENVIRONMENTS: Final = """
query Environments($paging: CursorPaging!) {
  environments(paging: $paging) {
    pageInfo { hasNextPage endCursor }
    edges { node { id slug displayName type } }
  }
}
"""

CURRENT_ENVIRONMENT: Final = "query CurrentEnvironment { currentEnvironment }"

INTEGRATIONS: Final = """
query Integrations($paging: CursorPaging!) {
  integrations(filter: {vendorType: {eq: BILLING}}, paging: $paging) {
    pageInfo { hasNextPage endCursor }
    edges { node { id vendorIdentifier vendorType isDefault } }
  }
}
"""

PRODUCTS: Final = """
query Products($paging: CursorPaging!) {
  products(paging: $paging, sorting: [{field: createdAt, direction: ASC}]) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { id refId displayName status updatedAt } }
  }
}
"""

PACKAGES: Final = (
    """
query ROOT($paging: CursorPaging!) {
  LIST(paging: $paging, sorting: [{field: createdAt, direction: ASC}]) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node {
      id refId displayName status pricingType versionNumber isLatest billingId updatedAt
      product { refId displayName }
      prices { ...PriceParts }
    } }
  }
}
"""
    + PRICE_PARTS
)
PLANS: Final = PACKAGES.replace("ROOT", "Plans").replace("LIST", "plans")
ADDONS: Final = PACKAGES.replace("ROOT", "Addons").replace("LIST", "addons")

CUSTOMERS: Final = """
query Customers($paging: CursorPaging!) {
  customers(paging: $paging, sorting: [{field: createdAt, direction: ASC}]) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { id customerId name email billingId hasPaymentMethod deletedAt additionalMetaData updatedAt } }
  }
}
"""

SUBSCRIPTIONS: Final = (
    """
query Subscriptions($filter: CustomerSubscriptionFilter, $paging: CursorPaging!) {
  customerSubscriptions(filter: $filter, paging: $paging, sorting: [{field: createdAt, direction: ASC}]) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node {
      id subscriptionId status pricingType isCustomPriceSubscription billingId paymentCollectionMethod billingPeriod
      billingCycleAnchor startDate endDate effectiveEndDate cancellationDate cancelReason trialEndDate wasInTrial
      currentBillingPeriodStart currentBillingPeriodEnd createdAt
      customer { customerId } payingCustomer { customerId }
      plan { refId versionNumber }
      addons { quantity updatedAt addon { refId versionNumber } price { ...PriceParts } }
      prices(filter: {}) { id usageLimit billingModel updatedAt price { ...PriceParts } }
      freeItems { addonId quantity }
    } }
  }
}
"""
    + PRICE_PARTS
)

# Every list that an extract reads: our kind, the root field, the document.
LISTS: Final = {
    "product": ("products", PRODUCTS),
    "plan": ("plans", PLANS),
    "addon": ("addons", ADDONS),
    "customer": ("customers", CUSTOMERS),
    "subscription": ("customerSubscriptions", SUBSCRIPTIONS),
}
