"""Prices: usage × model × date → USD, as decimals, without the network."""

from otel_sessionopt.pricing.catalog import PriceCatalog, PriceClass, Rates
from otel_sessionopt.pricing.layers import Catalog, default_catalog
from otel_sessionopt.pricing.overrides import PriceOverride

__all__ = ["Catalog", "PriceCatalog", "PriceClass", "PriceOverride", "Rates", "default_catalog"]
