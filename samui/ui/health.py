"""Routes that tell a machine how the server is: alive and ready, and figures for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from samui.errors import SamuiError
from samui.serve.service import Service

Function = Callable[[Any], Any]
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


def health(service: Service) -> Route:
    """The route /healthz: 200 once the model that pages start with is loaded, 503 before."""

    def tell(_request: Request) -> Response:
        ready = service.server.predictors.has(service.settings.model)
        told = {
            "alive": True,
            "ready": ready,
            "at_work": service.seats.at_work,
            "waiting": service.server.turns.waiting,
        }
        return JSONResponse(told, 200 if ready else 503, headers={"Cache-Control": "no-store"})

    return Route("/healthz", tell)


class Metrics:
    """What a server does, counted for Prometheus; needs its client library (`pip install samui[metrics]`)."""

    def __init__(self, service: Service) -> None:
        """Raises SamuiError without the library."""
        try:
            import prometheus_client
        except ImportError:
            raise SamuiError("--metrics: must have prometheus-client, `pip install prometheus-client`") from None
        self._client, self._service = prometheus_client, service
        self._registry = prometheus_client.CollectorRegistry()
        self._seconds = prometheus_client.Histogram(
            "samui_request_seconds",
            "Time to answer a page's request",
            ["action", "outcome"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(self)

    @property
    def route(self) -> Route:
        """The route /metrics."""

        def tell(_request: Request) -> Response:
            text = self._client.generate_latest(self._registry)
            return Response(text, media_type=self._client.CONTENT_TYPE_LATEST)

        return Route("/metrics", tell)

    def timed(self, functions: Mapping[tuple[int, str], Function]) -> dict[tuple[int, str], Function]:
        """The same server functions, with their times counted by action and by what came of it."""
        return {key: self._timed(key[1], function) for key, function in functions.items()}

    def _timed(self, name: str, function: Function) -> Function:
        def call(data: Any) -> Any:
            began = time.perf_counter()
            answer = function(data)
            action = data.get("action") if name == "act" and answer.get("kind") != "request" else name
            self._seconds.labels(action, _outcome(answer)).observe(time.perf_counter() - began)
            return answer

        return call

    def collect(self) -> Iterator[Any]:
        """What stands in the server now, in the client library's form."""
        server, family = self._service.server, self._client.metrics_core
        counts = server.embeddings.counts
        for name, what, value in (
            ("samui_seats", "Pages that hold a seat", len(server.seats)),
            ("samui_seats_at_work", "Seats that have opened an image", server.seats.at_work),
            ("samui_waiting_calls", "Decoder calls that wait for their turn", server.turns.waiting),
            ("samui_embedding_bytes", "Memory of embeddings", server.embeddings.nbytes),
        ):
            yield family.GaugeMetricFamily(name, what, value)
        for name, what, value in (
            ("samui_encodes", "Runs of the image encoder", counts.encodes),
            ("samui_embedding_hits", "Embeddings found in memory", counts.hits),
            ("samui_embedding_disk_hits", "Embeddings found on disk", counts.disk_hits),
            ("samui_embedding_evictions", "Embeddings that were dropped for others", counts.evictions),
        ):
            yield family.CounterMetricFamily(name, what, value)


def _outcome(answer: Mapping[str, Any]) -> str:
    if answer.get("overtaken"):
        return "overtaken"
    return "ok" if answer.get("ok") else str(answer.get("kind", "error"))
