"""Every dashboard, in the order in which one looks at them."""

from tidewheel.observability.dashboards.learning import LEARNING
from tidewheel.observability.dashboards.machine import MACHINE
from tidewheel.observability.dashboards.market import MARKET_AND_LABELS
from tidewheel.observability.dashboards.overview import OVERVIEW
from tidewheel.observability.dashboards.serving import SERVING

DASHBOARDS = (OVERVIEW, MARKET_AND_LABELS, LEARNING, SERVING, MACHINE)
