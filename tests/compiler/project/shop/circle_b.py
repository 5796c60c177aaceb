# ruff: noqa: F401, F403
from shop.circle_a import *
from shop.circle_a import around
