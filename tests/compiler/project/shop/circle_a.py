# ruff: noqa: F401, F403
from shop.circle_b import *
from shop.circle_b import around
